/** Picks the images that reveal most about a network: confident and right, confident and wrong, and undecided. */
import { benignMalignant, type Classes } from "../data/classes.ts";
import { predictedClass } from "./decision.ts";
import { type Classified, classified, type ImagePrediction } from "./predictions.ts";

export const caseKinds = ["best", "worst", "uncertain"] as const;
export type CaseKind = (typeof caseKinds)[number];

/** Images by kind; with few images, one may be in two kinds. */
export type NotableCases = Record<CaseKind, ImagePrediction[]>;

/**
 * The `count` images of each kind: the most confident correct predictions, balanced over classes if possible; those furthest
 * from the truth; those nearest to the threshold, or for more than two classes with the smallest margin between the two most
 * probable ones. At most one per patient. Without a trained classifier, best and worst by the mask's Dice.
 */
export function notableCases(
  images: readonly ImagePrediction[],
  threshold: number,
  count = 4,
  classes: Classes = benignMalignant,
): NotableCases {
  const known = classified(images);
  if (known.length === 0) {
    const byDice = images.filter((p) => p.dice !== null).sort((a, b) => b.dice! - a.dice!);
    return { best: first(byDice, count), worst: first(byDice.reverse(), count), uncertain: [] };
  }
  const { names, positive } = classes;
  const two = names.length === 2;
  const score = (p: Classified) => p.probabilities[positive]!;
  const error = (p: Classified) =>
    two ? Math.abs(score(p) - (p.label === positive ? 1 : 0)) : 1 - p.probabilities[p.label]!;
  const right = (p: Classified) => predictedClass(p.probabilities, classes, threshold) === p.label;
  const doubt = (p: Classified) => (two ? Math.abs(score(p) - threshold) : margin(p.probabilities));
  const sorted = (by: (p: Classified) => number, from = known) => [...from].sort((a, b) => by(a) - by(b));
  const certain = sorted(error, known.filter(right));
  const best: ImagePrediction[] = [];
  const order = [positive, ...names.keys()].filter((c, i) => i === 0 || c !== positive);
  for (const [i, c] of order.entries()) {
    const share = Math.ceil((count - best.length) / (order.length - i));
    best.push(...first(certain.filter((p) => p.label === c), share)); // prettier-ignore
  }
  return {
    best,
    worst: first(sorted((p) => -error(p), known.filter((p) => !right(p))), count), // prettier-ignore
    uncertain: first(sorted(doubt), count),
  };
}

/** The margin of the most probable class over the next. */
function margin(probabilities: readonly number[]): number {
  const [a, b] = [...probabilities].sort((x, y) => y - x);
  return a! - b!;
}

/** The first `count`, at most one per patient. */
function first(images: readonly ImagePrediction[], count: number): ImagePrediction[] {
  const seen = new Set<string>();
  const chosen: ImagePrediction[] = [];
  for (const image of images) {
    if (chosen.length === count) break;
    if (image.patient !== null && seen.has(image.patient)) continue;
    if (image.patient !== null) seen.add(image.patient);
    chosen.push(image);
  }
  return chosen;
}
