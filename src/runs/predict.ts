/** Predicts a stream of images with a checkpoint. Memory does not grow with their number. */
import { assembleBatch } from "../data/batches.ts";
import type { Prepared } from "../data/sample.ts";
import type { Prediction, Predictor } from "../train/predictor.ts";
import type { Activations, ExplainedImage } from "./explain.ts";

/** An image, with whatever its sender wants back along with the answer. */
export interface PredictJob {
  image: Prepared;
}

export interface Predicted<J extends PredictJob> {
  job: J;
  prediction: Prediction;
  /** With `activations`. */
  explained: ExplainedImage | undefined;
}

export interface PredictTask {
  predictor: Predictor;
  activations?: Activations | undefined;
  /** The first batch has been predicted: its images [N, H, W, 3], for a profile. */
  onFirst?: (image: Float32Array, count: number) => Promise<void>;
}

/** The predictions of each batch, in image order. */
export async function* predictBatches<J extends PredictJob>(
  batches: AsyncIterable<readonly J[]>,
  { predictor, activations, onFirst }: PredictTask,
): AsyncGenerator<Predicted<J>[], void> {
  let first = true;
  for await (const jobs of batches) {
    const images = jobs.map(({ image }) => image);
    const { image } = assembleBatch(images, []);
    const predictions = await predictor.predict(image);
    const explained = await activations?.explain(images, predictions);
    yield jobs.map((job, i) => ({ job, prediction: predictions[i]!, explained: explained?.[i] }));
    if (first) await onFirst?.(image, jobs.length);
    first = false;
  }
}

/** Groups a generator's values into arrays of `size`; the last one holds the rest. */
export async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[], undefined> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Resumes a generator whose first value was already taken, yielding that first. */
export async function* withFirst<T>(first: IteratorResult<T, undefined>, rest: AsyncIterable<T>): AsyncGenerator<T> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}
