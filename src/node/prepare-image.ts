/** `prepareImage` for programs: it decodes with sharp, which who only trains need not install. */
import type { PrepareSize } from "../data/crop-image.ts";
import type { GreyImage } from "../data/grey-image.ts";
import type { Prepared } from "../data/sample.ts";
import { missing } from "./packages.mjs";

/**
 * Prepares a single image for prediction: decodes it, crops it to the tissue, resizes it. `source.crop` gives the position of the
 * result's mask in the original.
 *
 * @param image a path, or a frame of a file as in `loop.dcm#12`; the bytes of an image file; or a decoded image
 * @param options.name what errors and `id` call it; default the path
 * @param options.cropped whether the image is already cropped to the tissue
 * @throws DataError naming the image
 * @throws Error with the command that installs sharp, if it is not installed
 */
export async function prepareImage(
  image: string | Uint8Array | GreyImage,
  options: PrepareSize & { name?: string; cropped?: boolean },
): Promise<Prepared & { note?: string }> {
  const absent = missing("sharp");
  if (absent !== undefined) throw new Error(`prepareImage: ${absent}`);
  return (await import("./data/prepare-image.ts")).prepareImage(image, options);
}
