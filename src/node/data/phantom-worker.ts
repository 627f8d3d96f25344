/** Worker thread of ./phantom.ts: draws one phantom image per task, then crops and resizes it like any other. */
import type { PrepareSize } from "../../data/crop-image.ts";
import type { PhantomName } from "../../data/phantom/scanner.ts";
import { drawPhantom, type DrawnPhantom } from "../../data/phantom/series.ts";
import type { Target } from "../../data/readers/class-words.ts";
import { resizeBy } from "./resize.ts";
import type { WorkerFile } from "./worker-thread.ts";

export interface PhantomInit extends PrepareSize {
  scanner: PhantomName;
  seed: number;
  target: Target;
  greys: SharedArrayBuffer;
  shapes: SharedArrayBuffer;
}

export type PhantomResult = DrawnPhantom;

export const worker: WorkerFile<PhantomInit, number, PhantomResult> = {
  start: ({ scanner, seed, target, greys, shapes, width, height, crop, resize: method = "pillow" }) => {
    const pixels = width * height;
    const options: Parameters<typeof drawPhantom>[1] = {
      ...{ width, height, crop, target },
      resize: (image, part) => resizeBy(method, image, part, width, height),
    };
    return (index) => {
      const [grey, shape] = [greys, shapes].map((slots) => new Uint8Array(slots, index * pixels, pixels));
      return drawPhantom({ scanner, seed, index }, options, grey!, shape!);
    };
  },
};
