/** The images that tell most of a network: where it is right and sure, wrong and sure, and undecided. */
import type { ImagePrediction } from "./predictions.ts";

export const caseKinds = ["best", "worst", "uncertain"] as const;
export type CaseKind = (typeof caseKinds)[number];

/** A choice of images by kind; an image may be of two kinds where there are few. */
export type ChosenCases = Record<CaseKind, ImagePrediction[]>;

/**
 * The `count` images of each kind: the surest right verdicts, as many of each class as possible; the furthest from the truth; the
 * nearest to the threshold. Of a patient one at most. While there is no classifier, best and worst by the mask's Dice.
 */
export function chooseCases(images: readonly ImagePrediction[], threshold: number, count = 4): ChosenCases {
  const classified = images.filter((p) => p.label !== null && p.malignant !== null);
  if (classified.length === 0) {
    const byDice = images.filter((p) => p.dice !== null).sort((a, b) => b.dice! - a.dice!);
    return { best: first(byDice, count), worst: first(byDice.reverse(), count), uncertain: [] };
  }
  const error = (p: ImagePrediction) => Math.abs(p.malignant! - p.label!);
  const right = (p: ImagePrediction) => p.malignant! >= threshold === (p.label === 1);
  const sorted = (by: (p: ImagePrediction) => number, from = classified) => [...from].sort((a, b) => by(a) - by(b));
  const sure = sorted(error, classified.filter(right));
  const half = Math.ceil(count / 2);
  const malignant = first(sure.filter((p) => p.label === 1), half); // prettier-ignore
  const benign = first(sure.filter((p) => p.label === 0), count - malignant.length); // prettier-ignore
  return {
    best: [...malignant, ...benign],
    worst: first(sorted((p) => -error(p), classified.filter((p) => !right(p))), count), // prettier-ignore
    uncertain: first(
      sorted((p) => Math.abs(p.malignant! - threshold)),
      count,
    ),
  };
}

/** The first `count`, of one patient the first only. */
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
