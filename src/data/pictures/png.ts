/** Reads the chunks of a PNG file, each checked (PNG specification, third edition, section 5). */
import { DataError } from "../sample.ts";
import { exifOrientation } from "./exif.ts";
import { MAX_PIXELS, tooLarge } from "./limits.ts";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

export const isPng = (bytes: Uint8Array): boolean => SIGNATURE.every((byte, i) => bytes[i] === byte);

/** Why an animated PNG is refused: viewers animate it, decoders read only the first frame. */
export const ANIMATED_PNG = "is an animated PNG: its frames cannot be read; save it as GIF, WebP or single images";

/** Whether it has an "acTL" chunk, which precedes the pixels. */
export function isAnimated(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const chunk = nameAt(bytes, at + 4);
    if (chunk === "acTL") return true;
    if (chunk === "IDAT") return false;
  }
  return false;
}

export interface Png {
  width: number;
  height: number;
  /** Bits of a sample: 1, 2, 4, 8, 16. */
  depth: number;
  kind: keyof typeof KINDS;
  interlaced: boolean;
  /** Red, green, blue for each index. */
  palette: Uint8Array;
  /** The tRNS chunk: alpha for each index, or the 16-bit samples that are transparent. */
  transparency: Uint8Array | undefined;
  /** The iCCP chunk: a name, then a deflated profile. */
  profile: Uint8Array | undefined;
  /** EXIF orientation, 1 to 8. */
  orientation: number;
  /** The deflated pixels, in parts. */
  data: Uint8Array[];
}

/** Samples per pixel, and the depths allowed, of each colour type. */
export const KINDS = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
} as const;

/** Colour type 3: the samples are indices into the palette. */
export const PALETTE = 3;

export const badPng = (why: string): DataError => new DataError(`is not a readable image: PNG: ${why}`);

/** @throws DataError, without the file's name, for a file that is cut off, damaged, too large or animated */
export function readPng(bytes: Uint8Array): Png {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let png: Png | undefined;
  for (let at = 8; ;) {
    if (at + 12 > bytes.length) throw badPng("it is cut off");
    const length = view.getUint32(at);
    const end = at + 8 + length;
    if (end + 4 > bytes.length) throw badPng("it is cut off");
    const name = nameAt(bytes, at + 4);
    const content = bytes.subarray(at + 8, end);
    if (crcOf(bytes.subarray(at + 4, end)) !== view.getUint32(end)) throw badPng("it is damaged");
    at = end + 4;
    if (!png) {
      if (name !== "IHDR" || length !== 13) throw badPng("it does not begin with its header");
      png = headerOf(new DataView(content.buffer, content.byteOffset, length));
    } else if (name === "acTL") throw new DataError(ANIMATED_PNG);
    else if (name === "PLTE") png.palette = content;
    else if (name === "tRNS") png.transparency = content;
    else if (name === "iCCP") png.profile = content;
    else if (name === "eXIf") png.orientation = exifOrientation(content);
    else if (name === "IDAT") png.data.push(content);
    else if (name === "IEND") break;
  }
  if (png.data.length === 0) throw badPng("it has no pixels");
  if (png.kind === PALETTE && (png.palette.length === 0 || png.palette.length % 3 !== 0)) {
    throw badPng("it has no palette");
  }
  return png;
}

function headerOf(view: DataView): Png {
  const [width, height, depth, kind] = [view.getUint32(0), view.getUint32(4), view.getUint8(8), view.getUint8(9)];
  if (width === 0 || height === 0) throw badPng("it does not say how large it is");
  if (width * height > MAX_PIXELS) throw tooLarge(width, height);
  const depths = (KINDS as Partial<Record<number, { depths: readonly number[] }>>)[kind]?.depths;
  if (!depths?.includes(depth)) throw badPng(`it has ${depth} bits of colour type ${kind}, which do not exist`);
  const interlace = view.getUint8(12);
  if (view.getUint8(10) !== 0 || view.getUint8(11) !== 0 || interlace > 1) throw badPng("its header is damaged");
  return {
    width,
    height,
    depth,
    kind: kind as Png["kind"],
    interlaced: interlace === 1,
    palette: new Uint8Array(),
    transparency: undefined,
    profile: undefined,
    orientation: 1,
    data: [],
  };
}

const nameAt = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

/** CRC-32 (annex D). */
export function crcOf(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
