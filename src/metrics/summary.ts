/** All metrics of a set of predictions, with bootstrap intervals. */
import { benignMalignant, type Classes } from "../data/classes.ts";
import { type BootstrapOptions, percentiles, resample } from "./bootstrap.ts";
import { brier, calibrationError } from "./calibration.ts";
import { byScore, type Cases } from "./cases.ts";
import { thresholdText } from "./decision.ts";
import { type Confusion, confusion, rateNames, rates } from "./confusion.ts";
import { auc, averagePrecision } from "./curves.ts";
import type { Measure } from "./measure.ts";
import { ratio } from "./measure.ts";
import {
  type ClassCases,
  type ClassFigureName,
  classFigureNames,
  type ConfusionMatrix,
  confusionMatrix,
  multiclassFigures,
  ordersOf,
  type OverallFigureName,
  overallFigureNames,
} from "./multiclass.ts";
import { casesOf, classCasesOf, classified, groupsOf, type ImagePrediction, patientCount } from "./predictions.ts";

/** Metrics of the positive class against the rest, and of the masks. */
export const figureNames = [
  "accuracy",
  "auc",
  ...rateNames.slice(1),
  "averagePrecision",
  "brier",
  "calibrationError",
  "dice",
  "iou",
  "outlineDice",
] as const;
export type FigureName = (typeof figureNames)[number];

/** A metric with its interval, or why it is undefined. */
export type Figure =
  /** The interval is null if too many resamples leave the metric undefined, or there is only one group to resample. */
  { value: number; interval: [number, number] | null } | { value: null; reason: string };

export interface Summary {
  images: number;
  /** Number of images that count for classification, and how many of them are positive. */
  classified: number;
  positives: number;
  /** null unless every image has one. */
  patients: number | null;
  threshold: number;
  /** Of the positive class against the rest; null without classification. */
  confusion: Confusion | null;
  figures: Record<FigureName, Figure>;
  /** Only for more than two classes. */
  multiclass?: MulticlassSummary;
}

export interface MulticlassSummary {
  /** null without classification. */
  confusion: ConfusionMatrix | null;
  figures: Record<OverallFigureName, Figure>;
  /** Each class against the rest, in class order. */
  byClass: ({ name: string; images: number } & Record<ClassFigureName, Figure>)[];
}

/** Above this share of undefined resamples, the rest misrepresents the metric's spread. */
const MAX_UNDEFINED_SHARE = 0.05;

export interface SummaryOptions extends BootstrapOptions {
  /** Default: benign and malignant. */
  classes?: Classes;
  /** Whether the network has learned outlines; default true. If not, the reason for a missing Dice says so. */
  outlines?: boolean;
}

/** Metrics of predictions. The threshold applies to the positive class; among more than two, the most probable is predicted. */
export function summarise(
  images: readonly ImagePrediction[],
  threshold: number,
  { outlines = true, classes = benignMalignant, ...options }: SummaryOptions = {},
): Summary {
  const known = classified(images);
  const cases = casesOf(known, classes);
  const binary = intervals(ofPositive(cases, threshold, classes), groupsOf(known), options);
  const marked = images.filter((p) => p.dice !== null && p.iou !== null);
  const masks = intervals(ofMasks(marked, outlines), groupsOf(marked), options);
  const outlined = images.filter((p) => p.outlineDice !== undefined);
  const outlineDice = intervals(ofOutlines(outlined), groupsOf(outlined), options);
  return {
    images: images.length,
    classified: known.length,
    positives: cases.label.filter((label) => label === 1).length,
    patients: patientCount(images),
    threshold,
    confusion: known.length === 0 ? null : confusion(cases, threshold),
    figures: { ...binary, ...masks, ...outlineDice } as Record<FigureName, Figure>,
    ...(classes.names.length > 2
      ? { multiclass: ofAllClasses(classCasesOf(known, classes), groupsOf(known), options) }
      : {}),
  };
}

