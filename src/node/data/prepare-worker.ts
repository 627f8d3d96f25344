/** Worker thread of ./prepare.ts: one image per task. */
import type { PrepareSize } from "../../data/crop-image.ts";
import type { Fingerprint } from "../../data/fingerprint.ts";
import type { CropMethod } from "../../data/tissue/crop.ts";
import { cropAndPrint, cropFile, type Cropped } from "./prepare-image.ts";
import type { WorkerFile } from "./worker-thread.ts";

export type PrepareInit =
  /** Rectangles only. */
  | { crop: CropMethod; greys?: undefined }
  /** `greys`: where the grey levels go, shared memory with one slot of width × height bytes per image. */
  | (PrepareSize & { greys: SharedArrayBuffer });

export interface PrepareTask {
  file: string;
  slot: number;
  /** Whether the image is already cropped to the tissue. */
  cropped?: boolean;
}

export type PrepareResult = Cropped & { print?: Fingerprint };

export const worker: WorkerFile<PrepareInit, PrepareTask, PrepareResult> = {
  start:
    (init) =>
    async ({ file, slot, cropped }) => {
      if (!init.greys) return cropFile(file, init.crop, cropped);
      const { grey, ...result } = await cropAndPrint(file, init, cropped);
      new Uint8Array(init.greys).set(grey, slot * init.width * init.height);
      return result;
    },
};
