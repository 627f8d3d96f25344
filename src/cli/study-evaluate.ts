/** What the finished runs of a study say of the images, kept in their folders. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { parsePredictions, writePredictions, type ImagePrediction } from "../metrics/predictions.ts";
import { readInput, writeWhole } from "../node/files.ts";
import { findCheckpoint } from "../node/run-folder.ts";
import type { SideName } from "../train/study-file.ts";
import { evaluateImages } from "./evaluate.ts";

/** From which probability on an image is taken for malignant, as in the paper. */
const THRESHOLD = 0.5;

/** "predictions.json" of the held-out images, "predictions-external.json" and the like of others. */
export const predictionsFile = (side: SideName): string => `predictions${side === "val" ? "" : `-${side}`}.json`;

/** Evaluates a run's checkpoint on images and keeps the result in the run folder. */
export async function evaluateSide(
  gpu: Gpu,
  dir: string,
  checkpointName: "last" | "best",
  { side, images: prepared, data }: { side: SideName; images: readonly Prepared[]; data: string },
): Promise<void> {
  const { checkpoint, file } = await findCheckpoint(dir, checkpointName);
  const { images } = await evaluateImages(gpu, checkpoint, file, prepared);
  const patients = new Map(prepared.map(({ id, group }) => [id, group]));
  const predictions = images.map(({ id, label, malignant, dice, iou }): ImagePrediction => {
    return { image: id, patient: patients.get(id) ?? null, label: label ?? null, malignant, dice, iou };
  });
  const head = { checkpoint: path.basename(file), data, on: side, threshold: THRESHOLD };
  await writeWhole(path.join(dir, predictionsFile(side)), writePredictions({ ...head, images: predictions }));
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
  const { checkpoint, on, images } = parsePredictions((await readInput(file)).toString("utf8"), file);
  return checkpoint === `${checkpointName}.safetensors` && on === side ? images : undefined;
}
