/** Computes all metrics of a checkpoint on images, and compares it with another one. */
import type { Gpu } from "../gpu/gpu.ts";
import { DEFAULT_THRESHOLD } from "../metrics/decision.ts";
import type { DelongComparison } from "../metrics/delong.ts";
import { casesOf, classified, type ImagePrediction } from "../metrics/predictions.ts";
import { summarise, type Summary } from "../metrics/summary.ts";
import { chooseThreshold, type ThresholdRule } from "../metrics/threshold.ts";
import { ConfigError } from "../models/config-error.ts";
import type { Prepared } from "../data/sample.ts";
import { isClassifier } from "../train/checkpoint.ts";
import { chooseImages, type ChoiceOptions, type ChosenImages } from "./choose-images.ts";
import { compareAucs, imagesForOther, type CompareOptions } from "./compare.ts";
import { evaluateImages } from "./evaluate-images.ts";
import type { ImageSource } from "./images.ts";
import { openModel } from "./open-model.ts";
import type { Loaded } from "./run.ts";

export interface EvaluateTask extends CompareOptions {
  loaded: Loaded;
  source: ImageSource;
  choice: ChoiceOptions;
  /** An image is predicted positive at or above this probability, or the rule that chooses it; default 0.5. */
  threshold?: number | ThresholdRule | undefined;
  /** Another checkpoint, evaluated on the same images. */
  compare?: Loaded | undefined;
}

export interface Threshold {
  value: number;
  /** The rule that chose it, and on how many validation images. */
  chosen?: { rule: ThresholdRule; images: number; /** The evaluated images are the same. */ same: boolean };
}

export interface Evaluated {
  found: ImagePrediction[];
  threshold: Threshold;
  summary: Summary;
  comparison: { checkpoint: string; delong: DelongComparison | string } | undefined;
}

/** An evaluation with its images ready. */
export interface ReadyEvaluation {
  chosen: ChosenImages;
  /** What the user should know beforehand. */
  notes: string[];
  run(gpu: Gpu): Promise<Evaluated>;
}

/** Reads the images, before a device is needed. @throws ConfigError, DataError, InputError */
export async function prepareEvaluation(task: EvaluateTask): Promise<ReadyEvaluation> {
  const { loaded, source, choice, threshold, compare } = task;
  if (!isClassifier(loaded.checkpoint)) {
    const idle = threshold !== undefined ? "threshold" : compare !== undefined ? "compare" : undefined;
    if (idle) throw new ConfigError("the classifier of this checkpoint has not been trained yet", idle);
  }
  const chosen = await chooseImages(source, loaded, choice, task);
  const { config } = loaded.checkpoint;
  const other = compare && { loaded: compare, ...(await imagesForOther(source, compare, config, chosen, task)) };
  return { chosen, notes: other?.notes ?? [], run: (gpu) => evaluateOn(gpu, task, chosen, other) };
}

async function evaluateOn(
  gpu: Gpu,
  task: EvaluateTask,
  chosen: ChosenImages,
  other: { loaded: Loaded; images: Prepared[] } | undefined,
): Promise<Evaluated> {
  const { loaded, source, threshold: wanted = DEFAULT_THRESHOLD } = task;
  using open = openModel(gpu, loaded);
  const { classes, hasOutlines: outlines } = open;
  const { images: found } = await evaluateImages(open, source, chosen.images);
  const threshold = typeof wanted === "number" ? { value: wanted } : await chosenThreshold(wanted);
  const summary = summarise(found, threshold.value, { classes, outlines });
  if (!other) return { found, threshold, summary, comparison: undefined };
  using beside = openModel(gpu, other.loaded);
  const { images: others } = await evaluateImages(beside, source, other.images);
  const delong = compareAucs(classified(found), classified(others), classes);
  return { found, threshold, summary, comparison: { checkpoint: other.loaded.file, delong } };

  /** Chosen by a rule from the run's validation images, whichever images are evaluated. */
  async function chosenThreshold(rule: ThresholdRule): Promise<Threshold> {
    const same = chosen.on === "val";
    const val = same ? undefined : await chooseImages(source, loaded, { on: "val" }, task);
    const known = classified(val ? (await evaluateImages(open, source, val.images)).images : found);
    const best = chooseThreshold(casesOf(known, classes), rule);
    if (best.value === null) {
      throw new ConfigError(`${rule} cannot be chosen on the validation images: ${best.reason}`, "threshold");
    }
    return { value: best.value, chosen: { rule, images: known.length, same } };
  }
}
