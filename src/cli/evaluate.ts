/** `mganet evaluate`. */
import path from "node:path";
import type { DelongComparison } from "../metrics/delong.ts";
import { casesOf, classified, writePredictions, type ImagePrediction } from "../metrics/predictions.ts";
import { summarise } from "../metrics/summary.ts";
import { chooseThreshold, type ThresholdRule } from "../metrics/threshold.ts";
import { requireExplainable } from "../node/explain.ts";
import { requireWritableFile, requireWritableFolder, writeWhole } from "../node/files.ts";
import { predictionsOf } from "../node/predictions.ts";
import { findCheckpoint, withOwnSplit } from "../node/run-folder.ts";
import { trainedStage } from "../train/checkpoint.ts";
import { ConfigError, teachesOutlines, type TrainConfig } from "../train/config.ts";
import { compared, prepareOther, showCompared } from "./compare.ts";
import { explainSettings, explainTelling, type ExplainFlags } from "./explain.ts";
import { choose, evaluateImages, type ChoiceOptions, type Chosen } from "./evaluated.ts";
import { NO_OUTLINES, showConfusion, showFigures, showNotes, showSkipped } from "./format.ts";
import { visibleName } from "./terminal.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

export interface EvaluateOptions extends TunedOption, ChoiceOptions, ExplainFlags {
  checkpoint?: "best" | "last";
  threshold?: number | ThresholdRule;
  compare?: string;
  json?: string;
  /** Of each kind, with --explain. */
  panels: number;
  out: string;
}

export async function evaluateRun(target: string, options: EvaluateOptions): Promise<void> {
  const { json, threshold: wanted = 0.5 } = options;
  if (json !== undefined) await requireWritableFile(json);
  const { checkpoint, file } = await findCheckpoint(target, options.checkpoint);
  const untrained = trainedStage(checkpoint) === "segmentation";
  if (untrained) requireClassifier(options);
  const outlines = teachesOutlines(checkpoint.config);
  const explain = await explainSettings(options);
  if (explain) {
    requireExplainable({ checkpoint, file }, explain);
    await requireWritableFolder(options.out);
  }
  const config = withOwnSplit(checkpoint.config, path.dirname(file));
  const chosen = await choose(config, options);
  for (const line of [...showSkipped(chosen.skipped), ...showNotes(chosen.notes)]) console.log(line);
  const { compare } = options;
  const other = compare === undefined ? undefined : await prepareOther(compare, config, chosen);
  for (const note of other?.notes ?? []) console.log(visibleName(note));
  const { found, threshold, summary, comparison } = await withTunedGpu(options, async (gpu) => {
    const of = async ({ images }: Pick<Chosen, "images">, { checkpoint: c, file: f } = { checkpoint, file }) =>
      predictionsOf((await evaluateImages(gpu, c, f, images)).images, images);
    const found = await of(chosen);
    const threshold =
      typeof wanted === "number"
        ? { value: wanted, how: "" }
        : await chosenThreshold(wanted, config, chosen, found, of);
    const others = other && (await of(other, other));
    const summary = summarise(found, threshold.value, { outlines });
    console.log(`${file} on ${chosen.images.length} ${chosen.what}:`);
    if (!outlines) console.log(NO_OUTLINES);
    if (untrained) console.log("The classifier of this checkpoint has not been trained yet.");
    else console.log(`Threshold ${Number(threshold.value.toFixed(4))}${threshold.how}`);
    for (const line of showFigures(summary)) console.log(line);
    if (summary.confusion) console.log(showConfusion(summary.confusion));
    let comparison: { checkpoint: string; delong: DelongComparison | string } | undefined;
    if (others) {
      const known = classified(found);
      comparison = { checkpoint: other.file, delong: compared(known, classified(others)) };
      for (const line of showCompared(other.file, comparison.delong, known)) console.log(line);
    }
    if (explain) {
      const { panels: count, out } = options;
      console.log("\nExplained:");
      const telling = { settings: explain, count, out, threshold: threshold.value };
      await explainTelling(gpu, { checkpoint, file }, found, chosen.images, telling);
    }
    return { found, threshold, summary, comparison };
  });
  if (json === undefined) return;
  const { name, on, skipped } = chosen;
  const record = { checkpoint: file, data: name, on, threshold: threshold.value, images: found };
  const more = { metrics: summary, skipped, ...(comparison ? { comparison } : {}) };
  await writeWhole(json, writePredictions(record, more));
}

/** @throws ConfigError for options that mean nothing while there is no classification */
function requireClassifier({ threshold, compare }: EvaluateOptions): void {
  const option = threshold !== undefined ? "--threshold" : compare !== undefined ? "--compare" : undefined;
  if (option) throw new ConfigError(`${option}: the classifier of this checkpoint has not been trained yet`);
}

/**
 * A threshold by a rule, from the run's validation images, whichever images are evaluated.
 * @throws ConfigError if they do not allow it
 */
async function chosenThreshold(
  rule: ThresholdRule,
  config: TrainConfig,
  chosen: Chosen,
  own: readonly ImagePrediction[],
  of: (chosen: Chosen) => Promise<readonly ImagePrediction[]>,
) {
  const same = chosen.on === "val";
  const known = classified(same ? own : await of(await choose(config, { on: "val" })));
  const threshold = chooseThreshold(casesOf(known), rule);
  if (threshold.value === null) {
    throw new ConfigError(`--threshold ${rule}: cannot be chosen on the validation images: ${threshold.reason}`);
  }
  const criterion = rule === "f1" ? "F1" : "Youden index (sensitivity + specificity - 1)";
  const warning = same ? ", which are the same: the figures at it are too good" : "";
  return {
    value: threshold.value,
    how: `, that of the largest ${criterion} on the ${known.length} validation images${warning}`,
  };
}
