/** One image: decode, crop to the tissue, resize. */
import type { Fingerprint } from "../../data/fingerprint.ts";
import { type Box, DataError, type Prepared } from "../../data/sample.ts";
import { type CropMethod, tissueRectangle, wholeImage } from "./crop.ts";
import { decodeGrey, type GreyImage, readImage, resizeGrey } from "./decode.ts";
import { fingerprint } from "./fingerprint.ts";
import { loadOpenCv } from "./opencv.ts";

/** The size of the network's input in pixels, and how to crop to the tissue. */
export interface PrepareSize {
  width: number;
  height: number;
  crop: CropMethod;
}

/** Size of the original image, and the part of it that was kept. */
export interface Cropped {
  width: number;
  height: number;
  crop: Box;
}

/**
 * Decodes an image, finds its tissue, and resizes that part where a size is given.
 *
 * @throws DataError, without the file's name, for a file that is missing or is no sound image
 */
export async function cropAndResize(
  image: string | Uint8Array,
  method: CropMethod,
  size?: { width: number; height: number },
): Promise<Cropped & { grey?: Uint8Array }> {
  return cropGrey(await decodeGrey(typeof image === "string" ? await readImage(image) : image), method, size);
}

/** The same with the picture's fingerprint. */
export async function cropAndPrint(
  file: string,
  method: CropMethod,
  size: { width: number; height: number },
): Promise<Cropped & { grey: Uint8Array; print: Fingerprint }> {
  const original = await decodeGrey(await readImage(file));
  const cropped = await cropGrey(original, method, size);
  const print = await fingerprint(original);
  return { ...cropped, grey: cropped.grey!, print };
}

/** The same for an image that is decoded already. */
export async function cropGrey(
  original: GreyImage,
  method: CropMethod,
  size?: { width: number; height: number },
): Promise<Cropped & { grey?: Uint8Array }> {
  const crop = method === "none" ? wholeImage(original) : tissueRectangle((await loadOpenCv()).cv, original, method);
  const { width, height } = original;
  if (!size) return { width, height, crop };
  return { width, height, crop, grey: await resizeGrey(original, crop, size.width, size.height) };
}

/**
 * Prepares a single image for prediction. `source.crop` tells where in the original a mask of the result belongs.
 *
 * @param image a path, or the bytes of an image file
 * @param options.name what errors and `id` call it; the path when not given
 * @throws DataError naming the image
 */
export async function prepareImage(
  image: string | Uint8Array,
  { width, height, crop, name }: PrepareSize & { name?: string },
): Promise<Prepared> {
  const id = name ?? (typeof image === "string" ? image : "image");
  const result = await cropAndResize(image, crop, { width, height }).catch((error: unknown) => {
    throw error instanceof DataError ? new DataError(`${id}: ${error.message}`) : error;
  });
  const source = { file: id, width: result.width, height: result.height, crop: result.crop };
  return { id, group: id, label: undefined, width, height, grey: result.grey!, boxes: [], source };
}
