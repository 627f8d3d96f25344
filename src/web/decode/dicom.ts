/** DICOM files in a browser: src/data/dicom with the decoders of ./codecs.ts. */
import { openDicom as open } from "../../data/dicom/open.ts";
import type { PictureFile } from "../../data/pictures/picture-file.ts";
import { pictureFile } from "../../data/pictures/shown.ts";
import { decodeFrame } from "./codecs.ts";
import { withoutAlpha } from "./jpeg.ts";

/** @throws DataError without the file's name */
export function openDicom(bytes: Uint8Array): PictureFile {
  const dicom = open(bytes, decodeFrame);
  return pictureFile(
    Array.from({ length: dicom.frames }, (_, i) => i + 1),
    () => dicom.size,
    async (frame) => {
      const { width, height, rgba, note } = await dicom.render(frame);
      return { width, height, channels: 3, levels: withoutAlpha(rgba), ...(note === undefined ? {} : { note }) };
    },
  );
}
