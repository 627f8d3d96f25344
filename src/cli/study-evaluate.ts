/** What the finished runs of a study say of the images, kept in their folders. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { ImagePrediction } from "../metrics/predictions.ts";
import { predictionsOf, readPredictions } from "../node/predictions.ts";
import { findCheckpoint, predictionsFile, RunFolder } from "../node/run-folder.ts";
import type { SideName } from "../train/study-file.ts";
import { evaluateImages } from "./evaluated.ts";

/** From which probability on an image is taken for malignant, as in the paper. */
const THRESHOLD = 0.5;

/** Evaluates a run's checkpoint on images and keeps the result in the run folder. */
export async function evaluateSide(
  gpu: Gpu,
  dir: string,
  checkpointName: "last" | "best",
  { side, images: prepared, data }: { side: SideName; images: readonly Prepared[]; data: string },
): Promise<void> {
  const { checkpoint, file } = await findCheckpoint(dir, checkpointName);
  const { images } = await evaluateImages(gpu, checkpoint, file, prepared);
  const head = { checkpoint: path.basename(file), data, on: side, threshold: THRESHOLD };
  await RunFolder.savePredictions(dir, { ...head, images: predictionsOf(images, prepared) });
}

/**
 * What a run's checkpoint said of the images; undefined where it has not been asked yet.
 * @throws DataError if the file is no record of predictions
 */
export async function keptPredictions(
  dir: string,
  checkpointName: "last" | "best",
  side: SideName,
): Promise<ImagePrediction[] | undefined> {
  const file = path.join(dir, predictionsFile(side));
  if (!existsSync(file)) return undefined;
  const { checkpoint, on, images } = await readPredictions(file);
  return checkpoint === `${checkpointName}.safetensors` && on === side ? images : undefined;
}
