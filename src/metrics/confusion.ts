/** Predictions at a threshold: counts and the rates that follow from them. The positive class is malignant. */
import { z } from "zod";
import { type Cases, weightOf } from "./cases.ts";
import { type Measure, ratio, undefinedFor } from "./measure.ts";

const count = z.number().int().min(0);

export const confusionSchema = z.strictObject({ tp: count, fp: count, fn: count, tn: count });

export type Confusion = z.infer<typeof confusionSchema>;

/** Counts at a threshold: `score >= threshold` predicts malignant. */
export function confusion(cases: Cases, threshold = 0.5): Confusion {
  const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
  for (let i = 0; i < cases.score.length; i++) {
    const predicted = cases.score[i]! >= threshold;
    counts[cases.label[i] === 1 ? (predicted ? "tp" : "fn") : predicted ? "fp" : "tn"] += weightOf(cases, i);
  }
  return counts;
}

export const rateNames = ["accuracy", "f1", "sensitivity", "specificity", "ppv", "npv"] as const;
export type RateName = (typeof rateNames)[number];

/**
 * The rates of a confusion matrix. F1 is 2 tp / (2 tp + fp + fn), the harmonic mean of sensitivity and PPV; sensitivity is
 * recall, PPV is precision.
 */
export function rates({ tp, fp, fn, tn }: Confusion): Record<RateName, Measure> {
  return {
    accuracy: ratio(tp + tn, tp + fp + fn + tn, "no image has a class"),
    // Without a malignant image it would be 0, however good the predictions are.
    f1: tp + fn === 0 ? undefinedFor("no image is malignant") : ratio(2 * tp, 2 * tp + fp + fn, ""),
    sensitivity: ratio(tp, tp + fn, "no image is malignant"),
    specificity: ratio(tn, tn + fp, "no image is benign"),
    ppv: ratio(tp, tp + fp, "no image was taken for malignant"),
    npv: ratio(tn, tn + fn, "no image was taken for benign"),
  };
}
