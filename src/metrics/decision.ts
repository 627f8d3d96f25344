/** What class probabilities decide, and which of them people are shown. */
import type { Classes } from "../data/classes.ts";

/** From this probability on the positive one of two classes is predicted. */
export const DEFAULT_THRESHOLD = 0.5;

/** The most probable class; of equally probable ones the first, as NumPy's argmax. */
export function mostProbable(probabilities: readonly number[]): number {
  let best = 0;
  for (let c = 1; c < probabilities.length; c++) if (probabilities[c]! > probabilities[best]!) best = c;
  return best;
}

/** Of two classes the positive one from `threshold` on, of more the most probable one. @returns an index into the classes */
export function predictedClass(
  probabilities: readonly number[],
  { names, positive }: Classes,
  threshold = DEFAULT_THRESHOLD,
): number {
  if (names.length > 2) return mostProbable(probabilities);
  return probabilities[positive]! >= threshold ? positive : 1 - positive;
}

/** The class whose probability stands beside an image: of two the positive one, of more the most probable one. */
export const shownClass = (probabilities: readonly number[], { names, positive }: Classes): number =>
  names.length > 2 ? mostProbable(probabilities) : positive;
