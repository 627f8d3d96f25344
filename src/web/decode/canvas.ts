/** Pixels from the browser's own decoders, by way of a canvas; in a worker too. */
import type { Size } from "../../data/annotation-frame.ts";
import { writePng } from "../../data/pictures/png-write.ts";
import { DataError, reasonOf } from "../../data/sample.ts";

/** A canvas of this side is allowed everywhere; larger pictures are read in parts. */
const TILE_PIXELS = 4096;

export interface Decoding {
  /** As in `image/jpeg`. */
  type: string;
  /** The size that the browser must find: the one in the file's header. */
  size: Size;
  /** Whether to convert colours by the file's profile; otherwise they stay as they are. */
  profiled?: boolean;
}

/**
 * @returns interleaved red, green, blue, alpha. Where alpha is below 255, colours are only near the file's
 * @throws DataError, without the file's name, for a file that the browser refuses, or a browser that alters pixels
 */
export async function decodeByBrowser(bytes: Uint8Array, decoding: Decoding): Promise<Uint8ClampedArray> {
  await (faithful ??= requireFaithful());
  return decode(bytes, decoding);
}

async function decode(bytes: Uint8Array, { type, size, profiled }: Decoding): Promise<Uint8ClampedArray> {
  const name = type.replace("image/", "").toUpperCase();
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>], { type }), {
      colorSpaceConversion: profiled === true ? "default" : "none",
      premultiplyAlpha: "none",
    });
  } catch (error) {
    throw new DataError(
      `is not a readable image: ${name}: this browser cannot decode it (${reasonOf(error)}); convert it to PNG`,
    );
  }
  try {
    if (bitmap.width !== size.width || bitmap.height !== size.height) {
      const [found, said] = [bitmap, size].map(({ width, height }) => `${width}x${height}`);
      throw new DataError(`is not a readable image: ${name}: it is ${found!}, but its header says ${said!}`);
    }
    return pixelsOf(bitmap);
  } finally {
    bitmap.close();
  }
}

function pixelsOf(bitmap: ImageBitmap): Uint8ClampedArray {
  const { width, height } = bitmap;
  const [columns, rows] = [Math.min(width, TILE_PIXELS), Math.min(height, TILE_PIXELS)];
  // Without acceleration: graphics cards round otherwise.
  const context = new OffscreenCanvas(columns, rows).getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  if (!context) throw new DataError("cannot be decoded: this browser has no memory for it");
  context.globalCompositeOperation = "copy";
  context.imageSmoothingEnabled = false;
  if (columns === width && rows === height) {
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, width, height).data;
  }
  const out = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y += rows) {
    for (let x = 0; x < width; x += columns) {
      const [w, h] = [Math.min(columns, width - x), Math.min(rows, height - y)];
      context.drawImage(bitmap, x, y, w, h, 0, 0, w, h);
      const { data } = context.getImageData(0, 0, w, h);
      for (let row = 0; row < h; row++) {
        out.set(data.subarray(4 * w * row, 4 * w * (row + 1)), 4 * ((y + row) * width + x));
      }
    }
  }
  return out;
}

let faithful: Promise<void> | undefined;

/** Some browsers alter what pages read from a canvas, against fingerprinting: a level here and there, which nobody would notice. */
async function requireFaithful(): Promise<void> {
  const size = { width: 64, height: 64 };
  // Noise, as such browsers leave flat pictures alone.
  const colours = Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (i * i * 31 + (i >> 3) * 17) & 255);
  const read = await decode(writePng(size, colours), { type: "image/png", size });
  if (read.every((level, i) => level === (i % 4 === 3 ? 255 : colours[3 * (i >> 2) + (i % 4)]))) return;
  throw new DataError(
    "cannot be decoded: this browser alters the pixels that a page reads (protection against fingerprinting); " +
      "allow this page to read canvases, or use another browser",
  );
}
