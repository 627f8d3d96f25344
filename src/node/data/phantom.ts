/** The phantom as a prepared data set, drawn on all cores. */
import { availableParallelism } from "node:os";
import { intoCrop } from "../../data/boxes.ts";
import { phantomImage } from "../../data/phantom/phantom.ts";
import type { Prepared } from "../../data/sample.ts";
import type { GreyImage } from "./decode.ts";
import type { PhantomInit, PhantomResult } from "./phantom-worker.ts";
import type { WorkOptions } from "./prepare.ts";
import type { PrepareSize } from "./prepare-image.ts";
import { sharedGreys } from "./shared-greys.ts";
import { WorkerPool } from "./worker-pool.ts";

const idOf = (seed: number, index: number) => `phantom-${seed}-${index}`;

/** The whole picture that an image of `preparePhantom` was cropped from; undefined for other ids. */
export function phantomFrame(id: string): GreyImage | undefined {
  const [, seed, index] = /^phantom-(\d+)-(\d+)$/.exec(id) ?? [];
  if (seed === undefined || index === undefined) return undefined;
  const { width, height, grey } = phantomImage(Number(seed), Number(index));
  return { width, height, grey };
}

/** Images 0 .. count - 1 of the phantom series `seed`. */
export async function preparePhantom(
  { seed, count }: { seed: number; count: number },
  { width, height, crop, workers = availableParallelism(), onProgress, signal }: PrepareSize & WorkOptions,
): Promise<Prepared[]> {
  signal?.throwIfAborted();
  const pixels = width * height;
  const [greys, shapes] = [sharedGreys(count, width, height), sharedGreys(count, width, height)];
  const init: PhantomInit = { seed, width, height, crop, greys, shapes };
  const pool = new WorkerPool<number, PhantomResult>("phantom-worker", workers, init);
  const abort = () => void pool.close(signal!.reason as Error);
  signal?.addEventListener("abort", abort);
  let done = 0;
  try {
    return await Promise.all(
      Array.from({ length: count }, async (_, index): Promise<Prepared> => {
        const { label, boxes, ...source } = await pool.run(index);
        onProgress?.(++done, count);
        const id = idOf(seed, index);
        const [grey, shape] = [greys, shapes].map((slots) => new Uint8Array(slots, index * pixels, pixels));
        const inCrop = boxes.map((box) => intoCrop(box, source.crop, width, height));
        const file = { file: id, ...source };
        return { id, group: id, label, width, height, grey: grey!, shape: shape!, boxes: inCrop, source: file };
      }),
    );
  } finally {
    signal?.removeEventListener("abort", abort);
    await pool.close();
  }
}
