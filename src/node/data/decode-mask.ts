/** Mask files to pixels at their own depth: a mask's levels may be 1 of 65535, an alpha channel, or shares of 1. */
import type { MaskPixels } from "../../data/masks/field.ts";
import { decodeLevels } from "./decode.ts";
import { readImage } from "./picture-file.ts";

/**
 * @param name a path, or a frame of a file as in `mask.tif#2`
 * @throws DataError without the file's name, also for a file that is damaged or cut off
 */
export async function decodeMask(name: string): Promise<MaskPixels> {
  const file = await readImage(name);
  const found = await decodeLevels(file);
  const alpha = found.channels === 2 || found.channels === 4;
  return { ...found, alpha, lossy: file.bytes[0] === 0xff && file.bytes[1] === 0xd8 };
}
