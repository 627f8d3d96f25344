/** Decodes mask files at their own depth: a mask's levels may be 1 of 65535, an alpha channel, or fractions of 1. */
import { maskPixels } from "../../data/masks/content.ts";
import type { MaskPixels } from "../../data/masks/field.ts";
import { decodeLevels, readImage } from "./decode.ts";

/**
 * @param name a path, or a frame of a file as in `masks.tif#2`
 * @throws DataError without the file's name, also for a damaged or truncated file, or a multi-frame one if no frame is named
 */
export async function decodeMask(name: string): Promise<MaskPixels> {
  const file = await readImage(name);
  return maskPixels(await decodeLevels(file), file.bytes);
}
