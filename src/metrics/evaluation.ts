/** What an evaluation during training reports; checkpoints and metrics.jsonl hold it. */
import { z } from "zod";
import type { Cases } from "./cases.ts";
import { confusion, confusionSchema, rates } from "./confusion.ts";
import { auc } from "./curves.ts";
import type { MaskScore } from "./mask.ts";
import { valueOf } from "./measure.ts";

const share = z.number().min(0).max(1);

export const evaluationSchema = z.strictObject({
  images: z.number().int().min(0),
  /** These four are absent where no classification was evaluated (the segmentation stage), AUC also where a class is. */
  accuracy: share.exactOptional(),
  auc: share.exactOptional(),
  f1: share.exactOptional(),
  /** Where the images that count for classification are not of both classes: epochs are compared by it then. */
  loss: z.number().exactOptional(),
  confusion: confusionSchema.exactOptional(),
  /** Means over the images whose outlines are known, absent where none are; older records have no IoU. */
  dice: share.exactOptional(),
  iou: share.exactOptional(),
});

export type Evaluation = z.infer<typeof evaluationSchema>;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * Metrics of predictions at threshold 0.5; `cases` are undefined in the segmentation stage. F1 is 0 where there is neither a
 * malignant case nor a prediction of one, as in scikit-learn: epochs are compared by it.
 */
export function evaluation(
  masks: readonly { [name in keyof MaskScore]: MaskScore[name] | null }[],
  cases?: Cases,
): Evaluation {
  const known = masks.filter((m): m is MaskScore => m.dice !== null && m.iou !== null);
  const result = {
    images: masks.length,
    ...(known.length > 0 ? { dice: mean(known.map((m) => m.dice)), iou: mean(known.map((m) => m.iou)) } : {}),
  };
  if (!cases || cases.score.length === 0) return result;
  const counts = confusion(cases);
  const { accuracy, f1 } = rates(counts);
  const area = valueOf(auc(cases));
  return {
    ...result,
    accuracy: accuracy.value!,
    ...(area === undefined ? {} : { auc: area }),
    f1: f1.value ?? 0,
    confusion: counts,
  };
}
