/** DICOM files in Node: the src/data/dicom pipeline with decoders for compressed frames. */
import type { PictureSize } from "../../data/annotation-frame.ts";
import { type Dicom, openDicom as open, type Picture } from "../../data/dicom/open.ts";
import { DataError } from "../../data/sample.ts";
import { decodeFrame } from "./dicom/codecs.ts";

export { isDicom } from "../../data/dicom/file.ts";
export type { Dicom, Picture } from "../../data/dicom/open.ts";

/**
 * Opens a file to render one or many of its frames: its data set is read once, each frame decoded on demand.
 *
 * @throws DataError without the file's name
 */
export const openDicom = (bytes: Uint8Array): Dicom => open(bytes, decodeFrame);

/** The size as viewers show it, and the number of frames; decodes none. @throws DataError without the file's name */
export function dicomSize(bytes: Uint8Array): Promise<PictureSize & { frames: number }> {
  return Promise.resolve(bytes)
    .then(openDicom)
    .then(({ size, frames }) => ({ ...size, frames }));
}

/**
 * A frame as a viewer shows it, counted from 1: rescaled, windowed if the file has a window, inverted if 0 is white, resampled
 * to square pixels. A grey image without a window keeps its levels: all bits stored are scaled to 8, whatever its least and
 * greatest level.
 *
 * @param frame required if there are several
 * @throws DataError without the file's name
 */
export async function renderDicom(bytes: Uint8Array, frame?: number): Promise<Picture> {
  const dicom = openDicom(bytes);
  if (frame === undefined && dicom.frames !== 1) {
    throw new DataError(`is a DICOM file of ${dicom.frames} frames: one must be named, as in file.dcm#1`);
  }
  return dicom.render(frame ?? 1);
}
