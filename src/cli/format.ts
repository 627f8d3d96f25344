/** Formats results for the terminal. */
import type { Classes } from "../data/classes.ts";
import type { Skipped } from "../data/sample.ts";
import { formatBytes } from "../gpu/gpu.ts";
import type { PlanSummary } from "../graph/plan.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import { classFigureNames, overallFigureNames, type ConfusionMatrix } from "../metrics/multiclass.ts";
import { figureNames, type Figure, type MulticlassSummary, type Summary } from "../metrics/summary.ts";
import { thresholdText } from "../metrics/decision.ts";
import { matrixOf } from "../report/confusion.ts";
import { classFigureTitles, figureTitles, intervalOf, overallTitles, plural, three } from "../report/show.ts";
import { table } from "./table.ts";
import { visibleName } from "./terminal.ts";

/** "F1 0.912  AUC 0.953  accuracy 0.900  Dice 0.801"; the loss instead of an F1 that cannot compare epochs. */
export function showMetrics({ f1, loss, auc, accuracy, dice, matrix }: Evaluation): string {
  const macro = matrix ? "macro " : "";
  const parts: [string, number | undefined][] = [
    loss === undefined ? [`${macro}F1`, f1] : ["loss", loss],
    [`${macro}AUC`, auc],
    ["accuracy", accuracy],
    ["Dice", dice],
  ];
  return parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${three(value)}`])).join("  ");
}

/** Printed for a network whose masks are meaningless. */
export const NO_OUTLINES = "This network has not learned outlines: it gives probabilities only.";

const figureRow = (title: string, figure: Figure): string[] =>
  figure.value === null
    ? [`  ${title}`, "", `not defined: ${figure.reason}`]
    : [`  ${title}`, three(figure.value), figure.interval ? intervalOf(figure) : "not known"];

/**
 * A table of all metrics with their bootstrap intervals; class metrics only if classes were evaluated, mask metrics only for a
 * model with masks.
 */
export function showFigures(summary: Summary, { names, positive }: Classes, hasMasks: boolean): string[] {
  const { figures, classified, images, patients, multiclass } = summary;
  const masks = ["dice", "iou", "outlineDice"];
  const shown = figureNames.filter((name) => {
    // Few sets have true outlines.
    if (name === "outlineDice") return figures[name].value !== null;
    return masks.includes(name) ? hasMasks : classified > 0 && !multiclass;
  });
  const drawn = patients === null ? plural(images, "image") : plural(patients, "patient");
  const heads = ["", "", `95 % by bootstrap over ${drawn}`];
  const rows = [
    ...(multiclass && classified > 0
      ? overallFigureNames.map((name) => figureRow(overallTitles[name], multiclass.figures[name]))
      : []),
    ...shown.map((name) => figureRow(figureTitles[name], figures[name])),
  ];
  const own = multiclass && classified > 0 ? showByClass(multiclass) : [];
  const ofPositive =
    multiclass && classified > 0
      ? [
          `Of ${names[positive]!} against the rest, at the threshold ${thresholdText(summary.threshold)}, not by the most probable class:`,
          ...table(heads, figureNames.filter((n) => !masks.includes(n)).map((n) => figureRow(figureTitles[n], figures[n])), { left: [0, 2] }), // prettier-ignore
        ]
      : [];
  return [...table(heads, rows, { left: [0, 2] }), ...own, ...ofPositive];
}

/** One row per class, each against the rest. */
function showByClass({ byClass }: MulticlassSummary): string[] {
  const heads = ["  each against the rest", "images", ...classFigureNames.map((name) => classFigureTitles[name])];
  const rows = byClass.map((of) => [
    `  ${of.name}`,
    String(of.images),
    ...classFigureNames.map((name) => (of[name].value === null ? "-" : three(of[name].value))),
  ]);
  return table(heads, rows, { left: [0] });
}

/** A small table of the confusion matrix. */
export function showMatrix(matrix: ConfusionMatrix, { names }: Classes): string[] {
  const heads = ["", ...names.map((name) => `predicted ${name}`)];
  return table(heads, matrix.map((row, c) => [`  ${names[c]!} (actual)`, ...row.map(String)]), { left: [0] }); // prettier-ignore
}

/** The confusion matrix of a summary, or of an evaluation in training; empty if no classes were evaluated. */
export const showSummaryMatrix = ({ confusion, multiclass }: Summary, classes: Classes): string[] =>
  matrixLines(multiclass?.confusion ?? undefined, confusion ?? undefined, classes);
export const showEvaluationMatrix = ({ confusion, matrix }: Evaluation, classes: Classes): string[] =>
  matrixLines(matrix, confusion, classes);

function matrixLines(
  matrix: ConfusionMatrix | undefined,
  confusion: Evaluation["confusion"],
  classes: Classes,
): string[] {
  const counts = matrix ?? (confusion && matrixOf(confusion, classes));
  return counts ? showMatrix(counts, classes) : [];
}

/** The number of files left out, and the first few with their reasons. */
export function showSkipped(skipped: readonly Skipped[]): string[] {
  if (skipped.length === 0) return [];
  const shown = skipped.slice(0, 5).map(({ file, reason }) => visibleName(`  ${file}: ${reason}`));
  const more = skipped.length > shown.length ? [`  and ${skipped.length - shown.length} more`] : [];
  return [`${skipped.length} left out:`, ...shown, ...more];
}

/** The first notes on a data set, and the number of further ones. */
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
