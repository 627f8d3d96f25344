/** The table's rows: what a prediction says at a threshold, how rows are sorted and filtered, and their figures. */
import type { Classes } from "../../src/data/classes.ts";
import { confusion, rates } from "../../src/metrics/confusion.ts";
import { auc } from "../../src/metrics/curves.ts";
import { predictedClass, shownClass } from "../../src/metrics/decision.ts";
import type { Measure } from "../../src/metrics/measure.ts";
import { multiclassFigures } from "../../src/metrics/multiclass.ts";
import { casesOf, classCasesOf, classified } from "../../src/metrics/predictions.ts";
import type { Truth } from "../state/predictions.ts";
import type { PredictedImage } from "../worker/predict.ts";

/** A row, read at a threshold. */
export interface Reading {
  /** Its index in the results. */
  readonly index: number;
  readonly row: PredictedImage;
  readonly truth: Truth | undefined;
  /** Of the positive one of two classes, else of the most probable; undefined without a classifier. */
  readonly probability: number | undefined;
  /** Index of the predicted class. */
  readonly predicted: number | undefined;
  /** Undefined where the truth is unknown. */
  readonly wrong: boolean | undefined;
}

export function read(
  row: PredictedImage,
  index: number,
  { truth, classes, threshold }: { truth: Truth | undefined; classes: Classes; threshold: number },
): Reading {
  const { probabilities } = row;
  if (!probabilities) return { index, row, truth, probability: undefined, predicted: undefined, wrong: undefined };
  const predicted = predictedClass(probabilities, classes, threshold);
  const wrong = truth?.label === undefined ? undefined : truth.label !== predicted;
  return { index, row, truth, probability: probabilities[shownClass(probabilities, classes)]!, predicted, wrong };
}

export const columns = ["image", "probability", "predicted", "truth", "area", "box"] as const;
export type Column = (typeof columns)[number];

export interface Order {
  readonly column: Column;
  readonly descending: boolean;
}

const names = new Intl.Collator("en", { numeric: true });

/** What a column is sorted by; undefined goes last, in either direction. */
const keys: Readonly<Record<Exclude<Column, "image">, (reading: Reading) => number | undefined>> = {
  probability: ({ probability }) => probability,
  predicted: ({ predicted }) => predicted,
  truth: ({ truth }) => truth?.label,
  area: ({ row }) => row.found?.area,
  // From the top left to the bottom right, as one reads.
  box: ({ row: { found, width } }) => (found?.box ? found.box.y0 * width + found.box.x0 : undefined),
};

/** Sorted by a column; equal rows stay in the images' order. */
export function sorted(readings: readonly Reading[], { column, descending }: Order): Reading[] {
  const sign = descending ? -1 : 1;
  if (column === "image") {
    return readings.toSorted((a, b) => sign * names.compare(a.row.name, b.row.name) || a.index - b.index);
  }
  const key = keys[column];
  return readings.toSorted((a, b) => {
    const [of, other] = [key(a), key(b)];
    if (of === undefined || other === undefined) {
      return of === other ? a.index - b.index : of === undefined ? 1 : -1;
    }
    return sign * (of - other) || a.index - b.index;
  });
}

export interface NamedFigure {
  readonly name: string;
  readonly measure: Measure;
}

/** The figures of the rows whose class is known; empty if there is none. */
export function figuresOf(
  readings: readonly Reading[],
  classes: Classes,
  threshold: number,
): { images: number; figures: NamedFigure[] } {
  const known = classified(
    readings.map(({ row: { name, probabilities }, truth }) => {
      return { image: name, patient: null, label: truth?.label ?? null, probabilities, dice: null, iou: null };
    }),
  );
  const images = known.length;
  if (images === 0) return { images, figures: [] };
  if (classes.names.length > 2) {
    const { overall } = multiclassFigures(classCasesOf(known, classes));
    const figures = [
      { name: "Accuracy", measure: overall.accuracy },
      { name: "Macro F1", measure: overall.macroF1 },
      { name: "Macro AUC", measure: overall.macroAuc },
    ];
    return { images, figures };
  }
  const cases = casesOf(known, classes);
  const { accuracy, sensitivity, specificity, f1 } = rates(confusion(cases, threshold), cases.sides);
  const figures = [
    { name: "Accuracy", measure: accuracy },
    { name: "Sensitivity", measure: sensitivity },
    { name: "Specificity", measure: specificity },
    { name: "F1", measure: f1 },
    { name: "AUC", measure: auc(cases) },
  ];
  return { images, figures };
}
