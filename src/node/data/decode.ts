/** Decodes image files of any format to grey levels. */
import sharp, { type Sharp } from "sharp";
import type { PictureSize } from "../../data/annotation-frame.ts";
import { bmpSize, decodeBmp, isBmp } from "../../data/pictures/bmp.ts";
import { transparent } from "../../data/pictures/deep.ts";
import { luma } from "../../data/pictures/luma.ts";
import type { GreyImage, Levels } from "../../data/grey-image.ts";
import { DataError, reasonOf } from "../../data/sample.ts";
import { isDicom, openDicom } from "./dicom.ts";
import type { Pictures, Rendered } from "./picture.ts";
import { chooseFrame, type ImageFile, readImage } from "./picture-file.ts";
import { openRaster } from "./raster.ts";

export type { GreyImage } from "../../data/grey-image.ts";
export { readImage } from "./picture-file.ts";

/** @throws DataError, without the file's name, for a file that is not an image */
export async function openPictures(bytes: Uint8Array): Promise<Pictures> {
  if (isDicom(bytes)) return dicomPictures(bytes);
  if (!isBmp(bytes)) return openRaster(bytes);
  const size = bmpSize(bytes);
  const render = () => {
    const { data, ...raw } = decodeBmp(bytes);
    const image = sharp(data, { raw }).flatten({ background: "#000000" }).toColourspace("srgb");
    return Promise.resolve({ image });
  };
  return { frames: [1], size: () => size, render };
}

function dicomPictures(bytes: Uint8Array): Pictures {
  const dicom = openDicom(bytes);
  return {
    frames: Array.from({ length: dicom.frames }, (_, i) => i + 1),
    size: () => dicom.size,
    render: async (frame) => {
      const { width, height, rgba, note } = await dicom.render(frame);
      const image = sharp(rgba, { raw: { width, height, channels: 4 } }).removeAlpha();
      return { image, ...(note === undefined ? {} : { note }) };
    },
  };
}

/**
 * The picture's size as viewers show it, from the file's header.
 *
 * @param name a path, or a frame of a file as in `loop.dcm#12`
 * @throws DataError, without the file's name, also for a multi-frame file if no frame is named
 */
export async function imageSize(name: string): Promise<PictureSize> {
  const file = await readImage(name);
  const pictures = await openPictures(file.bytes);
  return pictures.size(chooseFrame(pictures.frames, file));
}

const fileOf = (image: Uint8Array | ImageFile): Partial<ImageFile> & { bytes: Uint8Array } =>
  image instanceof Uint8Array ? { bytes: image } : image;

async function rendered(image: Uint8Array | ImageFile): Promise<Rendered> {
  const file = fileOf(image);
  const pictures = await openPictures(file.bytes);
  return pictures.render(chooseFrame(pictures.frames, file));
}

/**
 * Opens an image file as a sharp image: 8-bit colours, rotated as viewers show it, transparent pixels black. Damage may surface
 * only when its pixels are read.
 *
 * @throws DataError without the file's name
 */
export async function openImage(image: Uint8Array | ImageFile): Promise<Sharp> {
  return (await rendered(image)).image;
}

/**
 * Decodes an image of any format to what viewers show, in grey. Colour becomes luma of ITU-R BT.601 (0.299 R + 0.587 G +
 * 0.114 B, rounded), grey keeps its levels, deeper levels are scaled to 8 bits by their white level (src/data/grey-levels.ts),
 * 1 bit becomes 0 and 255, transparent pixels are black.
 *
 * @throws DataError without the file's name, also for a damaged or truncated file: half a picture is not a sample
 */
export async function decodeGrey(image: Uint8Array | ImageFile): Promise<GreyImage> {
  return greyOf(await rendered(image));
}

/** The same for an open frame. */
export async function greyOf({ image, note, invisible }: Rendered): Promise<GreyImage> {
  const { data, width, height, channels } = await pixels(image);
  const grey = luma(data, channels);
  if (invisible && grey.every((level) => level === 0) && (await invisible())) throw transparent();
  return { width, height, grey, ...(note === undefined ? {} : { note }) };
}

/** Interleaved 8-bit colours. */
async function pixels(image: Sharp) {
  try {
    const { data, info } = await image.clone().raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return { data, ...info };
  } catch (error) {
    throw new DataError(`is not a readable image: ${reasonOf(error)}`);
  }
}

/**
 * The file's own numbers, upright: at any depth, even under transparent pixels. In a mask they may be classes.
 *
 * @param image a path, or a frame of a file as in `loop.dcm#12`; or its bytes
 * @throws DataError without the file's name
 */
export async function decodeLevels(image: string | Uint8Array | ImageFile): Promise<Levels> {
  const file = fileOf(typeof image === "string" ? await readImage(image) : image);
  const pictures = await openPictures(file.bytes);
  const frame = chooseFrame(pictures.frames, file);
  if (pictures.levels) return pictures.levels(frame);
  const { data, width, height, channels } = await pixels((await pictures.render(frame)).image);
  return { levels: data, width, height, channels };
}
