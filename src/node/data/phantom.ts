/** The phantom as a prepared data set, drawn on all cores. */
import type { PrepareSize } from "../../data/crop-image.ts";
import { PHANTOM, type PhantomName } from "../../data/phantom/scanner.ts";
import { preparedPhantom } from "../../data/phantom/series.ts";
import type { Target } from "../../data/readers/class-words.ts";
import type { Prepared } from "../../data/sample.ts";
import type { PhantomInit, PhantomResult } from "./phantom-worker.ts";
import { withImagePool, type WorkOptions } from "./prepare.ts";
import { sharedGreys } from "./shared-greys.ts";
import type { WorkerPool } from "./worker-pool.ts";

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
        const drawn = await pool.run(index);
        options.onProgress?.(++done, count);
        const [grey, shape] = [greys, shapes].map((slots) => new Uint8Array(slots, index * pixels, pixels));
        const place = { scanner, seed, index };
        return preparedPhantom(place, drawn, { width, height, grey: grey!, shape: shape! });
      }),
    );
  return withImagePool("phantom-worker", init, { ...options, images: count }, onPool);
}
