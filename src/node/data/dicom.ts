/** DICOM files in Node: the pipeline of src/data/dicom with decoders of compressed frames. */
import type { PictureSize } from "../../data/annotation-frame.ts";
import { type Dicom, openDicom as open, type Picture } from "../../data/dicom/open.ts";
import { DataError } from "../../data/sample.ts";
import { decodeFrame } from "./dicom/codecs.ts";

export { isDicom } from "../../data/dicom/file.ts";
export type { Dicom, Picture } from "../../data/dicom/open.ts";

/**
 * A file whose frames are to be rendered, one or many: its data set is read once, a frame is decoded when it is asked for.
 *
 * @throws DataError without the file's name
 */
export const openDicom = (bytes: Uint8Array): Dicom => open(bytes, decodeFrame);

/** The size as viewers show it, and how many frames there are; none is decoded. @throws DataError without the file's name */
export function dicomSize(bytes: Uint8Array): Promise<PictureSize & { frames: number }> {
  return Promise.resolve(bytes)
    .then(openDicom)
    .then(({ size, frames }) => ({ ...size, frames }));
}

/**
 * A frame as a viewer shows it, counted from 1: rescaled, through the file's window where it has one, inverted where 0 is white,
 * stretched to square pixels. A grey image without a window keeps its levels: all bits stored are scaled to 8, whatever the
 * least and greatest level in it.
 *
 * @param frame must be given where there are several
 * @throws DataError without the file's name
 */
export async function renderDicom(bytes: Uint8Array, frame?: number): Promise<Picture> {
  const dicom = openDicom(bytes);
  if (frame === undefined && dicom.frames !== 1) {
    throw new DataError(`is a DICOM file of ${dicom.frames} frames: one must be named, as in file.dcm#1`);
  }
  return dicom.render(frame ?? 1);
}
