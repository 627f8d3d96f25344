/**
 * Opens picture files in a browser, in a page or a worker, and decodes them to the grey levels that the command line gets. What it
 * cannot read so is refused.
 */
import type { PictureSize } from "../../data/annotation-frame.ts";
import { requireBytes } from "../../data/bytes.ts";
import { isDicom } from "../../data/dicom/file.ts";
import { isAvif, readAvif } from "../../data/pictures/avif.ts";
import { bmpSize, decodeBmp, isBmp } from "../../data/pictures/bmp.ts";
import { deepProfile } from "../../data/pictures/deep.ts";
import { turnUpright, uprightSize } from "../../data/pictures/exif.ts";
import { gifLayout } from "../../data/pictures/gif.ts";
import { formatName } from "../../data/pictures/image-format.ts";
import { isJpeg, readJpeg } from "../../data/pictures/jpeg.ts";
import { MAX_FRAMES, MAX_PIXELS, tooLarge } from "../../data/pictures/limits.ts";
import type { PictureFile } from "../../data/pictures/picture-file.ts";
import { decodePng, profileOf } from "../../data/pictures/png-pixels.ts";
import { isPng, readPng } from "../../data/pictures/png.ts";
import { type Frame, pictureFile } from "../../data/pictures/shown.ts";
import { isWebP, plainWebP, readWebP } from "../../data/pictures/webp.ts";
import { DataError } from "../../data/sample.ts";
import { decodeByBrowser } from "./canvas.ts";
import { FrameDecoder, hasImageDecoder } from "./image-decoder.ts";
import { decodeJpeg, withoutAlpha } from "./jpeg.ts";
import { toSrgb } from "./profile.ts";

/**
 * Reads a file's headers; pixels are decoded when they are asked for, and damage in them may surface only then.
 *
 * @throws DataError, without the file's name, for a file that is not a picture, is damaged, too large, or cannot be read here
 */
export async function openPictureFile(bytes: Uint8Array): Promise<PictureFile> {
  requireBytes("openPictureFile", bytes);
  if (bytes.length === 0) throw new DataError("is not a readable image: the file is empty");
  if (isDicom(bytes)) return (await import("./dicom.ts")).openDicom(bytes);
  if (isBmp(bytes)) return openBmp(bytes);
  if (isJpeg(bytes)) return openJpeg(bytes);
  if (isPng(bytes)) return openPng(bytes);
  if (isWebP(bytes)) return openWebP(bytes);
  if (isAvif(bytes)) return openAvif(bytes);
  if (/^GIF8[79]a/.test(String.fromCharCode(...bytes.subarray(0, 6)))) return openGif(bytes);
  if (/^(II[*+]\0|MM\0[*+])/.test(String.fromCharCode(...bytes.subarray(0, 4)))) {
    return (await import("./tiff.ts")).openTiff(bytes);
  }
  const name = formatName(bytes);
  throw new DataError(`is not a readable image: ${name === undefined ? "its format is unknown" : `it is ${name}`}`);
}

const single = (size: PictureSize, read: () => Promise<Frame>): PictureFile => pictureFile([1], () => size, read);

function openBmp(bytes: Uint8Array): PictureFile {
  return single(bmpSize(bytes), () => {
    const { data, ...rest } = decodeBmp(bytes);
    return Promise.resolve({ ...rest, levels: data });
  });
}

function openJpeg(bytes: Uint8Array): PictureFile {
  const header = readJpeg(bytes);
  return single(uprightSize(header, header.orientation), () => decodeJpeg(bytes, header));
}

function openPng(bytes: Uint8Array): PictureFile {
  const png = readPng(bytes);
  const size = uprightSize(png, png.orientation);
  return single(size, async () => {
    const read = decodePng(png);
    const grey = png.kind === 0 || png.kind === 4;
    let { levels } = read;
    if (levels instanceof Uint8Array) {
      levels = await toSrgb(png, levels, read.channels as 3 | 4, { profile: profileOf(png), grey });
    } else if (png.profile && !grey) {
      throw deepProfile("PNG");
    }
    const upright = turnUpright(levels, png, read.channels, png.orientation);
    return { width: size.width, height: size.height, channels: read.channels, levels: upright };
  });
}

