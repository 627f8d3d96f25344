/** Metrics for more than two classes: the confusion matrix, and each class against the rest. */
import * as z from "zod";
import type { Classes } from "../data/classes.ts";
import { brier, calibrationError, reliability, type ReliabilityBin } from "./calibration.ts";
import { byScore, type Cases, sidesOf } from "./cases.ts";
import { type Confusion, rates } from "./confusion.ts";
import { auc, averagePrecision } from "./curves.ts";
import { mostProbable } from "./decision.ts";
import { defined, type Measure, ratio, undefinedFor } from "./measure.ts";

/** Probabilities and classes of images, in the same order. */
export interface ClassCases {
  classes: Classes;
  /** For each image, one probability per class. */
  probabilities: readonly (readonly number[])[];
  /** For each image, an index into the classes. */
  label: readonly number[];
  /** How many times each image counts, as in a bootstrap resample; default once. */
  weight?: ArrayLike<number> | undefined;
}

const count = z.number().int().min(0);

/** Row: the actual class; column: the predicted one. Square, with one row per class. */
export const confusionMatrixSchema = z
  .array(z.array(count))
  .min(2)
  .refine((rows) => rows.every((row) => row.length === rows.length), { message: "is not square" });

export type ConfusionMatrix = z.infer<typeof confusionMatrixSchema>;

/** Counts by actual and predicted class. */
export function confusionMatrix({ classes, probabilities, label, weight }: ClassCases): ConfusionMatrix {
  const counts = classes.names.map(() => classes.names.map(() => 0));
  for (const [i, actual] of label.entries()) {
    counts[actual]![mostProbable(probabilities[i]!)]! += weight ? weight[i]! : 1;
  }
  return counts;
}

/** One class of a confusion matrix against the rest. */
export function confusionOf(matrix: ConfusionMatrix, c: number): Confusion {
  const tp = matrix[c]![c]!;
  const fn = sum(matrix[c]!) - tp;
  const fp = sum(matrix.map((row) => row[c]!)) - tp;
  return { tp, fp, fn, tn: sum(matrix.flat()) - tp - fp - fn };
}

/** The binary cases of one class against the rest. */
export const oneAgainstRest = ({ classes, probabilities, label, weight }: ClassCases, c: number): Cases => ({
  score: probabilities.map((p) => p[c]!),
  label: label.map((actual) => (actual === c ? 1 : 0)),
  weight,
  sides: sidesOf(classes, c),
});

/** Metrics of one class against the rest. */
export const classFigureNames = [
  "precision",
  "recall",
  "f1",
  "auc",
  "averagePrecision",
  "brier",
  "calibrationError",
] as const;
export type ClassFigureName = (typeof classFigureNames)[number];

/** Metrics of all classes together. */
export const overallFigureNames = [
  "accuracy",
  "macroF1",
  "weightedF1",
  "macroAuc",
  "macroAveragePrecision",
  "brier",
] as const;
export type OverallFigureName = (typeof overallFigureNames)[number];

export interface MulticlassFigures {
  overall: Record<OverallFigureName, Measure>;
  /** In class order. */
  byClass: Record<ClassFigureName, Measure>[];
}

/**
 * All metrics for more than two classes. The predicted class is the most probable one.
 *
 * Undefined, with a reason: a class's recall, F1, AUC and average precision if it has no image, its precision if it was never
 * predicted; and the means over classes if any of their terms is. scikit-learn counts such precisions, recalls and F1s as 0, and
 * refuses the AUC.
 *
 * @param orders for each class the indices by ascending probability, for a caller that sorts once and counts many times
 */
export function multiclassFigures(cases: ClassCases, orders?: readonly ArrayLike<number>[]): MulticlassFigures {
  const { classes } = cases;
  const matrix = confusionMatrix(cases);
  const total = sum(matrix.flat());
  const byClass = classes.names.map((_, c) => {
    const binary = oneAgainstRest(cases, c);
    const { ppv: precision, sensitivity: recall, f1 } = rates(confusionOf(matrix, c), binary.sides);
    return {
      precision,
      recall,
      f1,
      auc: auc(binary, orders?.[c]),
      averagePrecision: averagePrecision(binary, orders?.[c]),
      brier: brier(binary),
      calibrationError: calibrationError(binary),
    };
  });
  const none = "no image has a class";
  const images = matrix.map(sum);
  const correct = sum(classes.names.map((_, c) => matrix[c]![c]!));
  return {
    overall: {
      accuracy: ratio(correct, total, none),
      macroF1: mean(byClass.map(({ f1 }) => f1)),
      // A class without an image has no weight.
      weightedF1: ratio(sum(byClass.map(({ f1 }, c) => images[c]! * (f1.value ?? 0))), total, none),
      macroAuc: mean(byClass.map((figures) => figures.auc)),
      macroAveragePrecision: mean(byClass.map((figures) => figures.averagePrecision)),
      brier: total === 0 ? undefinedFor(none) : defined(sum(byClass.map((figures) => figures.brier.value!))),
    },
    byClass,
  };
}

/** The `orders` for `multiclassFigures`. */
export const ordersOf = ({ classes, probabilities }: ClassCases): Uint32Array[] =>
  classes.names.map((_, c) => byScore(probabilities.map((p) => p[c]!)));

/** The reliability curve of each class against the rest, in class order. */
export const reliabilityByClass = (cases: ClassCases, bins = 10): ReliabilityBin[][] =>
  cases.classes.names.map((_, c) => reliability(oneAgainstRest(cases, c), bins));

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** The mean over classes; undefined if any term is. */
function mean(measures: readonly Measure[]): Measure {
  const missing = measures.find((measure) => measure.value === null);
  if (missing?.value === null) return undefinedFor(missing.reason);
  return defined(sum(measures.map(({ value }) => value!)) / measures.length);
}
