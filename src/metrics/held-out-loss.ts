/** The loss of images that are held out, by which epochs are compared where F1 says nothing. */

export interface LossTerms {
  /** Of the segmentation branch: src/train/losses.ts. */
  maskLoss: "dice" | "bce" | "dice+bce";
  /** Its weight. */
  alpha: number;
}

/** Nothing that is thought impossible costs infinitely much: so near to 0 a probability may come. */
const LEAST = 1e-7;

/** Soft Dice and binary cross-entropy of one image's mask [H, W] of probabilities, as in training. */
export function maskLossOf(mask: ArrayLike<number>, target: ArrayLike<number>, kind: LossTerms["maskLoss"]): number {
  let [both, marked, wanted, entropy] = [0, 0, 0, 0];
  for (let i = 0; i < mask.length; i++) {
    const [m, t] = [mask[i]!, target[i]!];
    both += m * t;
    marked += m;
    wanted += t;
    if (kind !== "dice") entropy -= Math.log(Math.max(LEAST, t >= 0.5 ? m : 1 - m));
  }
  const dice = kind === "bce" ? 0 : 1 - (2 * both + 1) / (marked + wanted + 1);
  return dice + (kind === "dice" ? 0 : entropy / mask.length);
}

/** Cross-entropy of a probability of malignancy. */
export const classLossOf = (malignant: number, label: 0 | 1): number =>
  -Math.log(Math.max(LEAST, label === 1 ? malignant : 1 - malignant));

/**
 * Mean cross-entropy over the images with a class, as long as there is one, and `alpha` times the mean loss of the masks of which
 * an outline is known.
 */
export function heldOutLoss(
  images: readonly { malignant: number; label: 0 | 1 | undefined; maskLoss: number | null }[],
  { alpha }: LossTerms,
): number {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  const classes = images.flatMap(({ malignant, label }) =>
    label === undefined ? [] : [classLossOf(malignant, label)],
  );
  return mean(classes) + alpha * mean(images.flatMap(({ maskLoss }) => maskLoss ?? []));
}
