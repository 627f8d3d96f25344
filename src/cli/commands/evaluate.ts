/** `mganet evaluate`: computes all metrics of a checkpoint on images. */
import path from "node:path";
import type { Gpu } from "../../gpu/gpu.ts";
import type { Prepared } from "../../data/sample.ts";
import { delongLines } from "../show-comparison.ts";
import { thresholdText } from "../../metrics/decision.ts";
import { caseKinds, notableCases } from "../../metrics/notable-cases.ts";
import { classified, writePredictions } from "../../metrics/predictions.ts";
import type { ThresholdRule } from "../../metrics/threshold.ts";
import { folderImages } from "../../node/image-source.ts";
import { drawExplained } from "../../node/panels.ts";
import { requireWritableFile, requireWritableFolder, writeWhole } from "../../node/files.ts";
import type { ChoiceOptions } from "../../runs/choose-images.ts";
import { prepareEvaluation, type Evaluated, type Threshold } from "../../runs/evaluate.ts";
import { explainImages, requireExplainable, type ExplainSettings } from "../../runs/explain.ts";
import type { Loaded } from "../../runs/run.ts";
import { isClassifier } from "../../train/checkpoint.ts";
import { classesOf } from "../../train/classes.ts";
import { outlinesOf, specOf } from "../../train/config.ts";
import { explainSettings, type ExplainFlags } from "../explain.ts";
import { NO_OUTLINES, showFigures, showNotes, showSkipped, showSummaryMatrix } from "../format.ts";
import { findCheckpoint, sameFile } from "../targets.ts";
import { visibleName } from "../terminal.ts";
import { withTunedGpu, type TunedOption } from "../tuned.ts";

export interface EvaluateOptions extends TunedOption, ChoiceOptions, ExplainFlags {
  checkpoint?: "best" | "last";
  threshold?: number | ThresholdRule;
  compare?: string;
  json?: string;
  /** Number of panels of each kind, with --explain; default 3. */
  panels?: number;
  /** Where they go; default "explained". */
  out?: string;
}

export async function evaluateRun(target: string, options: EvaluateOptions): Promise<void> {
  const { json, threshold, compare, panels = 3, out = "explained" } = options;
  if (json !== undefined) await requireWritableFile(json);
  const loaded = await findCheckpoint(target, options.checkpoint);
  const { checkpoint, file } = loaded;
  const explain = await explainSettings(options, ["panels", "out"]);
  if (explain) {
    requireExplainable(loaded, explain);
    await requireWritableFolder(out);
  }
  const other = compare === undefined ? undefined : await findCheckpoint(compare);
  const ready = await prepareEvaluation({
    ...{ loaded, source: folderImages, choice: options, threshold, sameFile },
    ...(other ? { compare: other } : {}),
    emit: () => {},
  });
  const { chosen } = ready;
  for (const line of [...showSkipped(chosen.skipped), ...showNotes(chosen.notes)]) console.log(line);
  for (const note of ready.notes) console.log(visibleName(note));
  const evaluated = await withTunedGpu(options, async (gpu) => {
    const evaluated = await ready.run(gpu);
    console.log(`${file} on ${chosen.images.length} ${chosen.what}:`);
    for (const line of resultLines(loaded, evaluated)) console.log(line);
    if (explain) await writePanels(gpu, loaded, evaluated, chosen.images, explain, { panels, out });
    return evaluated;
  });
  if (json === undefined) return;
  const { found, summary, comparison } = evaluated;
  const { name: data, on, skipped } = chosen;
  const classes = classesOf(checkpoint.config);
  const record = { checkpoint: file, data, on, threshold: evaluated.threshold.value, classes, images: found };
  const more = { metrics: summary, skipped, ...(comparison ? { comparison } : {}) };
  await writeWhole(json, writePredictions(record, more));
}

function resultLines({ checkpoint }: Loaded, { found, threshold, summary, comparison }: Evaluated): string[] {
  const classes = classesOf(checkpoint.config);
  const trained = isClassifier(checkpoint);
  const { learned, without } = outlinesOf(checkpoint.config);
  const known = classified(found);
  return [
    // Nobody expects outlines from a model without masks.
    ...(!learned && without ? [NO_OUTLINES] : []),
    trained ? thresholdLine(threshold) : "The classifier of this checkpoint has not been trained yet.",
    ...showFigures(summary, classes, specOf(checkpoint.config).maskTerm(checkpoint.config) !== undefined),
    ...showSummaryMatrix(summary, classes),
    ...(comparison ? delongLines(comparison.checkpoint, comparison.delong, known) : []),
  ];
}

function thresholdLine({ value, chosen }: Threshold): string {
  const at = `Threshold ${thresholdText(value)}`;
  if (!chosen) return at;
  const criterion = chosen.rule === "f1" ? "F1" : "Youden index (sensitivity + specificity - 1)";
  const warning = chosen.same ? ", the very images evaluated here: its figures are optimistic" : "";
  return `${at}, that of the largest ${criterion} on the ${chosen.images} validation images${warning}`;
}

/** Writes panels of the most notable images, chosen as for the report, as `<kind>-<rank>.png`, and prints a line for each. */
async function writePanels(
  gpu: Gpu,
  loaded: Loaded,
  { found, threshold }: Evaluated,
  prepared: readonly Prepared[],
  settings: ExplainSettings,
  { panels: count, out }: { panels: number; out: string },
): Promise<void> {
  console.log("\nExplained:");
  const byId = new Map(prepared.map((p) => [p.id, p]));
  const chosen = notableCases(found, threshold.value, count, classesOf(loaded.checkpoint.config));
  const cases = caseKinds.flatMap((kind) => chosen[kind].map(({ image }, i) => ({ image, name: `${kind}-${i + 1}` })));
  const images = cases.map(({ image }) => byId.get(image)!);
  let next = 0;
  for await (const { explained, by, open } of explainImages(gpu, loaded, images, {
    ...settings,
    threshold: threshold.value,
  })) {
    const { title, png } = await drawExplained(explained, by, open);
    const file = path.join(out, `${cases[next++]!.name}.png`);
    await writeWhole(file, png);
    console.log(visibleName(`${file}: ${title}`));
  }
}
