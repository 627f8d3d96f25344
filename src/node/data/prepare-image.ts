/** Prepares one image: decode, crop to the tissue, resize. */
import { area } from "../../data/boxes.ts";
import type { Fingerprint } from "../../data/fingerprint.ts";
import { requireContent, requireSize } from "../../data/grey-levels.ts";
import { type Box, DataError, type Prepared } from "../../data/sample.ts";
import { type CropMethod, tissueRectangle, wholeImage } from "./crop.ts";
import { decodeGrey, readImage, resizeGrey } from "./decode.ts";
import type { GreyImage } from "./grey-image.ts";
import type { ImageFile } from "./picture-file.ts";
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
  /** What the user should know about the file. */
  note?: string;
}

/** A decoded image, and the part that is kept. */
export interface Opened {
  original: GreyImage;
  crop: Box;
}

/**
 * Decodes an image and finds its tissue.
 *
 * @param image a path, or a frame of a file as in `loop.dcm#12`; or its bytes
 * @param cropped whether the image is already cropped to the tissue: then all of it is kept, whatever its size
 * @throws DataError, without the file's name, for a file that is missing, is damaged, or shows nothing
 */
export async function openAndCrop(
  image: string | Uint8Array | ImageFile,
  method: CropMethod,
  cropped = false,
): Promise<Opened> {
  return cropShown(await decodeGrey(typeof image === "string" ? await readImage(image) : image), method, cropped);
}

async function cropShown(original: GreyImage, method: CropMethod, cropped: boolean): Promise<Opened> {
  if (!cropped) requireSize(original);
  requireContent(original);
  const { crop } = await cropGrey(original, cropped ? "none" : method);
  const { width, height } = original;
  if (area(crop) < width * height) requireContent(original, crop, "the part taken as tissue");
  return { original, crop };
}

/**
 * The same, with that part resized if a size is given.
 *
 * @throws DataError as `openAndCrop` does
 */
export async function cropAndResize(
  image: string | Uint8Array | ImageFile,
  method: CropMethod,
  size?: { width: number; height: number },
  cropped = false,
): Promise<Cropped & { grey?: Uint8Array }> {
  const { original, crop } = await openAndCrop(image, method, cropped);
  const found = { ...describe(original), crop };
  return size ? { ...found, grey: await resizeGrey(original, crop, size.width, size.height) } : found;
}

/** The same with the picture's fingerprint. */
export async function cropAndPrint(
  file: string,
  method: CropMethod,
  size: { width: number; height: number },
  cropped = false,
): Promise<Cropped & { grey: Uint8Array; print: Fingerprint }> {
  const { original, crop } = await openAndCrop(file, method, cropped);
  const grey = await resizeGrey(original, crop, size.width, size.height);
  return { ...describe(original), crop, grey, print: await fingerprint(original) };
}

const describe = ({ width, height, note }: GreyImage) => ({ width, height, ...(note === undefined ? {} : { note }) });

/** Finds the tissue in an image known not to be blank, and resizes that part if a size is given. */
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
 * Prepares a single image for prediction. `source.crop` gives the position of the result's mask in the original.
 *
 * @param image a path, or a frame of a file as in `loop.dcm#12`; the bytes of an image file; or a decoded image
 * @param options.name what errors and `id` call it; default the path
 * @throws DataError naming the image
 */
export async function prepareImage(
  image: string | Uint8Array | GreyImage,
  { width, height, crop: method, name }: PrepareSize & { name?: string },
): Promise<Prepared & { note?: string }> {
  const id = name ?? (typeof image === "string" ? image : "image");
  const decoded = typeof image === "object" && !(image instanceof Uint8Array);
  const opening = decoded ? cropShown(image, method, false) : openAndCrop(image, method);
  const { original, crop } = await opening.catch((error: unknown) => {
    throw error instanceof DataError ? new DataError(`${id}: ${error.message}`) : error;
  });
  const grey = await resizeGrey(original, crop, width, height);
  const { note, ...size } = describe(original);
  const prepared = {
    id,
    group: id,
    label: undefined,
    width,
    height,
    grey,
    boxes: [],
    source: { file: id, ...size, crop },
  };
  return note === undefined ? prepared : { ...prepared, note };
}
