/** Image files that sharp reads: JPEG, PNG, WebP, GIF, TIFF, AVIF; of 8 bits and of more, of one frame and of several. */
import sharp, { type Metadata, type Sharp, type SharpOptions } from "sharp";
import type { PictureSize } from "../../data/annotation-frame.ts";
import { whiteLevel } from "../../data/grey-levels.ts";
import { DataError, reasonOf } from "../../data/sample.ts";
import { formatName } from "./image-format.ts";
import { MOST_FRAMES, MOST_PIXELS } from "./limits.ts";
import type { Levels, Pictures, Rendered } from "./picture.ts";

// Images here are small and many: one thread each, and no cache that would grow with them.
sharp.concurrency(1);
sharp.cache(false);

/** Turned as EXIF says; warnings count as damage. */
const open = (bytes: Uint8Array, options: SharpOptions = {}): Sharp =>
  sharp(bytes, { failOn: "warning", limitInputPixels: MOST_PIXELS, autoOrient: true, ...options });

const unreadable = (bytes: Uint8Array, error: unknown): DataError => {
  const name = formatName(bytes);
  return new DataError(`is not a readable image: ${name === undefined ? reasonOf(error) : `it is ${name}`}`);
};

/** @throws DataError, without the file's name, for a file that is no image of pixels */
export async function openRaster(bytes: Uint8Array): Promise<Pictures> {
  if (bytes.length === 0) throw new DataError("is not a readable image: the file is empty");
  // Drawings are not even handed to the library that would lay them out.
  if (/^text|^a drawing/.test(formatName(bytes) ?? "")) throw unreadable(bytes, undefined);
  const first = await metadata(bytes);
  if (first.format === "svg" || first.format === "pdf") {
    throw new DataError(`is not a readable image: it is a drawing (${first.format.toUpperCase()})`);
  }
  if (first.compression === "hevc") throw new DataError("is not a readable image: it is a HEIF image (.heic)");
  if (first.format === "png" && isAnimated(bytes)) {
    throw new DataError("is an animated PNG: its frames cannot be read; save it as GIF, WebP or single images");
  }
  const count = first.pages ?? 1;
  if (count > MOST_FRAMES) throw new DataError(`has ${count} frames: more than ${MOST_FRAMES}`);
  const pages = first.format === "tiff" ? await tiffPages(bytes, first, count) : range(count);
  const smaller = count - pages.length;
  const found = async (frame: number) => (frame === 1 ? first : metadata(bytes, frame));
  const at = (frame: number) => (count === 1 ? {} : { page: frame - 1 });
  return {
    frames: pages,
    size: async (frame) => sizeOf(await found(frame)),
    levels: async (frame) => readLevels(bytes, at(frame), await found(frame)),
    render: async (frame) => {
      const rendered = await render(bytes, at(frame), await found(frame));
      if (smaller === 0) return rendered;
      const pages = `has ${count} pages: page ${frame} is taken, the others are smaller copies`;
      return { ...rendered, note: [rendered.note, pages].filter((n) => n !== undefined).join("; ") };
    },
  };
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

async function metadata(bytes: Uint8Array, frame = 1): Promise<Metadata> {
  try {
    return await open(bytes, frame === 1 ? {} : { page: frame - 1 }).metadata();
  } catch (error) {
    throw unreadable(bytes, error);
  }
}

function sizeOf({ width, height, orientation = 1, autoOrient }: Metadata): PictureSize {
  if (orientation === 1) return { width, height };
  return { width: autoOrient.width, height: autoOrient.height, stored: { width, height, orientation } };
}

/** Whether it has an "acTL" chunk, which comes before the pixels: viewers show a film, the library its first frame. */
function isAnimated(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const chunk = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (chunk === "acTL") return true;
    if (chunk === "IDAT") return false;
  }
  return false;
}

/**
 * The pages that are frames. A picture in a TIFF file is often accompanied by thumbnails or ever smaller copies; where all other
 * pages are at most half as large each way, there is one frame: the largest page.
 */
async function tiffPages(bytes: Uint8Array, first: Metadata, count: number): Promise<number[]> {
  // Nobody makes so many copies; and to look at each page takes a walk through all before it.
  if (count === 1 || count > 32) return range(count);
  const sizes = [first];
  for (let page = 2; page <= count; page++) sizes.push(await metadata(bytes, page));
  const largest = sizes.reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a));
  const rest = sizes.filter((size) => size !== largest);
  const smaller = rest.every(({ width, height }) => 2 * width <= largest.width + 1 && 2 * height <= largest.height + 1);
  return smaller ? [sizes.indexOf(largest) + 1] : range(count);
}

