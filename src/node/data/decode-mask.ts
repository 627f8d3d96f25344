/** Mask files to pixels at their own depth: a mask's levels may be 1 of 65535, an alpha channel, or shares of 1. */
import type { MaskPixels } from "../../data/masks/field.ts";
import { decodeLevels, readImage } from "./decode.ts";

/** Beginnings of formats that may lose levels, as Latin-1; a dot stands for any character. WebP has a form of either kind. */
const LOSSY = [/^\xff\xd8/, /^....ftyp/s, /^RIFF....WEBPVP8[ X]/s];

/**
 * @param name a path, or a frame of a file as in `masks.tif#2`
 * @throws DataError without the file's name, also for a file that is damaged or cut off, or has several frames of which none is
 *   named
 */
export async function decodeMask(name: string): Promise<MaskPixels> {
  const file = await readImage(name);
  const { levels, width, height, channels } = await decodeLevels(file);
  const head = String.fromCharCode(...file.bytes.subarray(0, 16));
  const lossy = LOSSY.some((beginning) => beginning.test(head));
  return { width, height, channels, alpha: channels === 2 || channels === 4, levels, lossy };
}
