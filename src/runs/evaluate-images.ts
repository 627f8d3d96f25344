/** Evaluates an open model on images. */
import type { Prepared } from "../data/sample.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import type { ImagePrediction } from "../metrics/predictions.ts";
import { outlinesOf } from "../train/config.ts";
import { evaluate } from "../train/evaluate.ts";
import { withPatients } from "./fit.ts";
import type { ImageSource } from "./images.ts";
import type { OpenModel } from "./open-model.ts";
import { bareIds, outlinesById, unlabelledIds } from "./split-data.ts";

/** Evaluates a model on any number of images; it need not be a multiple of the batch. */
export async function evaluateImages(
  open: OpenModel,
  source: ImageSource,
  prepared: readonly Prepared[],
): Promise<{ metrics: Evaluation; images: ImagePrediction[] }> {
  const { config } = open.loaded.checkpoint;
  const batch = Math.min(config.batch, prepared.length);
  const batches = source.batches(prepared, outlinesOf(config).target);
  try {
    const predictor = await open.predictor({ batch });
    const { metrics, images } = await evaluate(predictor, batches.epoch({ seed: 0, epoch: 0, batchSize: batch }), {
      unlabelled: unlabelledIds(prepared),
      bare: bareIds(prepared, config),
      outlines: outlinesById(prepared, config),
      classes: open.classes,
      classifies: open.isClassifier,
    });
    return { metrics, images: withPatients(images, prepared) };
  } finally {
    await batches.close();
  }
}