function openWebP(bytes: Uint8Array): PictureFile {
  const header = readWebP(bytes);
  const { frames, alpha, profile, orientation } = header;
  if (frames > 1 && !hasImageDecoder()) throw unreadFrames("WebP");
  // Browsers differ in whether they turn it, so none gets to see the orientation.
  const blind = new Uint8Array(bytes);
  for (const at of header.exif) blind.fill("X".charCodeAt(0), at, at + 4);
  const decoder = new FrameDecoder(blind, "image/webp", header, frames);
  const size = uprightSize(header, orientation);
  const channels = frames > 1 || alpha ? 4 : 3;
  const rgbaOf = async (frame: number): Promise<Uint8Array> => {
    if (frames > 1) return requireExact(await decoder.rgba(frame));
    const still = { type: "image/webp", size: header };
    if (!alpha) return withoutAlpha(requireExact(await decodeByBrowser(blind, still)));
    if (!header.lossy || !hasImageDecoder()) return requireExact(await decodeByBrowser(blind, still));
    // Alpha is exact, the colours that were multiplied by it are not.
    const rgba = await decoder.rgba(frame);
    putColours(rgba, withoutAlpha(await decodeByBrowser(plainWebP(header.lossy), still)));
    return rgba;
  };
  return pictureFile(
    range(frames),
    () => size,
    async (frame) => {
      const pixels = await rgbaOf(frame);
      const rgb = await toSrgb(header, pixels, channels, { profile, grey: false });
      const levels = turnUpright(rgb, header, channels, orientation);
      return { width: size.width, height: size.height, channels, levels };
    },
  );
}

function putColours(rgba: Uint8Array, rgb: Uint8Array): void {
  for (let from = 0; from < rgb.length; from++) rgba[from + Math.floor(from / 3)] = rgb[from]!;
}

function openAvif(bytes: Uint8Array): PictureFile {
  const { size } = readAvif(bytes);
  return single(size, async () => {
    const levels = requireExact(await decodeByBrowser(bytes, { type: "image/avif", size }));
    return { ...size, channels: 4, levels };
  });
}

/**
 * Browsers multiply colours by alpha, and divide again: levels of pixels that are half transparent are lost.
 *
 * @throws DataError for a picture with such pixels
 */
function requireExact(rgba: Uint8ClampedArray | Uint8Array): Uint8Array {
  for (let i = 3; i < rgba.length; i += 4) {
    if (rgba[i] === 0 || rgba[i] === 255) continue;
    throw new DataError(
      "has pixels that are partly transparent, which a browser does not read exactly: convert it to PNG",
    );
  }
  return new Uint8Array(rgba.buffer, rgba.byteOffset, rgba.length);
}

function openGif(bytes: Uint8Array): PictureFile {
  const layout = gifLayout(bytes);
  const { width, height, frames, fits, whole } = layout;
  if (width === 0 || height === 0) throw new DataError("is not a readable image: GIF: it does not say how large it is");
  if (width * height > MAX_PIXELS) throw tooLarge(width, height);
  if (!whole || frames === 0) throw new DataError("is not a readable image: GIF: it is cut off or damaged");
  if (!fits) throw new DataError("is not a readable image: GIF: its frames reach beyond its size; convert it to PNG");
  if (frames > MAX_FRAMES) throw new DataError(`has ${frames} frames: more than ${MAX_FRAMES}`);
  if (!hasImageDecoder()) throw unreadFrames("GIF");
  const decoder = new FrameDecoder(bytes, "image/gif", layout, frames);
  return pictureFile(
    range(frames),
    () => ({ width, height }),
    async (frame) => ({ width, height, channels: 4, levels: await decoder.rgba(frame) }),
  );
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

const unreadFrames = (format: string) =>
  new DataError(
    `is a ${format} file, of which this browser does not show the frames: convert it to PNG, or use another browser`,
  );
