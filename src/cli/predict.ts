/** `mganet predict`: images in, probabilities and outlines out. */
import { realpathSync } from "node:fs";
import path from "node:path";
import { assembleBatch } from "../data/batches.ts";
import { DataError, type Box, type Prepared, type Skipped } from "../data/sample.ts";
import { MGANet } from "../models/mganet.ts";
import { prepareImage } from "../node/data/prepare-image.ts";
import { Panels, requireExplainable } from "../node/explain.ts";
import { InputError, readInput, requireWritableFolder, writeWhole } from "../node/files.ts";
import { outline, overlay } from "../node/overlay.ts";
import { findCheckpoint } from "../node/run-folder.ts";
import { loadWeights, trainedStage } from "../train/checkpoint.ts";
import type { TrainConfig } from "../train/config.ts";
import { Predictor, type Prediction } from "../train/stage.ts";
import { explainSettings, type ExplainFlags } from "./explain.ts";
import { Profiler, type ProfileOptions } from "./profile.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

export interface PredictOptions extends TunedOption, ProfileOptions, ExplainFlags {
  run: string;
  out: string;
  half?: true;
}

/** One image to predict, and the name of its picture. */
interface Job {
  file: string;
  picture: string;
  image: Prepared;
}

/** Images in the network at a time. */
const BATCH = 8;

export async function predict(images: readonly string[], options: PredictOptions): Promise<void> {
  const { out } = options;
  const pictures = pictureNames(images);
  await requireWritableFolder(out);
  await Profiler.check(options);
  requireOthers(images, [...pictures, ...pictures.map(panelName)], out);
  const { checkpoint, file } = await findCheckpoint(options.run);
  const { config } = checkpoint;
  const explain = await explainSettings(options);
  if (explain) requireExplainable({ checkpoint, file }, explain);
  const { jobs, skipped } = await prepare(images, pictures, config);
  const stage = trainedStage(checkpoint);
  if (stage === "segmentation")
    console.log("The classifier of this checkpoint has not been trained yet: outlines only.");
  const results: Result[] = [];
  await withTunedGpu(options, async (gpu) => {
    const net = new MGANet(config);
    loadWeights(gpu, net, checkpoint, file);
    const batchSize = Math.min(BATCH, jobs.length);
    const predictor = await Predictor.create(gpu, net, {
      batch: batchSize,
      size: config.size,
      stage,
      half: options.half ?? false,
    });
    const panels = explain && (await Panels.create(gpu, net, { checkpoint, file }, explain, batchSize));
    const profiler = Profiler.for(gpu, options);
    for (let begin = 0; begin < jobs.length; begin += BATCH) {
      const part = jobs.slice(begin, begin + BATCH);
      const batch = assembleBatch(
        part.map((job) => job.image),
        part.map(() => false),
      );
      const predictions = await predictor.predict(batch.image);
      const drawn = await panels?.draw(
        part.map((job) => job.image),
        predictions,
      );
      for (const [i, prediction] of predictions.entries()) {
        results.push(await conclude(part[i]!, prediction, out, drawn?.[i]!.png));
      }
      if (begin === 0 && profiler) {
        const nodes = await predictor.profile(gpu, batch.image);
        const name = `inference of ${part.length} image${part.length === 1 ? "" : "s"}`;
        await profiler.add(name, nodes, (line) => console.log(line));
      }
    }
  });
  const report = { checkpoint: file, note: "for research; not a medical device", predictions: results, skipped };
  await writeWhole(path.join(out, "predictions.json"), `${JSON.stringify(report, null, 2)}\n`);
  const written = `${results.length} picture${results.length === 1 ? "" : "s"}`;
  console.log(
    `\nWritten to ${out}: predictions.json${explain ? "," : " and"} ${written}${explain ? `, and panels in ${PANELS}/` : ""}`,
  );
}

/** Reads all images. A bad one is reported and left out. @throws DataError, InputError if none is good */
async function prepare(images: readonly string[], pictures: readonly string[], { size, crop }: TrainConfig) {
  const [height, width] = size;
  const jobs: Job[] = [];
  const skipped: Skipped[] = [];
  for (const [i, file] of images.entries()) {
    try {
      const image = await prepareImage(await readInput(file), { width, height, crop, name: file });
      jobs.push({ file, picture: pictures[i]!, image });
    } catch (error) {
      if (images.length === 1 || !(error instanceof DataError || error instanceof InputError)) throw error;
      skipped.push({ file, reason: error.message.replace(`${file}: `, "") });
      console.error(`left out: ${error.message}`);
    }
  }
  if (jobs.length === 0) throw new DataError(`none of the ${images.length} images can be used`);
  return { jobs, skipped };
}

interface Result {
  image: string;
  /** Probability of malignancy; null while the classifier is not trained. */
  malignant: number | null;
  box: Box | null;
  picture: string;
  /** With --explain. */
  panel?: string;
}

/** Draws the picture of a prediction and reports it. */
async function conclude(
  { file, picture, image }: Job,
  prediction: Prediction,
  out: string,
  panel: Buffer | undefined,
): Promise<Result> {
  const { width, height, source } = image;
  const malignant = Number.isNaN(prediction.malignant) ? null : prediction.malignant;
  const found = outline(prediction.mask, width, height, source!.crop);
  await writeWhole(path.join(out, picture), await overlay(await readInput(file), found, malignant));
  const verdict = malignant === null ? "" : `${(100 * malignant).toFixed(1)} % malignant, `;
  console.log(`${file}: ${verdict}${found.box ? `nodule at ${showBox(found.box)}` : "no nodule found"}`);
  const result = { image: file, malignant, box: found.box ?? null, picture };
  if (!panel) return result;
  await writeWhole(path.join(out, panelName(picture)), panel);
  return { ...result, panel: panelName(picture) };
}

const showBox = ({ x0, y0, x1, y1 }: Box) => `${x0.toFixed(0)},${y0.toFixed(0)} to ${x1.toFixed(0)},${y1.toFixed(0)}`;

/** A name for each image's picture: the image's without folder and extension, numbered where it is taken. */
export function pictureNames(images: readonly string[]): string[] {
  const taken = new Set<string>();
  return images.map((file) => {
    const name = path.basename(file, path.extname(file));
    let picture = `${name}.png`;
    for (let n = 2; taken.has(picture); n++) picture = `${name}-${n}.png`;
    taken.add(picture);
    return picture;
  });
}

/** Folder of the panels within the one of the pictures. */
const PANELS = "explained";
const panelName = (picture: string) => `${PANELS}/${picture}`;

/** @throws InputError if a picture would be written over one of the images */
function requireOthers(images: readonly string[], pictures: readonly string[], out: string): void {
  const real = (file: string) => {
    try {
      return realpathSync(file);
    } catch {
      return undefined; // There is no such file.
    }
  };
  const inputs = new Set(images.map(real));
  for (const picture of pictures) {
    const target = real(path.join(out, picture));
    if (target !== undefined && inputs.has(target)) {
      throw new InputError(
        `${path.join(out, picture)}: is one of the images and would be overwritten; choose another --out`,
      );
    }
  }
}