function ofAllClasses(cases: ClassCases, groups: readonly string[], options: BootstrapOptions): MulticlassSummary {
  const { classes, label } = cases;
  const orders = ordersOf(cases);
  // One flat record for the bootstrap, keyed independently of class names.
  const key = (c: number, name: string) => `${c} ${name}`;
  const found = intervals(
    (weight) => {
      const { overall, byClass } = multiclassFigures({ ...cases, weight }, orders);
      const own = byClass.flatMap((figures, c) =>
        classFigureNames.map((name) => [key(c, name), figures[name]] as const),
      );
      return { ...overall, ...Object.fromEntries(own) };
    },
    groups,
    options,
  );
  return {
    confusion: label.length === 0 ? null : confusionMatrix(cases),
    figures: Object.fromEntries(overallFigureNames.map((name) => [name, found[name]!])) as MulticlassSummary["figures"],
    byClass: classes.names.map((name, c) => ({
      name,
      images: label.filter((actual) => actual === c).length,
      ...(Object.fromEntries(classFigureNames.map((figure) => [figure, found[key(c, figure)]!])) as Record<
        ClassFigureName,
        Figure
      >),
    })),
  };
}

/** Metrics as a function of how often each image counts; undefined: once. */
type Statistics = (weight?: Uint32Array) => Record<string, Measure>;

function ofPositive(cases: Cases, threshold: number, { names }: Classes): Statistics {
  // Among more than two classes, the confusion matrix shows the most probable class instead.
  const at = names.length > 2 ? ` at the threshold ${thresholdText(threshold)}` : "";
  // Sorted once, counted for every resample.
  const order = byScore(cases.score);
  return (weight) => {
    const weighted = { ...cases, weight };
    return {
      ...rates(confusion(weighted, threshold), cases.sides, at),
      auc: auc(weighted, order),
      averagePrecision: averagePrecision(weighted, order),
      brier: brier(weighted),
      calibrationError: calibrationError(weighted),
    };
  };
}

function ofMasks(images: readonly ImagePrediction[], outlines: boolean): Statistics {
  const unlearned = outlines ? "" : ", or the network has not learned outlines";
  const none = `no image has a nodule marked on it${unlearned}`;
  const [dice, iou] = [images.map((p) => p.dice!), images.map((p) => p.iou!)];
  return (weight) => ({ dice: meanOf(dice, weight, none), iou: meanOf(iou, weight, none) });
}

function ofOutlines(images: readonly ImagePrediction[]): Statistics {
  const dice = images.map((p) => p.outlineDice!);
  return (weight) => ({
    outlineDice: meanOf(dice, weight, "no image has a true outline that the network was compared with"),
  });
}

/** @param none why there is no mean of no values */
function meanOf(values: readonly number[], weight: Uint32Array | undefined, none: string): Measure {
  let [sum, count] = [0, 0];
  for (const [i, value] of values.entries()) {
    const times = weight ? weight[i]! : 1;
    sum += times * value;
    count += times;
  }
  return ratio(sum, count, none);
}

function intervals(statistics: Statistics, groups: readonly string[], options: BootstrapOptions) {
  const measures = Object.entries(statistics());
  const values = new Map(measures.map(([name]): [string, number[]] => [name, []]));
  // With one patient, or none, every resample would be the same.
  const weights = new Set(groups).size < 2 ? [] : resample(groups, options);
  for (const weight of weights) {
    for (const [name, { value }] of Object.entries(statistics(weight)))
      if (value !== null) values.get(name)!.push(value);
  }
  return Object.fromEntries(
    measures.map(([name, measure]): [string, Figure] => {
      if (measure.value === null) return [name, measure];
      const drawn = values.get(name)!;
      const enough = drawn.length > (1 - MAX_UNDEFINED_SHARE) * weights.length;
      return [name, { value: measure.value, interval: enough ? percentiles(drawn, options.confidence) : null }];
    }),
  );
}
