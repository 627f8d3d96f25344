/** Overlap metrics of a mask: Dice and IoU. */

/** Pixel counts of the thresholded mask, the binary target, and their intersection. */
function overlap(mask: ArrayLike<number>, target: ArrayLike<number>, threshold: number) {
  let [both, marked, wanted] = [0, 0, 0];
  for (let i = 0; i < mask.length; i++) {
    const m = mask[i]! >= threshold;
    const t = target[i]! >= 0.5;
    if (m && t) both++;
    if (m) marked++;
    if (t) wanted++;
  }
  return { both, marked, wanted };
}

/** Dice, 2 |M ∩ T| / (|M| + |T|), and intersection over union, |M ∩ T| / |M ∪ T|. */
export interface MaskScore {
  dice: number;
  iou: number;
}

/** Scores a mask at a threshold against a binary target of the same length; both scores are 1 if both are empty. */
export function maskScore(mask: ArrayLike<number>, target: ArrayLike<number>, threshold = 0.5): MaskScore {
  const { both, marked, wanted } = overlap(mask, target, threshold);
  const sum = marked + wanted;
  return sum === 0 ? { dice: 1, iou: 1 } : { dice: (2 * both) / sum, iou: both / (sum - both) };
}
