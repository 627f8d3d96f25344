/** Reads image files through sharp: JPEG, PNG, WebP, GIF, TIFF, AVIF; 8 bits or more, one frame or several. */
import sharp, { type Metadata, type Sharp, type SharpOptions } from "sharp";
import type { PictureSize } from "../../data/annotation-frame.ts";
import { scaleLevels } from "../../data/pictures/deep.ts";
import { gifLayout } from "../../data/pictures/gif.ts";
import { formatName } from "../../data/pictures/image-format.ts";
import { MAX_FRAMES, MAX_PIXELS, tooLarge } from "../../data/pictures/limits.ts";
import { throughInks } from "../../data/pictures/luma.ts";
import type { Levels } from "../../data/grey-image.ts";
import { ANIMATED_PNG, isAnimated } from "../../data/pictures/png.ts";
import { copiesNote, framesOfPages, MAX_COPIES } from "../../data/pictures/tiff-pages.ts";
import { countTiffPages, requireKnownFloats, tiffPage } from "../../data/pictures/tiff.ts";
import { DataError, reasonOf } from "../../data/sample.ts";
import { Film } from "./film.ts";
import type { Pictures, Rendered } from "./picture.ts";

// Images are small and many: one thread each, and no cache that would grow with them.
sharp.concurrency(1);
sharp.cache(false);

/** Rotated by EXIF orientation; warnings count as damage. */
const open = (bytes: Uint8Array, options: SharpOptions = {}): Sharp =>
  sharp(bytes, { failOn: "warning", limitInputPixels: MAX_PIXELS, autoOrient: true, ...options });

const unreadable = (bytes: Uint8Array, error: unknown): DataError => {
  const name = formatName(bytes);
  return new DataError(`is not a readable image: ${name === undefined ? reasonOf(error) : `it is ${name}`}`);
};

