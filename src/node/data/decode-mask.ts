/** Decodes mask files at their own depth: a mask's levels may be 1 of 65535, an alpha channel, or fractions of 1. */
import type { MaskPixels } from "../../data/masks/field.ts";
import { decodeLevels, readImage } from "./decode.ts";

/** Signatures of formats that may be lossy, as Latin-1; a dot matches any character. WebP has both kinds. */
const LOSSY = [/^\xff\xd8/, /^....ftyp/s, /^RIFF....WEBPVP8[ X]/s];

/**
 * @param name a path, or a frame of a file as in `masks.tif#2`
 * @throws DataError without the file's name, also for a damaged or truncated file, or a multi-frame one if no frame is named
 */
export async function decodeMask(name: string): Promise<MaskPixels> {
  const file = await readImage(name);
  const { levels, width, height, channels } = await decodeLevels(file);
  const head = String.fromCharCode(...file.bytes.subarray(0, 16));
  const lossy = LOSSY.some((beginning) => beginning.test(head));
  return { width, height, channels, alpha: channels === 2 || channels === 4, levels, lossy };
}
