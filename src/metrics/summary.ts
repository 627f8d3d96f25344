/** All figures of a set of predictions, with bootstrap intervals. */
import { type BootstrapOptions, percentiles, resample } from "./bootstrap.ts";
import { brier, calibrationError } from "./calibration.ts";
import { byScore, type Cases } from "./cases.ts";
import { type Confusion, confusion, rateNames, rates } from "./confusion.ts";
import { auc, averagePrecision } from "./curves.ts";
import type { Measure } from "./measure.ts";
import { ratio } from "./measure.ts";
import { casesOf, classified, groupsOf, type ImagePrediction, patientCount } from "./predictions.ts";

export const figureNames = [
  "accuracy",
  "auc",
  ...rateNames.slice(1),
  "averagePrecision",
  "brier",
  "calibrationError",
  "dice",
  "iou",
] as const;
export type FigureName = (typeof figureNames)[number];

/** A figure with its interval, or why there is none. */
export type Figure =
  /** The interval is null where too many resamples leave the figure undefined, or there is but one thing to resample. */
  { value: number; interval: [number, number] | null } | { value: null; reason: string };

export interface Summary {
  images: number;
  /** Those that count for classification, and how many of them are malignant. */
  classified: number;
  malignant: number;
  /** null where not every image has one. */
  patients: number | null;
  threshold: number;
  /** null where there is no classification. */
  confusion: Confusion | null;
  figures: Record<FigureName, Figure>;
}

/** Above this share of resamples without a value, the rest is no fair picture of the figure's spread. */
const MOST_UNDEFINED = 0.05;

export interface SummaryOptions extends BootstrapOptions {
  /** Whether the network has learned outlines; default true. Without, the reason why there is no Dice says so. */
  outlines?: boolean;
}

/** Figures of predictions at a threshold. */
export function summarise(
  images: readonly ImagePrediction[],
  threshold: number,
  { outlines = true, ...options }: SummaryOptions = {},
): Summary {
  const known = classified(images);
  const cases = casesOf(known);
  const classes = intervals(ofClasses(cases, threshold), groupsOf(known), options);
  const marked = images.filter((p) => p.dice !== null && p.iou !== null);
  const masks = intervals(ofMasks(marked, outlines), groupsOf(marked), options);
  return {
    images: images.length,
    classified: known.length,
    malignant: cases.label.filter((label) => label === 1).length,
    patients: patientCount(images),
    threshold,
    confusion: known.length === 0 ? null : confusion(cases, threshold),
    figures: { ...classes, ...masks } as Record<FigureName, Figure>,
  };
}

/** Figures as a function of how often each image counts; undefined: once. */
type Statistics = (weight?: Uint32Array) => Record<string, Measure>;

function ofClasses(cases: Cases, threshold: number): Statistics {
  // Sorted once, counted for every resample.
  const order = byScore(cases.score);
  return (weight) => {
    const weighted = { ...cases, weight };
    return {
      ...rates(confusion(weighted, threshold)),
      auc: auc(weighted, order),
      averagePrecision: averagePrecision(weighted, order),
      brier: brier(weighted),
      calibrationError: calibrationError(weighted),
    };
  };
}

function ofMasks(images: readonly ImagePrediction[], outlines: boolean): Statistics {
  const unlearned = outlines ? "" : ", or the network has not learned outlines";
  const mean = (values: readonly (number | null)[], weight?: Uint32Array) => {
    let [sum, count] = [0, 0];
    for (const [i, value] of values.entries()) {
      const times = weight ? weight[i]! : 1;
      sum += times * value!;
      count += times;
    }
    return ratio(sum, count, `no image has a nodule marked on it${unlearned}`);
  };
  const [dice, iou] = [images.map((p) => p.dice), images.map((p) => p.iou)];
  return (weight) => ({ dice: mean(dice, weight), iou: mean(iou, weight) });
}

function intervals(statistics: Statistics, groups: readonly string[], options: BootstrapOptions) {
  const measures = Object.entries(statistics());
  const values = new Map(measures.map(([name]): [string, number[]] => [name, []]));
  // Of one patient, or none, nothing can be drawn but what there is.
  const weights = new Set(groups).size < 2 ? [] : resample(groups, options);
  for (const weight of weights) {
    for (const [name, { value }] of Object.entries(statistics(weight)))
      if (value !== null) values.get(name)!.push(value);
  }
  return Object.fromEntries(
    measures.map(([name, measure]): [string, Figure] => {
      if (measure.value === null) return [name, measure];
      const drawn = values.get(name)!;
      const enough = drawn.length > (1 - MOST_UNDEFINED) * weights.length;
      return [name, { value: measure.value, interval: enough ? percentiles(drawn, options.confidence) : null }];
    }),
  );
}
