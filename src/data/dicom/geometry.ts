/** Pixels that are not square are stretched: the picture is enlarged along the axis whose pixels are further apart. */
import type { PictureSize, Size } from "../annotation-frame.ts";
import { DataError } from "../sample.ts";
import type { DataSet } from "./elements.ts";
import { frameAttributes } from "./grey.ts";
import { type DicomImage, MAX_PIXELS } from "./image.ts";

const PIXEL_MEASURES = 0x00289110;
/** Distances that differ by less than this share count as equal: they are rounded in many files. */
const EQUAL = 0.01;
/** Rows and columns whose distances differ by more are not a picture that anyone would look at. */
const MAX_ASPECT_RATIO = 8;

/**
 * The picture's size as viewers show it, by the first that is there: Pixel Spacing, Imager Pixel Spacing, Nominal Scanned Pixel
 * Spacing, Pixel Aspect Ratio (PS3.3 10.7.1, C.7.6.3.1.7). Ultrasound regions tell how large things are within a
 * region of the picture, not how it is to be shown.
 *
 * @throws DataError for distances that make no picture
 */
export function pictureSize(set: DataSet, image: DicomImage): PictureSize {
  const stored = { width: image.columns, height: image.rows };
  const ratio = rowsToColumns(set);
  if (Math.abs(ratio - 1) <= EQUAL) return stored;
  if (ratio > MAX_ASPECT_RATIO || ratio < 1 / MAX_ASPECT_RATIO) {
    throw new DataError(
      `is a DICOM image whose pixels are ${Number(ratio.toPrecision(3))} times as high as wide: not read`,
    );
  }
  const { width, height } = stored;
  const size = ratio > 1 ? { width, height: Math.round(height * ratio) } : { width: Math.round(width / ratio), height };
  if (size.width * size.height > MAX_PIXELS) {
    throw new DataError(`is a DICOM image of ${size.width}x${size.height} square pixels: too large`);
  }
  return { ...size, stored: { ...stored, orientation: 1 } };
}

/** Distance of rows to distance of columns. */
function rowsToColumns(set: DataSet): number {
  const measures = frameAttributes(set, 0, PIXEL_MEASURES);
  const sources: [DataSet, number, string][] = [
    [measures, 0x00280030, "DS"],
    [set, 0x00181164, "DS"],
    [set, 0x00182010, "DS"],
    [set, 0x00280034, "IS"],
  ];
  for (const [from, tag, vr] of sources) {
    const [rows, columns] = from.numbers(tag, vr);
    if (rows !== undefined && columns !== undefined && rows > 0 && columns > 0) return rows / columns;
  }
  return 1;
}

/** Colours of a picture brought to another width or height, linearly between the centres of pixels. */
export function stretch(rgba: Uint8Array, from: Size, to: Size): Uint8Array {
  const across = from.width !== to.width;
  // Lines of `inner` bytes: pixels of each row, or rows of the picture.
  const [outer, inner] = across ? [from.height, 4] : [1, 4 * from.width];
  const [before, after] = across ? [from.width, to.width] : [from.height, to.height];
  const out = new Uint8Array(outer * after * inner);
  for (let k = 0; k < after; k++) {
    const place = Math.min(before - 1, Math.max(0, ((k + 0.5) * before) / after - 0.5));
    const low = Math.floor(place);
    const high = Math.min(before - 1, low + 1);
    const share = place - low;
    for (let o = 0; o < outer; o++) {
      const [a, b, at] = [(o * before + low) * inner, (o * before + high) * inner, (o * after + k) * inner];
      for (let i = 0; i < inner; i++) out[at + i] = (1 - share) * rgba[a + i]! + share * rgba[b + i]! + 0.5;
    }
  }
  return out;
}
