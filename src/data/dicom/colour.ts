/** Converts colours to 8-bit RGBA, PS3.3 C.7.6.3.1.2. */
import type { Range } from "./grey.ts";
import type { DicomImage, Photometric } from "./image.ts";
import type { Palette } from "./luts.ts";
import type { Stored } from "./samples.ts";

/** Sample layout: pixel i, channel c is at i * pixel + c * channel. */
export interface Strides {
  pixel: number;
  channel: number;
}

export const INTERLEAVED: Strides = { pixel: 3, channel: 1 };
export const planes = (pixels: number): Strides => ({ pixel: 1, channel: pixels });

/** Scales levels from black to white to 0 to 255. */
export function toBytes(values: Stored, { black, white }: Range): Uint8Array {
  if (values instanceof Uint8Array && black === 0 && white === 255) return values;
  return Uint8Array.from(values, (value) => Math.round(((value - black) * 255) / (white - black)));
}

/** RGB as it is, or converted from luma and chroma. */
export function coloursOf(samples: Uint8Array, { pixel, channel }: Strides, photometric: Photometric): Uint8Array {
  const pixels = samples.length / 3;
  const rgba = new Uint8ClampedArray(4 * pixels);
  const partial = photometric.startsWith("YBR_PARTIAL");
  for (let i = 0, at = 0; i < pixels; i++, at += pixel) {
    const [a, b, c] = [samples[at]!, samples[at + channel]!, samples[at + 2 * channel]!];
    const o = 4 * i;
    rgba[o + 3] = 255;
    if (photometric === "RGB") {
      rgba[o] = a;
      rgba[o + 1] = b;
      rgba[o + 2] = c;
      continue;
    }
    // ITU-R BT.601; the partial-range form keeps headroom below 16 and above 235 (240 in chroma).
    const y = partial ? (a - 16) * (255 / 219) : a;
    const [cb, cr] = partial ? [(b - 128) * (255 / 224), (c - 128) * (255 / 224)] : [b - 128, c - 128];
    rgba[o] = y + 1.402 * cr;
    rgba[o + 1] = y - 0.344136 * cb - 0.714136 * cr;
    rgba[o + 2] = y + 1.772 * cb;
  }
  return new Uint8Array(rgba.buffer);
}

/** Expands Y Y Cb Cr per pair of pixels to three samples per pixel: both share the chroma, C.7.6.3.1.2. */
export function wholeColours(samples: Stored, { rows, columns }: DicomImage): Int32Array {
  const out = new Int32Array(3 * rows * columns);
  for (let i = 0, o = 0; o < out.length; i += 4, o += 6) {
    out[o] = samples[i]!;
    out[o + 3] = samples[i + 1]!;
    out[o + 1] = out[o + 4] = samples[i + 2]!;
    out[o + 2] = out[o + 5] = samples[i + 3]!;
  }
  return out;
}

/** Applies a palette; values outside it are clamped to its first or last entry. */
export function paletteColours(values: Stored, { first, colours }: Palette): Uint8Array {
  const rgba = new Uint8Array(4 * values.length);
  const lasts = colours.map((table) => table.length - 1);
  for (let i = 0; i < values.length; i++) {
    const entry = Math.max(0, values[i]! - first);
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = colours[c]![Math.min(lasts[c]!, entry)]!;
    rgba[4 * i + 3] = 255;
  }
  return rgba;
}

export function greyColours(levels: Uint8Array): Uint8Array {
  const rgba = new Uint8Array(4 * levels.length);
  for (let i = 0, o = 0; i < levels.length; i++, o += 4) {
    rgba[o] = rgba[o + 1] = rgba[o + 2] = levels[i]!;
    rgba[o + 3] = 255;
  }
  return rgba;
}
