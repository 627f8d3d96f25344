/** The result of an evaluation during training, as stored in checkpoints and metrics.jsonl. */
import * as z from "zod";
import type { Cases } from "./cases.ts";
import { confusion, confusionSchema, rates } from "./confusion.ts";
import { auc } from "./curves.ts";
import { type ClassCases, confusionMatrix, confusionMatrixSchema, multiclassFigures } from "./multiclass.ts";
import type { MaskScore } from "./mask.ts";
import { valueOf } from "./measure.ts";

const share = z.number().min(0).max(1);

export const evaluationSchema = z.strictObject({
  images: z.number().int().min(0),
  /**
   * These are absent if no classification was evaluated (the segmentation stage), AUC also if a class has no image. For more
   * than two classes: macro F1, and the macro mean of each class's AUC against the rest.
   */
  accuracy: share.exactOptional(),
  auc: share.exactOptional(),
  f1: share.exactOptional(),
  /** Present if a class has no image that counts for classification: epochs are then compared by it. */
  loss: z.number().exactOptional(),
  /** For two classes: of the positive one at threshold 0.5. */
  confusion: confusionSchema.exactOptional(),
  /** For more than two classes, with their names in order. */
  matrix: confusionMatrixSchema.exactOptional(),
  byClass: z
    .array(z.strictObject({ name: z.string(), images: z.number().int().min(0), f1: share, auc: share.exactOptional() }))
    .exactOptional(),
  /** Means over the images with a target, absent if there are none; older records have no IoU. */
  dice: share.exactOptional(),
  iou: share.exactOptional(),
  /** Mean Dice with the true outlines over the images where they are known, absent if there are none. */
  outlineDice: share.exactOptional(),
});

export type Evaluation = z.infer<typeof evaluationSchema>;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * Metrics of predictions: for two classes at threshold 0.5, for more by the most probable class. `cases` are undefined in the
 * segmentation stage. F1 is 0 for a class that neither occurs nor is predicted, as in scikit-learn by default: epochs are
 * compared by it.
 */
export function evaluation(
  masks: readonly ({ [name in keyof MaskScore]: MaskScore[name] | null } & { outlineDice?: number })[],
  cases?: Cases | ClassCases,
): Evaluation {
  const known = masks.filter((m): m is MaskScore => m.dice !== null && m.iou !== null);
  const outlined = masks.flatMap(({ outlineDice }) => outlineDice ?? []);
  const result = {
    images: masks.length,
    ...(known.length > 0 ? { dice: mean(known.map((m) => m.dice)), iou: mean(known.map((m) => m.iou)) } : {}),
    ...(outlined.length > 0 ? { outlineDice: mean(outlined) } : {}),
  };
  if (!cases || cases.label.length === 0) return result;
  if ("probabilities" in cases) return { ...result, ...ofClasses(cases) };
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

function ofClasses(cases: ClassCases): Partial<Evaluation> {
  const { overall, byClass } = multiclassFigures(cases);
  const matrix = confusionMatrix(cases);
  const area = valueOf(overall.macroAuc);
  const own = byClass.map((figures, c) => {
    const of = valueOf(figures.auc);
    const images = matrix[c]!.reduce((a, b) => a + b, 0);
    const name = cases.classes.names[c]!;
    return { name, images, f1: figures.f1.value ?? 0, ...(of === undefined ? {} : { auc: of }) };
  });
  return {
    accuracy: overall.accuracy.value!,
    ...(area === undefined ? {} : { auc: area }),
    f1: mean(own.map(({ f1 }) => f1)),
    matrix,
    byClass: own,
  };
}
