/** Binary predictions at a threshold: counts and the rates derived from them. */
import * as z from "zod";
import { type Cases, type Sides, sidesIn, weightOf } from "./cases.ts";
import { DEFAULT_THRESHOLD } from "./decision.ts";
import { type Measure, ratio, undefinedFor } from "./measure.ts";

const count = z.number().int().min(0);

export const confusionSchema = z.strictObject({ tp: count, fp: count, fn: count, tn: count });

export type Confusion = z.infer<typeof confusionSchema>;

/** Counts at a threshold: `score >= threshold` predicts the positive class. */
export function confusion(cases: Cases, threshold = DEFAULT_THRESHOLD): Confusion {
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
 * @param sides names of the two classes in reasons
 * @param at what reasons add to "was predicted": " at the threshold 0.5", where other predictions are shown too
 */
export function rates({ tp, fp, fn, tn }: Confusion, sides?: Sides, at = ""): Record<RateName, Measure> {
  const { positive, negative } = sidesIn({ sides });
  return {
    accuracy: ratio(tp + tn, tp + fp + fn + tn, "no image has a class"),
    // Without a positive image it would be 0, however good the predictions.
    f1: tp + fn === 0 ? undefinedFor(`no image is ${positive}`) : ratio(2 * tp, 2 * tp + fp + fn, ""),
    sensitivity: ratio(tp, tp + fn, `no image is ${positive}`),
    specificity: ratio(tn, tn + fp, `no image is ${negative}`),
    ppv: ratio(tp, tp + fp, `no image was predicted ${positive}${at}`),
    npv: ratio(tn, tn + fn, `no image was predicted ${negative}${at}`),
  };
}