async function render(bytes: Uint8Array, options: SharpOptions, found: Metadata): Promise<Rendered> {
  const invisible = found.hasAlpha ? { invisible: () => isInvisible(bytes, options) } : {};
  if (found.depth === "uchar") {
    const image = open(bytes, options).flatten({ background: "#000000" }).toColourspace("srgb");
    return { image, ...invisible };
  }
  return { ...(await deep(bytes, options, found)), ...invisible };
}

/** Whether all pixels are fully transparent. */
async function isInvisible(bytes: Uint8Array, options: SharpOptions): Promise<boolean> {
  const { channels } = await open(bytes, options).stats();
  return channels.at(-1)!.max === 0;
}

/** A picture of more than 8 bits, brought to 8 by the range that its levels are of. */
async function deep(bytes: Uint8Array, options: SharpOptions, found: Metadata): Promise<Rendered> {
  const { levels, channels, width, height } = await readLevels(bytes, options, found);
  const alpha = channels === 2 || channels === 4 ? channels - 1 : undefined;
  const colours = alpha ?? channels;
  let [least, greatest, opaque] = [Infinity, -Infinity, 0];
  for (let i = 0; i < levels.length; i += channels) {
    for (let c = 0; c < colours; c++) {
      const level = levels[i + c]!;
      // A number that is none must not get lost in comparisons.
      if (!(level >= least)) least = level;
      if (!(level <= greatest)) greatest = level;
    }
    if (alpha !== undefined) opaque = Math.max(opaque, levels[i + alpha]!);
  }
  if (alpha !== undefined && opaque === 0) throw new DataError("is blank: all its pixels are transparent");
  const { white, note } = whiteLevel({ least, greatest }, found.depth === "float" ? "float" : "whole");
  // Transparency is of the same depth where all of it fits.
  const full = opaque <= white ? white : 65535;
  const data = new Uint8Array(width * height * colours);
  for (let i = 0, to = 0; i < levels.length; i += channels) {
    const weight = (alpha === undefined ? 1 : Math.min(1, levels[i + alpha]! / full)) * (255 / white);
    for (let c = 0; c < colours; c++) data[to++] = Math.min(255, Math.max(0, Math.round(levels[i + c]! * weight)));
  }
  const raw = { width, height, channels: colours as 1 | 3 };
  return { image: sharp(data, { raw }).toColourspace("srgb"), ...(note === undefined ? {} : { note }) };
}

/** Numbers as they are in the file, upright, interleaved. @throws DataError for kinds of numbers that no picture has */
async function readLevels(
  bytes: Uint8Array,
  options: SharpOptions,
  { depth, space, hasAlpha, channels }: Metadata,
): Promise<Levels> {
  const refuse = (what: string) => new DataError(`is not a readable image: it has ${what}; save it with 8 bits`);
  const grey = channels <= 2;
  let image = open(bytes, options);
  if (depth === "uchar") image = image.toColourspace("srgb").raw({ depth: "uchar" });
  else if (depth === "ushort") image = image.toColourspace(grey ? "grey16" : "rgb16").raw({ depth: "ushort" });
  else if ((depth === "float" || depth === "uint") && !hasAlpha && (grey || space === "scrgb")) {
    image = image.toColourspace(grey ? "b-w" : "scrgb").raw({ depth: depth === "float" ? "float" : "uint" });
  } else if (depth === "float" || depth === "uint")
    throw refuse(`colours of ${depth === "float" ? "floats" : "32 bits"}`);
  else throw refuse(depth === "complex" || depth === "dpcomplex" ? "complex levels" : `levels of the kind "${depth}"`);
  try {
    const { data, info } = await image.toBuffer({ resolveWithObject: true });
    const Numbers = { uchar: Uint8Array, ushort: Uint16Array, uint: Uint32Array, float: Float32Array }[depth];
    const levels = new Numbers(data.buffer, data.byteOffset, data.byteLength / Numbers.BYTES_PER_ELEMENT);
    return { levels, width: info.width, height: info.height, channels: info.channels };
  } catch (error) {
    throw unreadable(bytes, error);
  }
}
