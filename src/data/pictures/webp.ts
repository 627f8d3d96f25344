/** Reads the header of a WebP file (RFC 9649): its size, its frames, and what comes with its pixels. */
import { DataError } from "../sample.ts";
import { exifOrientation } from "./exif.ts";
import { MAX_FRAMES, MAX_PIXELS, tooLarge } from "./limits.ts";

export interface WebP {
  width: number;
  height: number;
  frames: number;
  /** Whether it may have transparent pixels. */
  alpha: boolean;
  /** EXIF orientation, 1 to 8. */
  orientation: number;
  /** Addresses of the chunks that say so, which begin with "EXIF". */
  exif: number[];
  /** The chunk of a still picture's lossy colours, from its name on. */
  lossy: Uint8Array | undefined;
  /** An ICC profile. */
  profile: Uint8Array | undefined;
}

export const isWebP = (bytes: Uint8Array): boolean => nameAt(bytes, 0) === "RIFF" && nameAt(bytes, 8) === "WEBP";

const bad = (why: string) => new DataError(`is not a readable image: WebP: ${why}`);

/** @throws DataError, without the file's name, for a file that is cut off or too large */
export function readWebP(bytes: Uint8Array): WebP {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length >= 12 ? 8 + view.getUint32(4, true) : Infinity;
  if (end > bytes.length) throw bad("it is cut off");
  const found: WebP = {
    width: 0,
    height: 0,
    frames: 0,
    alpha: false,
    orientation: 1,
    exif: [],
    lossy: undefined,
    profile: undefined,
  };
  let single = false;
  for (let at = 12; at + 8 <= end;) {
    const [name, length] = [nameAt(bytes, at), view.getUint32(at + 4, true)];
    if (at + 8 + length > end) throw bad("it is cut off");
    const content = new DataView(bytes.buffer, bytes.byteOffset + at + 8, length);
    const raw = bytes.subarray(at + 8, at + 8 + length);
    if (name === "VP8X" && length >= 10) {
      found.alpha = (content.getUint8(0) & 0x10) !== 0;
      found.width = 1 + (content.getUint32(4, true) & 0xffffff);
      found.height = 1 + (content.getUint32(6, true) >>> 8);
    } else if (name === "ANMF") found.frames++;
    else if (name === "ICCP") found.profile = raw;
    else if (name === "EXIF") {
      if (found.exif.length === 0) found.orientation = exifOrientation(raw);
      found.exif.push(at);
    } else if (name === "VP8 " || name === "VP8L") {
      const own = name === "VP8L" ? lossless(content) : lossy(content);
      if (found.width > 0 && (own.width !== found.width || own.height !== found.height)) {
        throw bad("it says two sizes");
      }
      found.width = own.width;
      found.height = own.height;
      // In an extended file, its header decides.
      if (at === 12) found.alpha = own.alpha;
      if (name === "VP8 ") found.lossy = bytes.subarray(at, at + 8 + length);
      single = true;
    }
    at += 8 + length + (length % 2);
  }
  if (found.frames === 0 && !single) throw bad("it has no pixels");
  const { width, height, frames } = found;
  if (width * height > MAX_PIXELS) throw tooLarge(width, height);
  if (frames > MAX_FRAMES) throw new DataError(`has ${frames} frames: more than ${MAX_FRAMES}`);
  return { ...found, frames: Math.max(1, frames) };
}

/** The first two bytes of the three before a lossy picture's size. */
const START_CODE = 0x9d01;

/** The frame header of RFC 6386, section 9.1. */
function lossy(view: DataView) {
  if (view.byteLength < 10 || view.getUint16(3) !== START_CODE || view.getUint8(5) !== 0x2a) throw bad("it is damaged");
  return { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff, alpha: false };
}

/** The header of RFC 9649, section 3.4. */
function lossless(view: DataView) {
  if (view.byteLength < 5 || view.getUint8(0) !== 0x2f) throw bad("it is damaged");
  const bits = view.getUint32(1, true);
  return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff), alpha: ((bits >>> 28) & 1) === 1 };
}

const nameAt = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));

/** A WebP file of a still picture's lossy colours alone: browsers lose levels under transparency, which lies apart from them. */
export function plainWebP(lossy: Uint8Array): Uint8Array {
  const file = new Uint8Array(12 + lossy.length + (lossy.length % 2));
  for (const [i, letter] of Array.from("RIFF    WEBP").entries()) file[i] = letter.charCodeAt(0);
  new DataView(file.buffer).setUint32(4, file.length - 8, true);
  file.set(lossy, 12);
  return file;
}
