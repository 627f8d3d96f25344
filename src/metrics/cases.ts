/** The input of the binary classification metrics. */
import { type Classes, negativeName } from "../data/classes.ts";

/**
 * Scores and classes of images, in the same order. `weight` is how many times each counts, which expresses a bootstrap resample;
 * without it each counts once.
 */
export interface Cases {
  /** The larger, the likelier the positive class; a probability if a metric says so. */
  score: ArrayLike<number>;
  /** 1 the positive class, 0 any other. */
  label: ArrayLike<number>;
  weight?: ArrayLike<number> | undefined;
  /** Names of the two in messages; default malignant and benign. */
  sides?: Sides | undefined;
}

/** Names of the positive class and of what it is contrasted with. */
export interface Sides {
  positive: string;
  negative: string;
}

/** One class against the rest; by default the positive one. */
export const sidesOf = (classes: Classes, positive = classes.positive): Sides => ({
  positive: classes.names[positive]!,
  negative:
    classes.names.length === 2
      ? negativeName({ ...classes, positive })
      : `of a class other than ${classes.names[positive]!}`,
});

const malignantAndBenign: Sides = { positive: "malignant", negative: "benign" };

export const sidesIn = ({ sides = malignantAndBenign }: Pick<Cases, "sides">): Sides => sides;

/** How many times the i-th image counts. */
export const weightOf = ({ weight }: Cases, i: number): number => (weight ? weight[i]! : 1);

/** The indices sorted by ascending score, stably. */
export const byScore = (score: ArrayLike<number>): Uint32Array =>
  Uint32Array.from({ length: score.length }, (_, i) => i).sort((a, b) => score[a]! - score[b]! || a - b);

/** Counts of the two classes. */
export function classCounts(cases: Cases): { positives: number; negatives: number } {
  let [positives, negatives] = [0, 0];
  for (let i = 0; i < cases.score.length; i++) {
    if (cases.label[i] === 1) positives += weightOf(cases, i);
    else negatives += weightOf(cases, i);
  }
  return { positives, negatives };
}

/** Why a metric of both classes is undefined; undefined if both occur. */
export function missingClass(
  { positives, negatives }: { positives: number; negatives: number },
  { positive, negative }: Sides = malignantAndBenign,
): string | undefined {
  if (positives + negatives === 0) return "no image has a class";
  if (positives === 0) return `no image is ${positive}`;
  return negatives === 0 ? `no image is ${negative}` : undefined;
}
