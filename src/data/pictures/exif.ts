/** Reads the orientation from EXIF data, and turns pictures by it (TIFF 6.0, tag 274). */
import type { PictureSize, Size } from "../annotation-frame.ts";
import { tiffTags } from "./tiff.ts";

const ORIENTATION = 274;

/**
 * @param exif a TIFF structure, which may follow "Exif", 0, 0
 * @returns 1 to 8; 1, upright, where nothing else is said
 */
export function exifOrientation(exif: Uint8Array): number {
  const begin = exif[0] === 0x45 && exif[1] === 0x78 ? 6 : 0;
  return orientationOf(tiffTags(exif.subarray(begin), [ORIENTATION], 1)?.[0]?.get(ORIENTATION));
}

/** Upright for a number that means nothing. */
export const orientationOf = (found = 1): number => (found >= 1 && found <= 8 ? found : 1);

/** The size as viewers show it. */
export function uprightSize({ width, height }: Size, orientation: number): PictureSize {
  if (orientation === 1) return { width, height };
  const stored = { width, height, orientation };
  return orientation >= 5 ? { width: height, height: width, stored } : { width, height, stored };
}

/**
 * Turns a stored picture as viewers show it.
 *
 * @param pixels interleaved, `channels` numbers for each pixel
 * @returns the same array for orientation 1
 */
export function turnUpright<T extends Numbers>(pixels: T, stored: Size, channels: number, orientation: number): T {
  if (orientation === 1) return pixels;
  const { width, height } = uprightSize(stored, orientation);
  const turned = new (pixels.constructor as new (length: number) => T)(pixels.length);
  const [right, bottom] = [stored.width - 1, stored.height - 1];
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = orientation >= 5 ? [y, x] : [x, y];
      const fromX = MIRRORED.includes(orientation) ? right - column : column;
      const fromY = FLIPPED.includes(orientation) ? bottom - row : row;
      const from = channels * (fromY * stored.width + fromX);
      for (let c = 0; c < channels; c++) turned[to++] = pixels[from + c]!;
    }
  }
  return turned;
}

type Numbers = Uint8Array | Uint16Array | Int32Array | Uint32Array | Float32Array;

/** The orientations whose stored columns run from right to left, and whose rows run from the bottom up. */
const MIRRORED = [2, 3, 7, 8];
const FLIPPED = [3, 4, 6, 7];
