/** The bytes of single frames: native ones follow each other, compressed ones lie in fragments (PS3.5 annex A.4). */
import { DataError } from "../sample.ts";
import { damaged, type DataSet, type Element, ITEM, SEQUENCE_END } from "./elements.ts";
import { type DicomImage, isHalved, nativeBytes } from "./image.ts";
import type { Compression } from "./syntaxes.ts";

interface Fragment {
  /** From the first fragment's item tag, as offset tables count. */
  at: number;
  bytes: Uint8Array;
}

/** The bytes of one frame, from 0. */
export type Frames = (frame: number) => Uint8Array;

const missing = (present: number, needed: number) =>
  damaged(`it is truncated: it has ${present} bytes of pixels instead of ${needed}`);

/**
 * Frames that are not compressed. More bytes than needed are padding.
 *
 * @throws DataError where the element, or the file, has fewer bytes than the frames need
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
    `is a DICOM image of ${photometric} and ${columns} columns: not read, two columns share a colour`,
  );
}

/** The bits of a frame from its first byte on: a frame may begin within one. */
function bitFrame(data: Uint8Array, pixels: number, frame: number): Uint8Array {
  const first = frame * pixels;
  const out = new Uint8Array(Math.ceil(pixels / 8));
  for (let i = 0; i < pixels; i++) {
    if ((data[(first + i) >> 3]! >> ((first + i) & 7)) & 1) out[i >> 3]! |= 1 << (i & 7);
  }
  return out;
}

/**
 * Compressed frames, by an offset table or by where frames begin.
 *
 * @throws DataError where the fragments do not end, or are not as many frames as the file says
 */
export function compressedFrames(set: DataSet, image: DicomImage, pixels: Element, compression: Compression): Frames {
  if (pixels.length !== undefined) throw damaged("its pixels are not compressed, though it says that they are");
  const [table, ...fragments] = fragmentsOf(set.bytes, pixels.offset);
  if (!table || fragments.length === 0) throw damaged("it is truncated: it has no frame");
  const { frames } = image;
  const starts = byTable(set, fragments, table.bytes, frames) ?? byContent(fragments, frames, compression);
  return (frame) => joined(fragments.slice(starts[frame], starts[frame + 1] ?? fragments.length));
}

/** All items up to the delimiter, the offset table first. */
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

/** The first fragment of each frame by the basic or the extended offset table; undefined without one. @throws DataError */
function byTable(set: DataSet, fragments: Fragment[], basic: Uint8Array, frames: number): number[] | undefined {
  const view = new DataView(basic.buffer, basic.byteOffset, basic.byteLength);
  const extended = set.numbers(EXTENDED_OFFSETS, "OV");
  const offsets =
    extended.length > 0
      ? extended
      : Array.from({ length: Math.floor(basic.length / 4) }, (_, i) => view.getUint32(4 * i, true));
  if (offsets.length === 0) return undefined;
  // Some writers leave zeros, or leave the table of a single frame wrong: its fragments are the frame in any case.
  if (frames === 1 && offsets.length === 1) return [0];
  const index = new Map(fragments.map(({ at }, i) => [at, i]));
  const starts = offsets.map((offset) => index.get(offset) ?? -1);
  const rising = starts.every((start, i) => start === 0 || (i > 0 && start > starts[i - 1]!));
  if (starts.length !== frames) {
    if (offsets.every((offset) => offset === 0)) return undefined;
    throw damaged(`its offset table is of ${starts.length} frames, but it says that it has ${frames}`);
  }
  return rising ? starts : undefined;
}

/** The first fragment of each frame by what fragments begin with. @throws DataError */
function byContent(fragments: Fragment[], frames: number, compression: Compression): number[] {
  if (frames === 1) return [0];
  const all = fragments.map((_, i) => i);
  if (fragments.length === frames) return all;
  // A frame of RLE has one fragment, PS3.5 A.4.2. The others begin with SOI, SOC or the box of a JP2 file.
  const starts = compression === "rle" ? all : all.filter((i) => begins(fragments[i]!.bytes));
  if (starts.length === frames && starts[0] === 0) return starts;
  const truncated = starts.length < frames ? "it is truncated: " : "";
  throw damaged(`${truncated}it has ${starts.length} frames of pixels instead of ${frames}`);
}

const begins = (bytes: Uint8Array) =>
  (bytes[0] === 0xff && (bytes[1] === 0xd8 || (bytes[1] === 0x4f && bytes[2] === 0xff && bytes[3] === 0x51))) ||
  (bytes[0] === 0 && bytes[3] === 12 && bytes[4] === 0x6a && bytes[5] === 0x50);

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
