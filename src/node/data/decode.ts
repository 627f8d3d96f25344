/** Image files to grey levels, and grey levels to another size, with sharp. DICOM goes through ./dicom.ts. */
import { readFile } from "node:fs/promises";
import sharp, { type Sharp } from "sharp";
import { type Box, DataError, reasonOf } from "../../data/sample.ts";
import { isDicom, openDicom, renderDicom } from "./dicom.ts";

// Images here are small and many: one thread each, and no cache that would grow with them.
sharp.concurrency(1);
sharp.cache(false);

/** 8-bit grey levels, row by row. */
export interface GreyImage {
  width: number;
  height: number;
  grey: Uint8Array;
}

/** The bytes of a file. @throws DataError without the file's name */
export async function readImage(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new DataError(missing ? "there is no such file" : `cannot be read: ${reasonOf(error)}`);
  }
}

/** Larger images are refused before memory is taken for them. */
const MOST_PIXELS = 2 ** 26;

/**
 * The size that the file's header declares, in pixels as stored: an EXIF orientation turns nothing, because annotations
 * are in stored pixels.
 *
 * @throws DataError without the file's name
 */
export async function imageSize(file: string): Promise<{ width: number; height: number }> {
  const bytes = await readImage(file);
  if (isDicom(bytes)) return openDicom(bytes).size;
  try {
    const { width, height } = await sharp(bytes, { limitInputPixels: MOST_PIXELS }).metadata();
    return { width, height };
  } catch (error) {
    throw new DataError(`is not a readable image: ${reasonOf(error)}`);
  }
}

/**
 * An image file, or a DICOM file, as sharp takes it: colours of 8 bits, transparent pixels black, no EXIF orientation. Damage
 * shows when its pixels are asked for.
 *
 * @throws DataError without the file's name
 */
export async function openImage(bytes: Uint8Array): Promise<Sharp> {
  if (!isDicom(bytes)) {
    if (bytes.length === 0) throw new DataError("is not a readable image: the file is empty");
    const image = sharp(bytes, { failOn: "warning", limitInputPixels: MOST_PIXELS });
    return image.flatten({ background: "#000000" }).toColourspace("srgb");
  }
  const { width, height, rgba } = await renderDicom(bytes);
  return sharp(rgba, { raw: { width, height, channels: 4 } }).removeAlpha();
}

/** Interleaved 8-bit colours. */
async function colours(bytes: Uint8Array) {
  const image = await openImage(bytes);
  try {
    const { data, info } = await image.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return { data, ...info };
  } catch (error) {
    throw new DataError(`is not a readable image: ${reasonOf(error)}`);
  }
}

/**
 * Decodes any format that sharp reads, and DICOM. Colour becomes luma of ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B,
 * rounded), grey keeps its levels, 16 bits are scaled to 8, 1 bit becomes 0 and 255, transparent pixels are black.
 *
 * @throws DataError without the file's name, also for a file that is damaged or cut off: half a picture is no sample
 */
export async function decodeGrey(bytes: Uint8Array): Promise<GreyImage> {
  const { data, width, height, channels } = await colours(bytes);
  const grey = new Uint8Array(width * height);
  for (let i = 0, j = 0; i < grey.length; i++, j += channels) {
    // The weights in units of 2^-16; they add up to 2^16, so that a grey pixel keeps its level.
    grey[i] = (19595 * data[j]! + 38470 * data[j + 1]! + 7471 * data[j + 2]! + 32768) >> 16;
  }
  return { width, height, grey };
}

/**
 * Decodes a mask: 1 where any colour is at least half bright, which is right for masks saved as JPEG too, else 0. A mask of
 * nothing but the levels 0 and 1 in a format without loss is taken as it stands.
 *
 * @throws DataError without the file's name
 */
export async function decodeMask(file: string): Promise<GreyImage> {
  const bytes = await readImage(file);
  const { data, width, height, channels } = await colours(bytes);
  const grey = new Uint8Array(width * height);
  const brightest = data.reduce((most, level) => Math.max(most, level), 0);
  const jpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  const least = brightest === 1 && !jpeg ? 1 : 128;
  for (let i = 0, j = 0; i < grey.length; i++, j += channels) {
    for (let c = 0; c < channels; c++) if (data[j + c]! >= least) grey[i] = 1;
  }
  return { width, height, grey };
}

/**
 * The part of the image inside `crop` (whole pixels), resized to `width` × `height` without keeping the aspect. Lanczos of
 * 3 lobes: it averages over the pixels that fall into one when it shrinks, and stays sharp when it enlarges.
 */
export async function resizeGrey(image: GreyImage, crop: Box, width: number, height: number): Promise<Uint8Array> {
  const resized = await sharp(image.grey, { raw: { width: image.width, height: image.height, channels: 1 } })
    .extract({ left: crop.x0, top: crop.y0, width: crop.x1 - crop.x0, height: crop.y1 - crop.y0 })
    .resize(width, height, { fit: "fill", kernel: "lanczos3" })
    .toColourspace("b-w")
    .raw()
    .toBuffer();
  return new Uint8Array(resized);
}
