/** Worker thread of ./prepare.ts: one image per task. */
import type { Fingerprint } from "../../data/fingerprint.ts";
import type { CropMethod } from "./crop.ts";
import { cropAndPrint, cropAndResize, type Cropped } from "./prepare-image.ts";
import type { WorkerFile } from "./worker-thread.ts";

export interface PrepareInit {
  crop: CropMethod;
  /** Where the grey levels go: shared memory, one slot of width × height bytes per image. Absent: rectangles only. */
  out?: { width: number; height: number; greys: SharedArrayBuffer };
}

export interface PrepareTask {
  file: string;
  slot: number;
  /** Whether the image is already cropped to the tissue. */
  cropped?: boolean;
}

export type PrepareResult = Cropped & { print?: Fingerprint };

export const worker: WorkerFile<PrepareInit, PrepareTask, PrepareResult> = {
  start:
    ({ crop, out }) =>
    async ({ file, slot, cropped }) => {
      if (!out) return cropAndResize(file, crop, undefined, cropped);
      const { grey, ...result } = await cropAndPrint(file, crop, out, cropped);
      new Uint8Array(out.greys).set(grey, slot * out.width * out.height);
      return result;
    },
};
