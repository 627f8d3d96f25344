/** ROC and precision-recall curves, and the areas below them. */
import { byScore, type Cases, classCounts, missingClass, sidesIn, weightOf } from "./cases.ts";
import { defined, type Measure, undefinedFor } from "./measure.ts";

/** Counts of cases at or above a threshold. */
interface Step {
  threshold: number;
  tp: number;
  fp: number;
}

/**
 * The counts at every score that occurs, from the highest down.
 * @param order indices by ascending score, for a caller that sorts once and counts many times
 */
export function steps(cases: Cases, order: ArrayLike<number> = byScore(cases.score)): Step[] {
  const found: Step[] = [];
  let [tp, fp] = [0, 0];
  for (let k = order.length - 1; k >= 0; k--) {
    const i = order[k]!;
    if (cases.label[i] === 1) tp += weightOf(cases, i);
    else fp += weightOf(cases, i);
    // Equal scores are one step: no threshold lies between them.
    if (k === 0 || cases.score[order[k - 1]!] !== cases.score[i]) found.push({ threshold: cases.score[i]!, tp, fp });
  }
  return found;
}

/** A point of a ROC curve. */
export interface RocPoint {
  /** Scores at or above it are predicted positive; null at the start of the curve, where none are. */
  threshold: number | null;
  /** False positive rate, 1 - specificity. */
  fpr: number;
  /** True positive rate, sensitivity. */
  tpr: number;
}

/** The ROC curve, from (0, 0) to (1, 1), with every threshold; empty unless both classes occur. */
export function rocCurve(cases: Cases): RocPoint[] {
  const counts = classCounts(cases);
  if (missingClass(counts) !== undefined) return [];
  const points = steps(cases).map(({ threshold, tp, fp }) => {
    return { threshold, fpr: fp / counts.negatives, tpr: tp / counts.positives };
  });
  return [{ threshold: null, fpr: 0, tpr: 0 }, ...points];
}

/** A point of a precision-recall curve. */
export interface PrPoint {
  /** null at the end where nothing is predicted positive. */
  threshold: number | null;
  recall: number;
  precision: number;
}

/**
 * The precision-recall curve with every threshold, from the end where nothing is predicted positive (recall 0, precision 1 by
 * definition) to recall 1; empty unless an image is positive.
 */
export function prCurve(cases: Cases): PrPoint[] {
  const { positives } = classCounts(cases);
  if (positives === 0) return [];
  const points = steps(cases).flatMap(({ threshold, tp, fp }) => {
    return tp + fp === 0 ? [] : [{ threshold, recall: tp / positives, precision: tp / (tp + fp) }];
  });
  return [{ threshold: null, recall: 0, precision: 1 }, ...points];
}

/**
 * Area under the ROC curve: the probability that a positive case scores higher than a negative one, ties counting half
 * (Mann and Whitney).
 * @param order as for `steps`
 */
export function auc(cases: Cases, order?: ArrayLike<number>): Measure {
  const { positives, negatives } = classCounts(cases);
  const missing = missingClass({ positives, negatives }, cases.sides);
  if (missing !== undefined) return undefinedFor(missing);
  let won = 0;
  let before = { tp: 0, fp: 0 };
  for (const { tp, fp } of steps(cases, order)) {
    // The negative cases of this step lose to the positive ones above it and tie with those in it.
    won += (fp - before.fp) * (before.tp + (tp - before.tp) / 2);
    before = { tp, fp };
  }
  return defined(won / (positives * negatives));
}

/**
 * Average precision: the mean of the precisions at each positive image's score, without interpolation between points, which
 * would be optimistic.
 * @param order as for `steps`
 */
export function averagePrecision(cases: Cases, order?: ArrayLike<number>): Measure {
  const { positives } = classCounts(cases);
  if (positives === 0) return undefinedFor(`no image is ${sidesIn(cases).positive}`);
  let sum = 0;
  let above = 0;
  for (const { tp, fp } of steps(cases, order)) {
    if (tp > above) sum += (tp - above) * (tp / (tp + fp));
    above = tp;
  }
  return defined(sum / positives);
}
