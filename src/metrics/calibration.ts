/** Calibration: reliability curve, expected calibration error and Brier score. */
import { type Cases, weightOf } from "./cases.ts";
import { type Measure, ratio } from "./measure.ts";

/** One bin of a reliability curve. */
export interface ReliabilityBin {
  /** The bin holds probabilities above `low` up to and including `high`; the first one also 0. */
  low: number;
  high: number;
  images: number;
  /** Mean of the predicted probabilities. */
  predicted: number;
  /** Share of the images that are positive. */
  observed: number;
}

/** The reliability curve over bins of equal width, omitting empty bins. `score` must be probabilities. */
export function reliability(cases: Cases, bins = 10): ReliabilityBin[] {
  const edges = Array.from({ length: bins + 1 }, (_, i) => (i === bins ? 1 : i * (1 / bins)));
  const sums = Array.from({ length: bins }, () => ({ images: 0, predicted: 0, observed: 0 }));
  for (let i = 0; i < cases.score.length; i++) {
    const score = cases.score[i]!;
    // Rounding may be off by one bin for a probability on an edge.
    let bin = Math.min(Math.max(Math.ceil(score * bins) - 1, 0), bins - 1);
    while (bin > 0 && score <= edges[bin]!) bin--;
    while (bin < bins - 1 && score > edges[bin + 1]!) bin++;
    const sum = sums[bin]!;
    const weight = weightOf(cases, i);
    sum.images += weight;
    sum.predicted += weight * score;
    if (cases.label[i] === 1) sum.observed += weight;
  }
  return sums.flatMap(({ images, predicted, observed }, i) => {
    if (images === 0) return [];
    return [
      { low: edges[i]!, high: edges[i + 1]!, images, predicted: predicted / images, observed: observed / images },
    ];
  });
}

/** Expected calibration error: the mean over all images of |observed - predicted| in their bins (Naeini et al. 2015). */
export function calibrationError(cases: Cases, bins = 10): Measure {
  const found = reliability(cases, bins);
  const images = found.reduce((sum, bin) => sum + bin.images, 0);
  const sum = found.reduce((sum, bin) => sum + bin.images * Math.abs(bin.observed - bin.predicted), 0);
  return ratio(sum, images, "no image has a class");
}

/** Brier score: the mean squared difference between probability and outcome. */
export function brier(cases: Cases): Measure {
  let [sum, images] = [0, 0];
  for (let i = 0; i < cases.score.length; i++) {
    const weight = weightOf(cases, i);
    sum += weight * (cases.score[i]! - (cases.label[i] === 1 ? 1 : 0)) ** 2;
    images += weight;
  }
  return ratio(sum, images, "no image has a class");
}