/** @throws DataError, without the file's name, for a file that is not a raster image */
export async function openRaster(bytes: Uint8Array): Promise<Pictures> {
  if (bytes.length === 0) throw new DataError("is not a readable image: the file is empty");
  // Vector graphics are not even passed to the library that would render them.
  if (/^text|^a drawing|^compressed/.test(formatName(bytes) ?? "")) throw unreadable(bytes, undefined);
  if ((countTiffPages(bytes, MAX_FRAMES) ?? 0) > MAX_FRAMES) throw new DataError(`has more than ${MAX_FRAMES} frames`);
  const first = await metadata(bytes);
  if (first.format === "svg" || first.format === "pdf") {
    throw new DataError(`is not a readable image: it is a drawing (${first.format.toUpperCase()})`);
  }
  if (first.compression === "hevc") throw new DataError("is not a readable image: it is a HEIF image (.heic)");
  if (first.format === "png" && isAnimated(bytes)) {
    throw new DataError(ANIMATED_PNG);
  }
  if (first.format === "gif" && !gifLayout(bytes).whole) {
    throw new DataError("is not a readable image: GIF: it is cut off or damaged");
  }
  const count = first.pages ?? 1;
  if (count > MAX_FRAMES) throw new DataError(`has ${count} frames: more than ${MAX_FRAMES}`);
  const pages = first.format === "tiff" ? await tiffPages(bytes, first, count) : range(count);
  const smaller = count - pages.length;
  const film =
    count > 1 && (first.format === "gif" || first.format === "webp")
      ? new Film(count, (options) => open(bytes, { ...options, limitInputPixels: MAX_PIXELS * 32 }))
      : undefined;
  const found = async (frame: number) => (frame === 1 ? first : metadata(bytes, frame));
  const at = (frame: number) => (count === 1 ? {} : { page: frame - 1 });
  return {
    frames: pages,
    size: async (frame) => sizeOf(await found(frame)),
    // CMYK inks are not levels.
    ...(first.space === "cmyk"
      ? {}
      : { levels: async (frame: number) => readLevels(bytes, at(frame), await found(frame)) }),
    render: async (frame) => {
      if (film) return { image: await film.frame(frame - 1), ...mayBeInvisible(bytes, at(frame), first) };
      const rendered = await render(bytes, at(frame), await found(frame));
      if (smaller === 0) return rendered;
      const pages = copiesNote(count, frame);
      return { ...rendered, note: [rendered.note, pages].filter((n) => n !== undefined).join("; ") };
    },
  };
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

async function metadata(bytes: Uint8Array, frame = 1): Promise<Metadata> {
  requireKnownFloats(bytes, frame);
  let found;
  try {
    found = await open(bytes, frame === 1 ? {} : { page: frame - 1 }).metadata();
  } catch (error) {
    throw unreadable(bytes, error);
  }
  const { width, height } = found;
  if (width * height > MAX_PIXELS) throw tooLarge(width, height);
  return found;
}

function sizeOf({ width, height, orientation = 1, autoOrient }: Metadata): PictureSize {
  if (orientation === 1) return { width, height };
  return { width: autoOrient.width, height: autoOrient.height, stored: { width, height, orientation } };
}

/** The pages that are frames. */
async function tiffPages(bytes: Uint8Array, first: Metadata, count: number): Promise<number[]> {
  // Reading each page means walking through all before it.
  if (count === 1 || count > MAX_COPIES) return range(count);
  const sizes = [first];
  for (let page = 2; page <= count; page++) sizes.push(await metadata(bytes, page));
  return framesOfPages(sizes);
}

async function render(bytes: Uint8Array, options: SharpOptions, found: Metadata): Promise<Rendered> {
  const invisible = mayBeInvisible(bytes, options, found);
  if (found.space === "cmyk" && found.depth === "uchar" && !found.hasProfile)
    return { image: await printed(bytes, options, found) };
  if (found.depth === "uchar") {
    const image = open(bytes, options).flatten({ background: "#000000" }).toColourspace("srgb");
    return { image, ...invisible };
  }
  const whiteIsZero = found.format === "tiff" && tiffPage(bytes, (options.page ?? 0) + 1)?.whiteIsZero === true;
  return { ...(await deep(bytes, options, found, whiteIsZero)), ...invisible };
}

/**
 * CMYK without a profile: viewers multiply what the inks let through. The library would use a printing press's profile, which
 * puts greys 11 levels off.
 */
async function printed(bytes: Uint8Array, options: SharpOptions, found: Metadata): Promise<Sharp> {
  const { levels, width, height } = await readLevels(bytes, options, found);
  return sharp(throughInks(levels), { raw: { width, height, channels: 3 } });
}

/** Whether all pixels are fully transparent, if the picture supports transparency. */
function mayBeInvisible(bytes: Uint8Array, options: SharpOptions, { hasAlpha }: Metadata): Pick<Rendered, "invisible"> {
  if (!hasAlpha) return {};
  return { invisible: async () => (await open(bytes, options).stats()).channels.at(-1)!.max === 0 };
}

/**
 * A picture of more than 8 bits, scaled to 8 by its white level.
 *
 * @param whiteIsZero whether the file's greatest level is black
 */
async function deep(
  bytes: Uint8Array,
  options: SharpOptions,
  found: Metadata,
  whiteIsZero: boolean,
): Promise<Rendered> {
  const read = await readLevels(bytes, options, found);
  const { levels } = read;
  // The library has inverted some number types relative to their maximum: undo that, since fewer bits may be in use.
  const turned = whiteIsZero ? TURNED.get(found.depth) : undefined;
  if (turned !== undefined) for (let i = 0; i < levels.length; i++) levels[i] = turned - levels[i]!;
  const { data, note, ...raw } = scaleLevels(read, found.depth === "float" ? "float" : "whole", whiteIsZero);
  return { image: sharp(data, { raw }).toColourspace("srgb"), ...(note === undefined ? {} : { note }) };
}

/** Number types that the library inverts if white is 0, and the level that becomes 0. */
const TURNED = new Map([
  ["ushort", 65535],
  ["uint", 2 ** 32 - 1],
]);

type Kind = Pick<Metadata, "depth" | "space" | "hasAlpha" | "channels">;

/** Makes sharp return the file's own numbers. @throws DataError for number types that no picture has */
function asStored(image: Sharp, { depth, space, hasAlpha, channels }: Kind): Sharp {
  const grey = channels <= 2;
  if (space === "cmyk" && depth === "uchar")
    return image.pipelineColourspace("cmyk").toColourspace("cmyk").raw({ depth: "uchar" });
  if (depth === "uchar") return image.toColourspace("srgb").raw({ depth });
  if (depth === "ushort") return image.toColourspace(grey ? "grey16" : "rgb16").raw({ depth });
  if (depth === "float" && !hasAlpha && (grey || space === "scrgb")) {
    return image.toColourspace(grey ? "b-w" : "scrgb").raw({ depth });
  }
  // Negative numbers are clipped here: callers have checked for them.
  if (depth === "short" && grey && !hasAlpha) return image.toColourspace("grey16").raw({ depth: "ushort" });
  if ((depth === "int" || depth === "uint") && grey && !hasAlpha) return image.toColourspace("b-w").raw({ depth });
  const what = { complex: "complex numbers", dpcomplex: "complex numbers" }[depth as string] ?? `"${depth}"`;
  throw new DataError(`is not a readable image: its ${grey ? "levels" : "colours"} are ${what}; save it with 8 bits`);
}

/** The file's own numbers, upright, interleaved. @throws DataError without the file's name */
async function readLevels(bytes: Uint8Array, options: SharpOptions, kind: Kind): Promise<Levels> {
  const image = asStored(open(bytes, options), kind);
  try {
    if (kind.depth === "short") {
      const { min, max } = (await open(bytes, options).stats()).channels[0]!;
      if (min < 0) throw new DataError(`has levels ${min} to ${max}: its black level is unknown`);
    }
    const { data, info } = await image.toBuffer({ resolveWithObject: true });
    const Numbers = NUMBERS[kind.depth as keyof typeof NUMBERS];
    const levels = new Numbers(data.buffer, data.byteOffset, data.byteLength / Numbers.BYTES_PER_ELEMENT);
    return { levels, width: info.width, height: info.height, channels: info.channels };
  } catch (error) {
    throw error instanceof DataError ? error : unreadable(bytes, error);
  }
}

const NUMBERS = {
  uchar: Uint8Array,
  short: Uint16Array,
  ushort: Uint16Array,
  int: Int32Array,
  uint: Uint32Array,
  float: Float32Array,
} as const;
