/** Turns class probabilities into a decision, and chooses which one to show. */
import type { Classes } from "../data/classes.ts";

/** The positive one of two classes is predicted at or above this probability. */
export const DEFAULT_THRESHOLD = 0.5;

/** "0.5", "0.1235". */
export const thresholdText = (threshold: number): string => String(Number(threshold.toFixed(4)));

/** The most probable class; the first if several are equal, like NumPy's argmax. */
export function mostProbable(probabilities: readonly number[]): number {
  let best = 0;
  for (let c = 1; c < probabilities.length; c++) if (probabilities[c]! > probabilities[best]!) best = c;
  return best;
}

/** The positive one of two classes from `threshold` on; of more, the most probable. @returns an index into the classes */
export function predictedClass(
  probabilities: readonly number[],
  { names, positive }: Classes,
  threshold = DEFAULT_THRESHOLD,
): number {
  if (names.length > 2) return mostProbable(probabilities);
  return probabilities[positive]! >= threshold ? positive : 1 - positive;
}

/** The class whose probability is shown for an image: the positive one of two; of more, the most probable. */
export const shownClass = (probabilities: readonly number[], { names, positive }: Classes): number =>
  names.length > 2 ? mostProbable(probabilities) : positive;
