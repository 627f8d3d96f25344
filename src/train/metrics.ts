/** Classification and segmentation metrics. The positive class is 1, malignant. */

import { z } from "zod";

const count = z.number().int().min(0);
const share = z.number().min(0).max(1);

const confusionSchema = z.strictObject({ tp: count, fp: count, fn: count, tn: count });

export type Confusion = z.infer<typeof confusionSchema>;

/** Counts at a probability threshold: `prob >= threshold` predicts malignant. */
export function confusion(prob: ArrayLike<number>, label: ArrayLike<number>, threshold = 0.5): Confusion {
  const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
  for (let i = 0; i < prob.length; i++) {
    const predicted = prob[i]! >= threshold;
    if (label[i] === 1) counts[predicted ? "tp" : "fn"]++;
    else counts[predicted ? "fp" : "tn"]++;
  }
  return counts;
}

/** The share of right predictions; NaN of nothing. */
export const accuracy = ({ tp, fp, fn, tn }: Confusion): number => (tp + tn) / (tp + fp + fn + tn);

/** 2 tp / (2 tp + fp + fn); 0 where there is neither a malignant case nor a prediction of one, as in scikit-learn. */
export function f1({ tp, fp, fn }: Confusion): number {
  const total = 2 * tp + fp + fn;
  return total === 0 ? 0 : (2 * tp) / total;
}

/**
 * Area under the ROC curve: the probability that a malignant case scores higher than a benign one, ties counting half
 * (Mann and Whitney). undefined unless both classes occur.
 */
export function auc(score: ArrayLike<number>, label: ArrayLike<number>): number | undefined {
  const order = Array.from({ length: score.length }, (_, i) => i).sort((a, b) => score[a]! - score[b]!);
  let positives = 0;
  let rankSum = 0;
  for (let i = 0; i < order.length;) {
    let j = i;
    while (j < order.length && score[order[j]!] === score[order[i]!]) j++;
    // Ranks i+1..j are tied; each gets their mean.
    const rank = (i + 1 + j) / 2;
    for (let k = i; k < j; k++) {
      if (label[order[k]!] === 1) {
        positives++;
        rankSum += rank;
      }
    }
    i = j;
  }
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) return undefined;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** Dice of the thresholded mask against a binary target; 1 where both are empty. */
export function dice(mask: Float32Array, target: Float32Array, threshold = 0.5): number {
  let both = 0;
  let sum = 0;
  for (let i = 0; i < mask.length; i++) {
    const m = mask[i]! >= threshold;
    const t = target[i]! >= 0.5;
    if (m && t) both++;
    sum += (m ? 1 : 0) + (t ? 1 : 0);
  }
  return sum === 0 ? 1 : (2 * both) / sum;
}

/** What an evaluation reports; checkpoints and metrics.jsonl hold it. */
export const evaluationSchema = z.strictObject({
  images: count,
  /** These four are absent where no classification was evaluated (the segmentation stage), AUC also where a class is. */
  accuracy: share.exactOptional(),
  auc: share.exactOptional(),
  f1: share.exactOptional(),
  confusion: confusionSchema.exactOptional(),
  /** Mean over the images. */
  dice: share,
});

export type Evaluation = z.infer<typeof evaluationSchema>;

/** Metrics of predictions; `prob` and `label` are undefined in the segmentation stage. */
export function evaluation(dices: readonly number[], prob?: readonly number[], label?: readonly number[]): Evaluation {
  const result: Evaluation = { images: dices.length, dice: dices.reduce((a, b) => a + b, 0) / dices.length };
  if (!prob || !label) return result;
  const counts = confusion(prob, label);
  const area = auc(prob, label);
  return {
    ...result,
    accuracy: accuracy(counts),
    ...(area === undefined ? {} : { auc: area }),
    f1: f1(counts),
    confusion: counts,
  };
}
