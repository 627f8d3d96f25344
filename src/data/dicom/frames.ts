/** Locates the bytes of each frame: native frames are consecutive, compressed ones lie in fragments (PS3.5 annex A.4). */
import { DataError } from "../sample.ts";
import { damaged, type DataSet, type Element, ITEM, SEQUENCE_END } from "./elements.ts";
import { type DicomImage, isHalved, nativeBytes } from "./image.ts";
import type { Compression } from "./syntaxes.ts";

interface Fragment {
  /** Offset from the first fragment's item tag, as in offset tables. */
  at: number;
  bytes: Uint8Array;
}

/** The bytes of one frame, counted from 0. */
export type Frames = (frame: number) => Uint8Array;

const missing = (present: number, needed: number) =>
  damaged(`it is truncated: it has ${present} bytes of pixels instead of ${needed}`);

/**
 * Uncompressed frames. Extra bytes are padding.
 *
 * @throws DataError if the element, or the file, has fewer bytes than the frames need
 */
export function nativeFrames(bytes: Uint8Array, image: DicomImage, pixels: Element): Frames {
  if (pixels.length === undefined) throw damaged("its pixels are compressed, though it says that they are not");
  const needed = nativeBytes(image, image.frames);
  const present = Math.min(pixels.length, bytes.length - pixels.offset);
  if (present < needed) throw missing(present, needed);
  if (isHalved(image)) requireEvenWidth(image);
  const data = bytes.subarray(pixels.offset, pixels.offset + present);
  if (image.bitsAllocated === 1) return (frame) => bitFrame(data, image.rows * image.columns, frame);
  const size = nativeBytes(image, 1);
  return (frame) => data.subarray(frame * size, (frame + 1) * size);
}

function requireEvenWidth({ columns, photometric }: DicomImage): void {
  if (columns % 2 === 0) return;
  throw new DataError(
    `is a DICOM image of ${photometric} and ${columns} columns: not supported, as two columns share a colour`,
  );
}

/** Realigns the bits of a frame, which may begin in the middle of a byte. */
function bitFrame(data: Uint8Array, pixels: number, frame: number): Uint8Array {
  const first = frame * pixels;
  const out = new Uint8Array(Math.ceil(pixels / 8));
  for (let i = 0; i < pixels; i++) {
    if ((data[(first + i) >> 3]! >> ((first + i) & 7)) & 1) out[i >> 3]! |= 1 << (i & 7);
  }
  return out;
}

/**
 * Compressed frames, located by an offset table or by how frames begin.
 *
 * @throws DataError if the fragments have no end, or form another number of frames than declared
 */
export function compressedFrames(set: DataSet, image: DicomImage, pixels: Element, compression: Compression): Frames {
  if (pixels.length !== undefined) throw damaged("its pixels are not compressed, though it says that they are");
  const [table, ...fragments] = fragmentsOf(set.bytes, pixels.offset);
  if (!table || fragments.length === 0) throw damaged("it is truncated: it has no frame");
  const { frames } = image;
  const starts = byTable(set, fragments, table.bytes, frames) ?? byContent(fragments, frames, compression);
  return (frame) => joined(fragments.slice(starts[frame], starts[frame + 1] ?? fragments.length));
}

/** All items up to the delimiter, starting with the offset table. */
function fragmentsOf(bytes: Uint8Array, from: number): Fragment[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const items: Fragment[] = [];
  let base = from;
  let at = from;
  while (at + 8 <= bytes.length) {
    const tag = ((view.getUint16(at, true) << 16) | view.getUint16(at + 2, true)) >>> 0;
    if (tag === SEQUENCE_END) return items;
    const length = view.getUint32(at + 4, true);
    if (tag !== ITEM || at + 8 + length > bytes.length) break;
    items.push({ at: at - base, bytes: bytes.subarray(at + 8, at + 8 + length) });
    at += 8 + length;
    if (items.length === 1) base = at;
  }
  throw damaged("it is cut off or damaged in its pixels");
}

const EXTENDED_OFFSETS = 0x7fe00001;

/** The first fragment of each frame from the basic or extended offset table; undefined without one. @throws DataError */
function byTable(set: DataSet, fragments: Fragment[], basic: Uint8Array, frames: number): number[] | undefined {
  const view = new DataView(basic.buffer, basic.byteOffset, basic.byteLength);
  const extended = set.numbers(EXTENDED_OFFSETS, "OV");
  const offsets =
    extended.length > 0
      ? extended
      : Array.from({ length: Math.floor(basic.length / 4) }, (_, i) => view.getUint32(4 * i, true));
  if (offsets.length === 0) return undefined;
  // Some writers leave zeros, or a wrong table for a single frame, whose fragments are the frame in any case.
  if (frames === 1 && offsets.length === 1) return [0];
  const index = new Map(fragments.map(({ at }, i) => [at, i]));
  const starts = offsets.map((offset) => index.get(offset) ?? -1);
  const rising = starts.every((start, i) => (i === 0 ? start === 0 : start > starts[i - 1]!));
  if (starts.length !== frames) {
    if (offsets.every((offset) => offset === 0)) return undefined;
    throw damaged(`its offset table has ${starts.length} frames, but it says that it has ${frames}`);
  }
  return rising ? starts : undefined;
}

/** The first fragment of each frame, found by the bytes that frames begin with. @throws DataError */
function byContent(fragments: Fragment[], frames: number, compression: Compression): number[] {
  const all = fragments.map((_, i) => i);
  const starts = all.filter((i) => begins(fragments[i]!.bytes, compression));
  // The decoder reports what is wrong with a fragment that begins unexpectedly.
  if (fragments.length === frames) return all;
  if (starts.length === frames && starts[0] === 0) return starts;
  const truncated = starts.length < frames ? "it is truncated: " : "";
  throw damaged(`${truncated}it has ${starts.length} frames of pixels instead of ${frames}`);
}

/** RLE frames begin with a segment count and the first offset; others with SOI or SOC, or with the first box of a JP2 file. */
function begins(bytes: Uint8Array, compression: Compression): boolean {
  if (compression === "rle") return bytes[0]! > 0 && bytes[0]! <= 15 && bytes[1] === 0 && bytes[4] === 64;
  const [a, b, c, d] = bytes;
  if (a === 0xff) return b === 0xd8 || (b === 0x4f && c === 0xff && d === 0x51);
  return a === 0 && d === 12 && bytes[4] === 0x6a && bytes[5] === 0x50;
}

function joined(fragments: Fragment[]): Uint8Array {
  if (fragments.length === 1) return fragments[0]!.bytes;
  const out = new Uint8Array(fragments.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let at = 0;
  for (const { bytes } of fragments) {
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
}
