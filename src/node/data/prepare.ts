/** Prepares all images of a data set or folder: decodes, crops to the tissue and resizes, on all cores. */
import { availableParallelism } from "node:os";
import path from "node:path";
// Loaded here although only the workers call it: sharp's library must outlive the last of them.
import "./decode.ts";
import { boxesInTissue, noneUsable, type PrepareSize } from "../../data/crop-image.ts";
import { IMAGE_FILE } from "../../data/layouts/stems.ts";
import { DataError, type Dataset, type Prepared, type Skipped } from "../../data/sample.ts";
import { shapeMask } from "../../data/shape.ts";
import type { CropMethod } from "../../data/tissue/crop.ts";
import { listFolder } from "./set-files.ts";
import { sharedGreys } from "./shared-greys.ts";
import type { PrepareInit, PrepareResult, PrepareTask } from "./prepare-worker.ts";
import { WorkerPool } from "./worker-pool.ts";

/** A worker takes half a second to start, about as long as 40 images take. */
const IMAGES_WORTH_A_WORKER = 32;

export interface WorkOptions {
  /** Worker threads. Default: one per core, fewer for few images. Does not affect the result. */
  workers?: number;
  /** Called after each image, in no particular order. */
  onProgress?: (done: number, total: number) => void;
  /** Stops the work; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Prepares every sample, in the samples' order. Pixels are written to shared memory, so that passing the result to a
 * BatchLoader copies nothing. An image that cannot be decoded is left out and reported.
 *
 * @throws DataError if no image is left; the signal's reason
 */
export async function prepareDataset(
  dataset: Dataset,
  options: PrepareSize & WorkOptions,
): Promise<{ prepared: Prepared[]; skipped: Skipped[]; notes: string[] }> {
  const { width, height, crop, resize = "pillow" } = options;
  for (const length of [width, height]) {
    if (!Number.isSafeInteger(length) || length < 1) throw new DataError(`${width}x${height} is not an image size`);
  }
  const { samples } = dataset;
  const pixels = width * height;
  const greys = sharedGreys(samples.length, width, height);
  const results = await cropAll(
    samples.map(({ file, cropped }) => ({ file, cropped: cropped ?? false })),
    { width, height, crop, resize, greys },
    options,
  );
  const shaped = samples.some(({ shape }) => shape !== undefined);
  const shapes = shaped ? sharedGreys(samples.length, width, height) : undefined;
  const prepared: Prepared[] = [];
  const skipped: Skipped[] = [];
  const notes: string[] = [];
  results.forEach((result, i) => {
    const sample = samples[i]!;
    if ("reason" in result) return void skipped.push(result);
    const { print, note, ...source } = result;
    if (note !== undefined) notes.push(`${sample.id}: ${note}`);
    const { boxes, note: lost } = boxesInTissue(sample, source.crop, options);
    if (lost !== undefined) notes.push(lost);
    const { id, file, group, label } = sample;
    const grey = new Uint8Array(greys, i * pixels, pixels);
    const image: Prepared = { id, group, label, width, height, grey, boxes, source: { file, ...source } };
    if (print) image.print = print;
    if (shapes && sample.shape && boxes.length > 0) {
      const out = new Uint8Array(shapes, i * pixels, pixels);
      if (shapeMask(sample.shape, source.crop, width, height, out).includes(1)) image.shape = out;
    }
    if (sample.outline !== undefined) image.outline = sample.outline;
    if (sample.side !== undefined) image.side = sample.side;
    if (sample.fold !== undefined) image.fold = sample.fold;
    prepared.push(image);
  });
  if (prepared.length === 0) throw noneUsable(dataset.dir ?? dataset.name, samples.length, skipped);
  return { prepared, skipped, notes };
}

/**
 * The tissue rectangle [x0, y0, x1, y1] of every image file in a folder, in whole pixels of the image, by file name.
 *
 * @param options.onSkip called for each image that cannot be decoded; it has no rectangle in the result
 * @throws DataError if the folder is missing or has no usable image
 */
export async function cropRectangles(
  dir: string,
  options: WorkOptions & { method?: CropMethod; onSkip?: (skipped: Skipped) => void } = {},
): Promise<Record<string, [number, number, number, number]>> {
  const names = (await listFolder(dir)).files.filter((name) => IMAGE_FILE.test(name));
  const files = names.map((name) => ({ file: path.join(dir, name) }));
  const results = await cropAll(files, { crop: options.method ?? "adaptive" }, options);
  const rectangles: Record<string, [number, number, number, number]> = {};
  results.forEach((result, i) => {
    if ("reason" in result) return options.onSkip?.(result);
    const { x0, y0, x1, y1 } = result.crop;
    rectangles[names[i]!] = [x0, y0, x1, y1];
  });
  if (Object.keys(rectangles).length === 0) throw new DataError(`${dir}: the folder has no usable image`);
  return rectangles;
}

/**
 * Runs `work` with workers that prepare `images` images, by default as many as pay off; `signal` stops them at once.
 */
export async function withImagePool<Task, Result, Done>(
  file: string,
  init: unknown,
  { images, workers, signal }: { images: number } & WorkOptions,
  work: (pool: WorkerPool<Task, Result>) => Promise<Done>,
): Promise<Done> {
  signal?.throwIfAborted();
  const useful = workers ?? Math.min(availableParallelism(), Math.ceil(images / IMAGES_WORTH_A_WORKER));
  const size = Math.max(1, Math.min(useful, images));
  const pool = new WorkerPool<Task, Result>(file, size, init);
  const abort = () => void pool.close(signal!.reason as Error);
  signal?.addEventListener("abort", abort);
  try {
    return await work(pool);
  } finally {
    signal?.removeEventListener("abort", abort);
    await pool.close();
  }
}

/** The result for each file, in file order. */
async function cropAll(
  files: readonly Omit<PrepareTask, "slot">[],
  init: PrepareInit,
  options: WorkOptions,
): Promise<(PrepareResult | Skipped)[]> {
  let done = 0;
  const onPool = (pool: WorkerPool<PrepareTask, PrepareResult>) =>
    Promise.all(
      files.map(async (task, slot) => {
        const result = await pool.run({ ...task, slot }).catch((error: unknown) => {
          if (error instanceof DataError) return { file: task.file, reason: error.message };
          throw error;
        });
        options.onProgress?.(++done, files.length);
        return result;
      }),
    );
  return withImagePool("prepare-worker", init, { ...options, images: files.length }, onPool);
}
