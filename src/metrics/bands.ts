/** Pointwise bootstrap intervals around ROC and precision-recall curves. */
import { percentiles, resample, type BootstrapOptions } from "./bootstrap.ts";
import { byScore, type Cases, classCounts, missingClass } from "./cases.ts";
import { steps } from "./curves.ts";

/** The interval of a curve at one point of its horizontal axis. */
export interface BandPoint {
  x: number;
  low: number;
  high: number;
}

/** Number of steps along the horizontal axis. */
const GRID_STEPS = 100;

/**
 * The band of sensitivity at each false positive rate; empty if the curve is undefined or nothing can be resampled.
 * @param groups what is resampled together, such as the patient of each image
 */
export function rocBand(cases: Cases, groups: readonly string[], options: BootstrapOptions = {}): BandPoint[] {
  return band(cases, groups, options, roc);
}

/** Sensitivity at ascending false positive rates; empty if the curve is undefined. */
export function rocAt(cases: Cases, places: readonly number[]): number[] {
  const classes = classCounts(cases);
  return missingClass(classes) === undefined ? places.map(roc(classes, steps(cases))) : [];
}

/** Linear between points; where the curve is vertical, its upper end. */
const roc: Curve = ({ positives, negatives }, counts) => {
  const points = [{ x: 0, y: 0 }, ...counts.map(({ tp, fp }) => ({ x: fp / negatives, y: tp / positives }))];
  let k = 0;
  return (x) => {
    while (k + 1 < points.length && points[k + 1]!.x <= x) k++;
    const [a, b] = [points[k]!, points[k + 1]];
    return b ? a.y + ((x - a.x) / (b.x - a.x)) * (b.y - a.y) : a.y;
  };
};

/** The band of precision at each recall: that of the highest threshold that reaches the recall. */
export function prBand(cases: Cases, groups: readonly string[], options: BootstrapOptions = {}): BandPoint[] {
  return band(cases, groups, options, ({ positives }, counts) => {
    let k = 0;
    return (x) => {
      while (k + 1 < counts.length && (counts[k]!.tp < x * positives || counts[k]!.tp + counts[k]!.fp === 0)) k++;
      const { tp, fp } = counts[k]!;
      return tp / (tp + fp);
    };
  });
}

/** A curve, to be evaluated at ascending points. */
type Curve = (classes: ReturnType<typeof classCounts>, counts: ReturnType<typeof steps>) => (x: number) => number;

function band(cases: Cases, groups: readonly string[], options: BootstrapOptions, curve: Curve): BandPoint[] {
  if (missingClass(classCounts(cases)) !== undefined || new Set(groups).size < 2) return [];
  const order = byScore(cases.score);
  const values = Array.from({ length: GRID_STEPS + 1 }, (): number[] => []);
  for (const weight of resample(groups, { resamples: 500, ...options })) {
    const weighted = { ...cases, weight };
    const classes = classCounts(weighted);
    if (missingClass(classes) !== undefined) continue;
    const at = curve(classes, steps(weighted, order));
    for (const [i, there] of values.entries()) there.push(at(i / GRID_STEPS));
  }
  return values.flatMap((there, i) => {
    const interval = percentiles(there, options.confidence);
    return interval ? [{ x: i / GRID_STEPS, low: interval[0], high: interval[1] }] : [];
  });
}
