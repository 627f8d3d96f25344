/** How results are shown to people. */
import type { PlanSummary } from "../graph/plan.ts";
import { formatBytes } from "../gpu/gpu.ts";
import type { Skipped } from "../data/sample.ts";
import type { Confusion } from "../metrics/confusion.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import { figureNames, type FigureName, type Summary } from "../metrics/summary.ts";
import type { TrainConfig } from "../train/config.ts";
import { table } from "./table.ts";
import { visibleName } from "./terminal.ts";

/** "F1 0.912  AUC 0.953  accuracy 0.900  Dice 0.801"; the loss in place of an F1 that says nothing. */
export function showMetrics({ f1, loss, auc, accuracy, dice }: Evaluation): string {
  const parts: [string, number | undefined][] = [
    loss === undefined ? ["F1", f1] : ["loss", loss],
    ["AUC", auc],
    ["accuracy", accuracy],
    ["Dice", dice],
  ];
  return parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value.toFixed(3)}`])).join("  ");
}

/** Said of a network whose masks mean nothing. */
export const NO_OUTLINES =
  "This network has not learned outlines (--seg-epochs 0 --alpha 0): it gives probabilities only.";

const titles: Readonly<Record<FigureName, string>> = {
  accuracy: "accuracy",
  auc: "AUC",
  f1: "F1",
  sensitivity: "sensitivity",
  specificity: "specificity",
  ppv: "PPV (precision)",
  npv: "NPV",
  averagePrecision: "average precision",
  brier: "Brier score",
  calibrationError: "calibration error",
  dice: "Dice of the mask",
  iou: "IoU of the mask",
};

/** A table of all figures with their bootstrap intervals; those of classes only where classes were evaluated. */
export function showFigures({ figures, classified, images, patients }: Summary): string[] {
  const names = figureNames.filter((name) => classified > 0 || name === "dice" || name === "iou");
  const rows = names.map((name) => {
    const figure = figures[name];
    if (figure.value === null) return [`  ${titles[name]}`, "", `not defined: ${figure.reason}`];
    const { interval } = figure;
    const range = interval ? interval.map((v) => v.toFixed(3)).join(" to ") : "not known";
    return [`  ${titles[name]}`, figure.value.toFixed(3), range];
  });
  const drawn = patients === null ? `${images} images` : `${patients} patients`;
  return table(["", "", `95 % by bootstrap over ${drawn}`], rows, { left: [0, 2] });
}

/** A small table of the confusion matrix. */
export function showConfusion({ tp, fp, fn, tn }: Confusion): string {
  const row = (name: string, a: number | string, b: number | string) =>
    `  ${name.padEnd(18)}${String(a).padStart(8)}${String(b).padStart(11)}`;
  return [row("", "benign", "malignant"), row("truly benign", tn, fp), row("truly malignant", fn, tp)].join("\n");
}

/** What was left out: how many, and the first few with their reasons. */
export function showSkipped(skipped: readonly Skipped[]): string[] {
  if (skipped.length === 0) return [];
  const shown = skipped.slice(0, 5).map(({ file, reason }) => visibleName(`  ${file}: ${reason}`));
  const more = skipped.length > shown.length ? [`  and ${skipped.length - shown.length} more`] : [];
  return [`${skipped.length} left out:`, ...shown, ...more];
}

/** The first of the notes on a data set, and how many more there are. */
export const showNotes = (notes: readonly string[]): string[] => [
  ...notes.slice(0, SHOWN_NOTES).map(visibleName),
  ...(notes.length > SHOWN_NOTES ? [`and ${notes.length - SHOWN_NOTES} more remarks`] : []),
];
const SHOWN_NOTES = 5;

export function showSummary({
  nodes,
  dispatches,
  flops,
  peakBytes,
  lowerBoundBytes,
  variableBytes,
}: PlanSummary): string {
  const above = ((peakBytes / lowerBoundBytes - 1) * 100).toFixed(1);
  return (
    `${nodes} nodes, ${dispatches} dispatches, ${(flops / 1e9).toFixed(2)} GFLOP a step; ` +
    `activations ${formatBytes(peakBytes)} (lower bound ${formatBytes(lowerBoundBytes)}, +${above} %), ` +
    `parameters and state ${formatBytes(variableBytes)}`
  );
}

/** "quick: width 0.25, 96×96, batch 8, 3 + 5 epochs". */
export const showSettings = ({ preset, width, size, batch, epochs }: TrainConfig): string =>
  `${preset}: width ${width}, ${size[0]}×${size[1]}, batch ${batch}, ${epochs.segmentation} + ${epochs.joint} epochs`;
