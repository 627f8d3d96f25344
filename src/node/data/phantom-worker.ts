/** Worker thread of ./phantom.ts: draws one phantom image per task, then crops and resizes it like any other. */
import type { PrepareSize } from "../../data/crop-image.ts";
import { phantomLabel } from "../../data/phantom/labels.ts";
import { phantomImage } from "../../data/phantom/phantom.ts";
import type { PhantomName } from "../../data/phantom/scanner.ts";
import type { Target } from "../../data/readers/class-words.ts";
import type { Box, Label } from "../../data/sample.ts";
import { shapeMask } from "../../data/shape.ts";
import { type Cropped, cropGrey } from "./prepare-image.ts";
import type { WorkerFile } from "./worker-thread.ts";

export interface PhantomInit extends PrepareSize {
  scanner: PhantomName;
  seed: number;
  target: Target;
  greys: SharedArrayBuffer;
  shapes: SharedArrayBuffer;
}

export type PhantomResult = Cropped & { label: Label; boxes: Box[] };

export const worker: WorkerFile<PhantomInit, number, PhantomResult> = {
  start:
    ({ scanner, seed, target, greys, shapes, ...size }) =>
    async (index) => {
      const { width, height } = size;
      const { label, features, boxes, outlines, ...frame } = phantomImage(seed, index, { scanner });
      const { grey, ...cropped } = await cropGrey(frame, size);
      new Uint8Array(greys).set(grey, index * width * height);
      const shape = outlines.map((polygon) => ({ polygon }));
      shapeMask(shape, cropped.crop, width, height, new Uint8Array(shapes, index * width * height, width * height));
      return { ...cropped, label: phantomLabel({ label, features }, target), boxes };
    },
};
