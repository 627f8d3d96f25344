/** Resamples to square pixels, enlarging the picture along the axis with the wider pixel spacing. */
import type { PictureSize, Size } from "../annotation-frame.ts";
import { DataError } from "../sample.ts";
import type { DataSet } from "./elements.ts";
import { frameAttributes } from "./grey.ts";
import { type DicomImage, MAX_PIXELS } from "./image.ts";

const PIXEL_MEASURES = 0x00289110;
/** Relative difference below which spacings count as equal: many files round them. */
const EQUAL = 0.01;
/** A picture with more elongated pixels is not one that anyone would look at. */
const MAX_ASPECT_RATIO = 8;

/**
 * The picture's size as viewers show it, by the first attribute present: Pixel Spacing, Imager Pixel Spacing, Nominal Scanned
 * Pixel Spacing, Pixel Aspect Ratio (PS3.3 10.7.1, C.7.6.3.1.7). Ultrasound regions calibrate parts of the picture; they do not
 * affect how it is displayed.
 *
 * @throws DataError for a spacing too uneven or a picture too large
 */
export function pictureSize(set: DataSet, image: DicomImage): PictureSize {
  const stored = { width: image.columns, height: image.rows };
  const ratio = rowsToColumns(set);
  if (Math.abs(ratio - 1) <= EQUAL) return stored;
  if (ratio > MAX_ASPECT_RATIO || ratio < 1 / MAX_ASPECT_RATIO) {
    throw new DataError(
      `is a DICOM image whose pixels are ${Number(ratio.toPrecision(3))} times as high as wide: not supported`,
    );
  }
  const { width, height } = stored;
  const size = ratio > 1 ? { width, height: Math.round(height * ratio) } : { width: Math.round(width / ratio), height };
  if (size.width * size.height > MAX_PIXELS) {
    throw new DataError(`is a DICOM image of ${size.width}x${size.height} square pixels: too large`);
  }
  return { ...size, stored: { ...stored, orientation: 1 } };
}

/** Row spacing divided by column spacing. */
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

/** Resizes a picture in width or height by linear interpolation between pixel centres. */
export function stretch(rgba: Uint8Array, from: Size, to: Size): Uint8Array {
  const across = from.width !== to.width;
  // Interpolates between units of `inner` bytes: single pixels within a row, or whole rows.
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
