/** Makes batches ahead of time in worker threads, so that the GPU never waits for one. */
import { type BatchPlan, type EpochOptions, planEpoch } from "../../data/batches.ts";
import { type Batch, DataError, type Prepared } from "../../data/sample.ts";
import type { MaskTarget } from "../../data/target.ts";
import type { LoaderInit } from "./loader-worker.ts";
import { WorkerPool } from "./worker-pool.ts";

export interface LoaderOptions {
  /** What the batches' targets are. Default: the ellipses of the boxes. */
  target?: MaskTarget | undefined;
  /** Worker threads. Default 1, which makes well over a hundred batches of 8 per second. Does not affect the batches. */
  workers?: number;
  /** Batches made or in progress beyond the one that the consumer holds, in each open epoch. Default 3. */
  ahead?: number;
}

export class BatchLoader {
  readonly #count: number;
  readonly #ahead: number;
  readonly #pool: WorkerPool<BatchPlan, Batch>;

  /** Pixels in shared memory, as `prepareDataset` leaves them, are used in place; others are copied once. */
  constructor(prepared: readonly Prepared[], { target = "ellipse", workers = 1, ahead = 3 }: LoaderOptions = {}) {
    if (prepared.length === 0) throw new DataError("there is no image to make a batch of");
    this.#count = prepared.length;
    this.#ahead = Math.max(1, ahead);
    const init: LoaderInit = { prepared: prepared.map((image) => inSharedMemory(image, target)), target };
    this.#pool = new WorkerPool("loader-worker", Math.max(1, workers), init);
  }

  /**
   * The batches of one epoch, in order. They depend only on the options: a resumed run that passes `startBatch` sees what an
   * uninterrupted one would have seen. Several epochs may be open at once, and leaving one early is harmless.
   *
   * @throws DataError at once for invalid options; while iterating, what a worker threw
   */
  epoch(options: EpochOptions): AsyncIterable<Batch> {
    return this.#batches(planEpoch(this.#count, options));
  }

  async *#batches(plan: readonly BatchPlan[]): AsyncGenerator<Batch, void, undefined> {
    const queue: Promise<Batch>[] = [];
    let next = 0;
    const fill = () => {
      while (queue.length < this.#ahead && next < plan.length) {
        const batch = this.#pool.run(plan[next++]!);
        // It may fail before it is awaited, or never be awaited at all.
        batch.catch(() => {});
        queue.push(batch);
      }
    };
    fill();
    while (queue.length > 0) {
      const batch = await queue.shift()!;
      fill();
      yield batch;
    }
  }

  /** Stops the workers. Epochs still open end with an error. */
  async close(): Promise<void> {
    await this.#pool.close(new Error("the batch loader is closed"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The image with all that its batches need, without its outline where no target is drawn from it. */
function inSharedMemory({ shape, ...image }: Prepared, target: MaskTarget): Prepared {
  const prepared: Prepared = { ...image, grey: shared(image.grey) };
  return shape && target === "outline" ? { ...prepared, shape: shared(shape) } : prepared;
}

function shared(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
