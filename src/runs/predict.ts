/** Predicts a stream of images with a checkpoint. Memory does not grow with their number. */
import { assembleBatch } from "../data/batches.ts";
import type { Prepared } from "../data/sample.ts";
import type { Prediction, Predictor } from "../train/predictor.ts";
import type { Activations, ExplainedImage } from "./explain.ts";

/** An image, with whatever its sender wants back along with the answer. */
export interface PredictJob {
  image: Prepared;
}

/** The same, or one that was left out and only keeps its place among the others. */
export interface MaybeJob {
  image: Prepared | undefined;
}

export interface Predicted<J extends MaybeJob> {
  job: J;
  /** Undefined for what was left out. */
  prediction: J extends PredictJob ? Prediction : Prediction | undefined;
  /** With `activations`. */
  explained: ExplainedImage | undefined;
}

export interface PredictTask {
  predictor: Predictor;
  activations?: Activations | undefined;
  /** The first batch has been predicted: its images [N, H, W, 3], for a profile. */
  onFirst?: (image: Float32Array, count: number) => Promise<void>;
  /** Told of each batch: milliseconds of waiting for its images, and of the device's work on them. */
  onTimes?: (waited: number, computed: number) => void;
}

/**
 * The predictions of each batch, in image order. While the caller uses a batch, the device works on the next one if its images
 * are there.
 */
export async function* predictBatches<J extends MaybeJob>(
  batches: AsyncIterable<readonly J[]>,
  { predictor, activations, onFirst, onTimes }: PredictTask,
): AsyncGenerator<Predicted<J>[], void> {
  const iterator = batches[Symbol.asyncIterator]();
  let first = true;
  const answer = async (): Promise<Predicted<J>[] | undefined> => {
    const asked = performance.now();
    const asking = await iterator.next();
    if (asking.done) return undefined;
    const jobs = asking.value;
    const begun = performance.now();
    const images = jobs.flatMap(({ image }) => image ?? []);
    const { image } = images.length > 0 ? assembleBatch(images, []) : { image: new Float32Array() };
    const predictions = await predictor.predict(image);
    onTimes?.(begun - asked, performance.now() - begun);
    if (images.length === 0) return jobs.map((job) => ({ job }) as Predicted<J>);
    const explained = await activations?.explain(images, predictions);
    if (first) await onFirst?.(image, images.length);
    first = false;
    let i = 0;
    return jobs.map((job) => {
      const at = job.image ? i++ : -1;
      return { job, prediction: predictions[at], explained: explained?.[at] } as Predicted<J>;
    });
  };
  let next = answer();
  try {
    for (;;) {
      const answers = await next;
      if (!answers) return;
      next = answer();
      next.catch(() => {}); // Awaited above.
      // Lets the device begin before the caller keeps this thread busy.
      await new Promise((resolve) => setTimeout(resolve));
      yield answers;
    }
  } finally {
    // The device may still be at work for a caller that has stopped.
    await next.catch(() => {});
    await iterator.return?.();
  }
}

/** Left-out items that a batch may hold, for each image in it: the wait for images must not keep them from being recorded. */
const LEFT_OUT_AN_IMAGE = 8;

/** Groups a generator's values into arrays with `size` images; the last one holds the rest. */
export async function* inBatches<T extends MaybeJob>(
  items: AsyncIterable<T>,
  size: number,
): AsyncGenerator<T[], undefined> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    const images = batch.filter(({ image }) => image).length;
    if (images < size && batch.length < LEFT_OUT_AN_IMAGE * size) continue;
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
