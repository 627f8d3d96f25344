/** What the metrics of classification are computed from. */

/**
 * Scores and classes of images, in the same order. `weight` says how many times each counts, which is how a resample of a
 * bootstrap is expressed; without it each counts once.
 */
export interface Cases {
  /** The larger, the likelier malignant; a probability where a metric says so. */
  score: ArrayLike<number>;
  /** 1 malignant (the positive class), 0 benign. */
  label: ArrayLike<number>;
  weight?: ArrayLike<number> | undefined;
}

/** How many times the i-th image counts. */
export const weightOf = ({ weight }: Cases, i: number): number => (weight ? weight[i]! : 1);

/** The indices by score, the lowest first; equal scores in their order. */
export const byScore = (score: ArrayLike<number>): Uint32Array =>
  Uint32Array.from({ length: score.length }, (_, i) => i).sort((a, b) => score[a]! - score[b]! || a - b);

/** How often either class occurs. */
export function classCounts(cases: Cases): { positives: number; negatives: number } {
  let [positives, negatives] = [0, 0];
  for (let i = 0; i < cases.score.length; i++) {
    if (cases.label[i] === 1) positives += weightOf(cases, i);
    else negatives += weightOf(cases, i);
  }
  return { positives, negatives };
}

/** Why a metric of both classes is not defined; undefined where both occur. */
export function missingClass({ positives, negatives }: { positives: number; negatives: number }): string | undefined {
  if (positives + negatives === 0) return "no image has a class";
  if (positives === 0) return "no image is malignant";
  return negatives === 0 ? "no image is benign" : undefined;
}
