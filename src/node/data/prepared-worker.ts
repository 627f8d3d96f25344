/** Worker thread of ./prepared-folder.ts: crops one image and writes crop, mask and outline. */
import { stat } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { boxesInCrop } from "../../data/boxes.ts";
import { ellipseMask } from "../../data/ellipse.ts";
import { resizeGrey } from "../../data/resample.ts";
import type { Box, Shape } from "../../data/sample.ts";
import { shapeMask } from "../../data/shape.ts";
import { writeInFolder } from "../files.ts";
import type { CropMethod } from "../../data/tissue/crop.ts";
import { type GreyImage, readImage } from "./decode.ts";
import { openAndCrop } from "./prepare-image.ts";
import type { WorkerFile } from "./worker-thread.ts";

export interface WriteInit {
  out: string;
  /** Width and height; null: as in the image. */
  size: [number, number] | null;
  crop: CropMethod;
}

export interface WriteTask {
  file: string;
  /** Name of the files written. */
  name: string;
  boxes: Box[];
  /** The true outlines, where they are known. */
  shape?: Shape;
  cropped: boolean;
  /** Whether it is known to have no nodule: then the mask is empty. */
  empty: boolean;
}

export interface WriteResult {
  source: { bytes: number; changed: number };
  image: string;
  mask: string;
  outline?: string;
  original: { width: number; height: number };
  crop: Box;
  width: number;
  height: number;
  boxes: Box[];
  /** Number of boxes outside the crop. */
  lost: number;
  /** What the user should know about the file. */
  note?: string;
}

export const worker: WorkerFile<WriteInit, WriteTask, WriteResult> = {
  start:
    ({ out, size, crop: method }) =>
    async ({ file, name, boxes, shape, cropped, empty }) => {
      const image = await readImage(file);
      const { size: bytes, mtimeMs: changed } = await stat(image.file);
      const { original, crop } = await openAndCrop(image, method, cropped);
      const [width, height] = size ?? [crop.x1 - crop.x0, crop.y1 - crop.y0];
      const grey = resizeGrey(original, crop, width, height);
      const kept = boxesInCrop(boxes, crop, width, height);
      const mask = ellipseMask(kept, width, height);
      const [imageFile, maskFile] = [`images/${name}`, `masks/${name}`];
      const outlined = shape && kept.length > 0 ? shapeMask(shape, crop, width, height) : undefined;
      const outline = outlined?.includes(1) === true ? `outlines/${name}` : undefined;
      if (kept.length > 0 || empty) {
        await writePng(path.join(out, imageFile), { width, height, grey });
        await writePng(path.join(out, maskFile), { width, height, grey: Uint8Array.from(mask, (m) => 255 * m) });
        if (outline !== undefined) {
          await writePng(path.join(out, outline), { width, height, grey: outlined!.map((m) => 255 * m) });
        }
      }
      return {
        source: { bytes, changed },
        image: imageFile,
        mask: maskFile,
        ...(outline === undefined ? {} : { outline }),
        original: { width: original.width, height: original.height },
        crop,
        width,
        height,
        boxes: kept,
        lost: boxes.length - kept.length,
        ...(original.note === undefined ? {} : { note: original.note }),
      };
    },
};

async function writePng(file: string, { width, height, grey }: GreyImage): Promise<void> {
  const png = sharp(grey, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png();
  await writeInFolder(file, await png.toBuffer());
}
