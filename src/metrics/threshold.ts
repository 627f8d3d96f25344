/** Chooses the threshold above which a probability means the positive class. */
import { type Cases, classCounts, missingClass } from "./cases.ts";
import { steps } from "./curves.ts";
import { type Measure, defined, undefinedFor } from "./measure.ts";

/** youden: maximises sensitivity + specificity - 1; f1: maximises F1. */
export const thresholdRules = ["youden", "f1"] as const;
export type ThresholdRule = (typeof thresholdRules)[number];

/**
 * The best threshold by a rule. It lies halfway between two neighbouring scores, so that no image falls on it, where rounding on
 * another adapter would decide; ties go to the one nearest to 0.5. `score` must be probabilities.
 */
export function chooseThreshold(cases: Cases, rule: ThresholdRule): Measure {
  const { positives, negatives } = classCounts(cases);
  const missing = missingClass({ positives, negatives }, cases.sides);
  if (missing !== undefined) return undefinedFor(missing);
  const found = steps(cases);
  // Integer products, so that ties compare equal.
  const goodness = ({ tp, fp }: { tp: number; fp: number }): [number, number] =>
    rule === "youden" ? [tp * negatives - fp * positives, 1] : [2 * tp, tp + fp + positives];
  let best: { at: number; goodness: [number, number] } | undefined;
  for (const [k, step] of found.entries()) {
    const below = found[k + 1]?.threshold ?? 0;
    const middle = (step.threshold + below) / 2;
    // Adjacent floating-point numbers have no midpoint.
    const at = middle > below ? middle : step.threshold;
    const [a, b] = goodness(step);
    const difference = best ? a * best.goodness[1] - best.goodness[0] * b : 1;
    if (difference > 0 || (difference === 0 && Math.abs(at - 0.5) < Math.abs(best!.at - 0.5)))
      best = { at, goodness: [a, b] };
  }
  return defined(best!.at);
}
