/** Prepares one image: decode, crop to the tissue, resize. */
import { cropToTissue, type Opened, type PrepareSize } from "../../data/crop-image.ts";
import type { Fingerprint } from "../../data/fingerprint.ts";
import type { GreyImage } from "../../data/grey-image.ts";
import { fingerprint } from "../../data/picture-fingerprint.ts";
import { type Box, DataError, type Prepared } from "../../data/sample.ts";
import type { CropMethod } from "../../data/tissue/crop.ts";
import { decodeGrey, readImage } from "./decode.ts";
import type { ImageFile } from "./picture-file.ts";
import { resizeBy } from "./resize.ts";

/** Size of the original image, and the part of it that was kept. */
export interface Cropped {
  width: number;
  height: number;
  crop: Box;
  /** What the user should know about the file. */
  note?: string;
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
  return cropToTissue(await decodeGrey(typeof image === "string" ? await readImage(image) : image), method, cropped);
}

/** Where the tissue of an image file is. @throws DataError as `openAndCrop` does */
export async function cropFile(file: string, method: CropMethod, cropped = false): Promise<Cropped> {
  const { original, crop } = await openAndCrop(file, method, cropped);
  return { ...describe(original), crop };
}

/** The same, with that part resized, and the picture's fingerprint. @throws DataError as `openAndCrop` does */
export async function cropAndPrint(
  file: string,
  { width, height, crop: method, resize = "pillow" }: PrepareSize,
  cropped = false,
): Promise<Cropped & { grey: Uint8Array; print: Fingerprint }> {
  const { original, crop } = await openAndCrop(file, method, cropped);
  const grey = await resizeBy(resize, original, crop, width, height);
  return { ...describe(original), crop, grey, print: fingerprint(original) };
}

const describe = ({ width, height, note }: GreyImage) => ({ width, height, ...(note === undefined ? {} : { note }) });

/**
 * Prepares a single image for prediction. `source.crop` gives the position of the result's mask in the original.
 *
 * @param image a path, or a frame of a file as in `loop.dcm#12`; the bytes of an image file; or a decoded image
 * @param options.name what errors and `id` call it; default the path
 * @param options.cropped whether the image is already cropped to the tissue
 * @throws DataError naming the image
 */
export async function prepareImage(
  image: string | Uint8Array | GreyImage,
  { width, height, crop: method, resize = "pillow", name, cropped }: PrepareSize & { name?: string; cropped?: boolean },
): Promise<Prepared & { note?: string }> {
  const id = name ?? (typeof image === "string" ? image : "image");
  const open = async () =>
    typeof image === "object" && !(image instanceof Uint8Array)
      ? cropToTissue(image, method, cropped)
      : openAndCrop(image, method, cropped);
  const { original, crop } = await open().catch((error: unknown) => {
    throw error instanceof DataError ? new DataError(`${id}: ${error.message}`) : error;
  });
  const grey = await resizeBy(resize, original, crop, width, height);
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
