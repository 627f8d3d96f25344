/** The phantom as a prepared data set, drawn on all cores. */
import { intoCrop, outOfCrop } from "../../data/boxes.ts";
import type { PrepareSize } from "../../data/crop-image.ts";
import { phantomId, phantomImage, type PhantomImage } from "../../data/phantom/phantom.ts";
import { isPhantom, PHANTOM, type PhantomName } from "../../data/phantom/scanner.ts";
import type { Target } from "../../data/readers/class-words.ts";
import type { Classes, Dataset, Prepared } from "../../data/sample.ts";
import type { PhantomInit, PhantomResult } from "./phantom-worker.ts";
import { withImagePool, type WorkOptions } from "./prepare.ts";
import { sharedGreys } from "./shared-greys.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** The whole image that one of `preparePhantom` was cropped from; undefined for other ids. */
export function phantomFrame(id: string): PhantomImage | undefined {
  const [, scanner, seed, index] = /^(.+)-(\d+)-(\d+)$/.exec(id) ?? [];
  if (scanner === undefined || !isPhantom(scanner)) return undefined;
  return phantomImage(Number(seed), Number(index), { scanner });
}

export interface PreparedSeries {
  /** Default: "phantom". */
  scanner?: PhantomName;
  seed: number;
  count: number;
  /** What the labels are; default the class. */
  target?: Target;
}

/** Images 0 .. count - 1 of a scanner's series `seed`. */
export async function preparePhantom(
  { scanner = PHANTOM, seed, count, target = "class" }: PreparedSeries,
  { width, height, crop, resize = "pillow", ...options }: PrepareSize & WorkOptions,
): Promise<Prepared[]> {
  const pixels = width * height;
  const [greys, shapes] = [sharedGreys(count, width, height), sharedGreys(count, width, height)];
  const init: PhantomInit = { scanner, seed, target, width, height, crop, resize, greys, shapes };
  let done = 0;
  const onPool = (pool: WorkerPool<number, PhantomResult>) =>
    Promise.all(
      Array.from({ length: count }, async (_, index): Promise<Prepared> => {
        const { label, boxes, ...source } = await pool.run(index);
        options.onProgress?.(++done, count);
        const id = phantomId(scanner, seed, index);
        const [grey, shape] = [greys, shapes].map((slots) => new Uint8Array(slots, index * pixels, pixels));
        const inCrop = boxes.map((box) => intoCrop(box, source.crop, width, height));
        const file = { file: id, ...source };
        return { id, group: id, label, width, height, grey: grey!, shape: shape!, boxes: inCrop, source: file };
      }),
    );
  return withImagePool("phantom-worker", init, { ...options, images: count }, onPool);
}

/** The data set that the images of `preparePhantom` were prepared from. */
export const phantomSet = (scanner: PhantomName, classes: Classes, prepared: readonly Prepared[]): Dataset => ({
  name: scanner,
  classes,
  samples: prepared.map(({ id, group, label, boxes, width, height, source }) => ({
    ...{ id, file: id, group, label },
    boxes: boxes.map((box) => outOfCrop(box, source!.crop, width, height)),
  })),
  skipped: [],
  notes: [],
});
