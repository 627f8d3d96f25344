/** The loss of held-out images, which compares epochs if F1 cannot. */

export interface LossTerms {
  /** Loss of the segmentation branch: src/train/losses.ts. */
  maskLoss: "dice" | "bce" | "dice+bce";
  /** Its weight. */
  alpha: number;
}

/** Lower bound on probabilities, so that no loss is infinite. */
const MIN_PROBABILITY = 1e-7;

/** Soft Dice and binary cross-entropy of one image's mask [H, W] of probabilities, as in training. */
export function maskLossOf(mask: ArrayLike<number>, target: ArrayLike<number>, kind: LossTerms["maskLoss"]): number {
  let [both, marked, wanted, entropy] = [0, 0, 0, 0];
  for (let i = 0; i < mask.length; i++) {
    const [m, t] = [mask[i]!, target[i]!];
    both += m * t;
    marked += m;
    wanted += t;
    if (kind !== "dice") entropy -= Math.log(Math.max(MIN_PROBABILITY, t >= 0.5 ? m : 1 - m));
  }
  const dice = kind === "bce" ? 0 : 1 - (2 * both + 1) / (marked + wanted + 1);
  return dice + (kind === "dice" ? 0 : entropy / mask.length);
}

/** Cross-entropy of one image: `probability` is that of its class. */
export const classLossOf = (probability: number): number => -Math.log(Math.max(MIN_PROBABILITY, probability));

/** Mean cross-entropy over the images with a class, if any, plus `alpha` times the mean mask loss. */
export function heldOutLoss(
  images: readonly { probabilities: readonly number[]; label: number | undefined; maskLoss: number | null }[],
  { alpha }: LossTerms,
): number {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);
  const classes = images.flatMap(({ probabilities, label }) =>
    label === undefined ? [] : [classLossOf(probabilities[label]!)],
  );
  return mean(classes) + alpha * mean(images.flatMap(({ maskLoss }) => maskLoss ?? []));
}
