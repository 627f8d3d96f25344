/** Evaluation of a predictor during and after training. */
import type { Classes } from "../data/classes.ts";
import type { Batch } from "../data/sample.ts";
import { evaluation, type Evaluation } from "../metrics/evaluation.ts";
import { heldOutLoss, maskLossOf } from "../metrics/held-out-loss.ts";
import { maskScore } from "../metrics/mask.ts";
import { casesOf, classCasesOf, classified, type ImagePrediction } from "../metrics/predictions.ts";
import type { MaskTerm } from "../models/spec.ts";
import type { Predictor } from "./predictor.ts";

/** The result for one image of an evaluation; the network does not know its patient. */
export type ImageResult = Omit<ImagePrediction, "patient">;

/** What an evaluation must know about the images and the network. */
export interface EvaluateOptions {
  /** Ids of images without a class: they count only for masks. */
  unlabelled: ReadonlySet<string>;
  /** Ids of images without a target: they count only for classes. */
  bare?: ReadonlySet<string>;
  /** The true outlines by id, as in `Prepared.shape`, of the images where masks are compared with them too. */
  outlines?: ReadonlyMap<string, Uint8Array>;
  classes: Classes;
  /** Whether the classifier is trained, so that its predictions count. */
  classifies: boolean;
  /** Request the loss of the images if they lack a class, with the mask's part in it. */
  loss?: { maskTerm: MaskTerm | undefined };
}

/** Whether the images have more than one class: only then can F1 compare epochs. */
export function severalClasses(images: Iterable<{ label: number | null }>): boolean {
  return new Set([...images].map(({ label }) => label).filter((label) => label !== null)).size > 1;
}

/** Evaluates a predictor over batches. Adds the loss if requested and F1 cannot compare epochs. */
export async function evaluate(
  predictor: Predictor,
  batches: AsyncIterable<Batch>,
  { unlabelled, bare = new Set(), outlines, classes, classifies, loss }: EvaluateOptions,
): Promise<{ metrics: Evaluation; images: ImageResult[] }> {
  const images: ImageResult[] = [];
  const maskLosses: (number | null)[] = [];
  predictor.refresh();
  for await (const batch of batches) {
    const pixels = batch.target.length / batch.ids.length;
    for (const [i, { probabilities, mask }] of (await predictor.predict(batch.image)).entries()) {
      const id = batch.ids[i]!;
      const label = unlabelled.has(id) ? null : batch.label[i]!;
      const target = batch.target.subarray(i * pixels, (i + 1) * pixels);
      const outlined = mask !== undefined && !bare.has(id);
      const score = outlined ? maskScore(mask, target) : { dice: null, iou: null };
      const shape = mask && outlines?.get(id);
      const outlineScore = shape ? { outlineDice: maskScore(mask, shape).dice } : {};
      images.push({
        image: id,
        label,
        probabilities: (classifies && probabilities) || null,
        ...score,
        ...outlineScore,
      });
      if (loss?.maskTerm) maskLosses.push(outlined ? maskLossOf(mask, target, loss.maskTerm.maskLoss) : null);
    }
  }
  const known = classified(images.map((image) => ({ ...image, patient: null })));
  const cases = classes.names.length > 2 ? classCasesOf(known, classes) : casesOf(known, classes);
  const metrics = evaluation(images, classifies ? cases : undefined);
  if (!loss || !classifies || severalClasses(images)) return { metrics, images };
  const held = images.map(({ probabilities, label }, i) => ({
    probabilities: probabilities!,
    label: label ?? undefined,
    maskLoss: maskLosses[i] ?? null,
  }));
  return { metrics: { ...metrics, loss: heldOutLoss(held, loss.maskTerm ?? { maskLoss: "dice", alpha: 0 }) }, images };
}
