/** TIFF files for tests, written without the library that reads them: any kind of number, several pages, false sizes. */
import type { GreyImage } from "../../../src/node/data/decode.ts";

export type Numbers = Uint8Array | Uint16Array | Uint32Array | Int16Array | Int32Array | Float32Array;

interface Page {
  width: number;
  height: number;
  grey?: Uint8Array;
  levels?: Numbers;
  /** The size that the header says. */
  claimed?: { width: number; height: number };
  orientation?: number;
  /** PhotometricInterpretation 0 instead of 1. */
  whiteIsZero?: boolean;
  /** Floats of another size than 32 bits, in place of levels. */
  floats?: { bits: number; data: Uint8Array };
}

/** TIFF's SampleFormat: 1 unsigned, 2 signed, 3 float. */
const kind = (data: Numbers) => (data instanceof Float32Array ? 3 : /^Int/.test(data.constructor.name) ? 2 : 1);

/**
 * An uncompressed little-endian file with a page for each image. With `{ inks: true }`: one of four inks, of which black is the
 * image's levels.
 */
export function tiff(...pages: (Page | GreyImage | { inks: true })[]): Buffer {
  const inks = pages.some((page) => "inks" in page);
  const parts: Buffer[] = [Buffer.from("II*\0\0\0\0\0", "latin1")];
  let length = 8;
  let link = { part: parts[0]!, at: 4 };
  for (const page of pages) {
    if ("inks" in page) continue;
    const { width, height, grey, floats, levels = floats?.data ?? grey!, claimed, orientation = 1 }: Page = page;
    const { width: w, height: h } = claimed ?? { width, height };
    const samples = inks ? 4 : 1;
    const data = inks
      ? Uint8Array.from({ length: 4 * levels.length }, (_, i) => (i % 4 < 3 ? 0 : levels[i >> 2]!))
      : levels;
    const pixels = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const bits = floats?.bits ?? 8 * data.BYTES_PER_ELEMENT;
    const tags = [
      [256, w],
      [257, h],
      [258, bits],
      [259, 1],
      [262, inks ? 5 : "whiteIsZero" in page ? 0 : 1],
      [273, length],
      [274, orientation],
      [277, samples],
      [278, h],
      [279, pixels.length],
      [339, floats ? 3 : kind(data)],
    ] as const;
    // The bits of four samples do not fit into a tag.
    const wide = Buffer.alloc(inks ? 8 : 0);
    for (let i = 0; i < wide.length; i += 2) wide.writeUInt16LE(bits, i);
    const ifd = Buffer.alloc(2 + 12 * tags.length + 4);
    ifd.writeUInt16LE(tags.length, 0);
    tags.forEach(([tag, value], i) => {
      const at = 2 + 12 * i;
      ifd.writeUInt16LE(tag, at);
      const outside = tag === 258 && inks;
      ifd.writeUInt16LE(outside ? 3 : 4, at + 2);
      ifd.writeUInt32LE(outside ? 4 : 1, at + 4);
      ifd.writeUInt32LE(outside ? length + pixels.length : value, at + 8);
    });
    parts.push(pixels, wide, ifd);
    link.part.writeUInt32LE(length + pixels.length + wide.length, link.at);
    link = { part: ifd, at: ifd.length - 4 };
    length += pixels.length + wide.length + ifd.length;
  }
  return Buffer.concat(parts);
}
