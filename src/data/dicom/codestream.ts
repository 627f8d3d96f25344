/** Parses the header of a JPEG, JPEG-LS or JPEG 2000 frame before a decoder allocates memory for it. */
import { damaged } from "./elements.ts";
import type { Compression } from "./syntaxes.ts";

export interface Codestream {
  width: number;
  height: number;
  components: number;
  /** Bits per sample. */
  precision: number;
  signed: boolean;
  /** Whether decoded components are planar: non-interleaved JPEG-LS. */
  planar: boolean;
  /** JPEG: whether colours are YCbCr, undefined if not stated. JPEG 2000: whether the decoder converts them to RGB. */
  transformed: boolean | undefined;
}

/** @throws DataError for a frame of another family, or without an end marker */
export function codestreamOf(frame: Uint8Array, compression: Compression): Codestream {
  if (compression === "jpeg" || compression === "jpeg-ls") return jpeg(frame, compression);
  return jpeg2000(frame);
}

const broken = () => damaged("it is cut off or damaged in its pixels");

/** Frame types that the decoders support: baseline, extended, progressive and lossless, all Huffman-coded. */
const JPEG_FRAMES = [0xc0, 0xc1, 0xc2, 0xc3];
const JPEG_LS_FRAME = 0xf7;

/** ITU-T T.81 annex B. */
function jpeg(frame: Uint8Array, compression: "jpeg" | "jpeg-ls"): Codestream {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame[0] !== 0xff || frame[1] !== 0xd8) throw broken();
  let found: Codestream | undefined;
  let [jfif, adobe]: [boolean, number | undefined] = [false, undefined];
  let [ids, lossless, halved] = ["", false, false];
  let at = 2;
  while (at + 4 <= frame.length) {
    if (frame[at] !== 0xff) throw broken();
    const marker = frame[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = view.getUint16(at + 2);
    const [body, end] = [at + 4, at + 2 + length];
    if (length < 2 || end > frame.length) throw broken();
    if (marker === 0xe0 && length >= 7) jfif = text(frame, body, 4) === "JFIF";
    if (marker === 0xee && length >= 14 && text(frame, body, 5) === "Adobe") adobe = frame[body + 11]!;
    const frames = compression === "jpeg" ? JPEG_FRAMES : [JPEG_LS_FRAME];
    if (isFrame(marker)) {
      if (!frames.includes(marker)) throw damaged(`its pixels are JPEG process ${(marker & 15) + 1}: not supported`);
      if (length < 8) throw broken();
      const components = frame[body + 5]!;
      if (length < 8 + 3 * components) throw broken();
      for (let i = 0; i < components; i++) {
        ids += String.fromCharCode(frame[body + 6 + 3 * i]!);
        halved ||= frame[body + 7 + 3 * i] !== frame[body + 7];
      }
      lossless = marker === 0xc3;
      found = {
        precision: frame[body]!,
        height: view.getUint16(body + 1),
        width: view.getUint16(body + 3),
        components,
        signed: false,
        planar: false,
        transformed: undefined,
      };
    }
    if (marker === 0xda) {
      if (!found || !hasEnd(frame, end)) throw broken();
      if (scansFrom(frame, at) > MAX_SCANS) throw damaged(`a frame has more than ${MAX_SCANS} scans`);
      // NEAR and the interleave mode follow the scan's components (ITU-T T.87 C.2.3).
      if (compression === "jpeg-ls") found.planar = frame[body + 2 + 2 * frame[body]!] === 0;
      if (compression === "jpeg" && !lossless) found.transformed = isYcbcr(adobe, jfif || halved, ids);
      return found;
    }
    at = end;
  }
  throw broken();
}

const isFrame = (marker: number) =>
  marker === JPEG_LS_FRAME || (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker));

const text = (bytes: Uint8Array, at: number, length: number) => String.fromCharCode(...bytes.subarray(at, at + length));

/** Adobe's marker states the colour space; JFIF or subsampling implies YCbCr; component ids may spell RGB. */
function isYcbcr(adobe: number | undefined, others: boolean, ids: string): boolean | undefined {
  if (adobe !== undefined) return adobe !== 0;
  if (others) return true;
  return ids === "RGB" ? false : undefined;
}

/** Each scan passes over the whole picture; progressive frames have about ten. */
const MAX_SCANS = 64;

function scansFrom(frame: Uint8Array, from: number): number {
  let scans = 0;
  for (let at = frame.indexOf(0xff, from); at >= 0; at = frame.indexOf(0xff, at + 1))
    if (frame[at + 1] === 0xda) scans++;
  return scans;
}

/** Whether there is an end marker, which cannot occur within coded pixels. */
function hasEnd(frame: Uint8Array, from: number): boolean {
  for (let at = frame.length - 2; at >= from; at--) if (frame[at] === 0xff && frame[at + 1] === 0xd9) return true;
  return false;
}

/** ISO/IEC 15444-1 annex A; a JP2 file wrapper (annex I) is skipped. */
function jpeg2000(frame: Uint8Array): Codestream {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let at = start(frame, view);
  if (at + 4 > frame.length || view.getUint32(at) !== 0xff4fff51) throw broken();
  at += 2;
  let found: Codestream | undefined;
  while (at + 4 <= frame.length) {
    const [marker, length] = [view.getUint16(at), view.getUint16(at + 2)];
    const body = at + 4;
    if (length < 2 || at + 2 + length > frame.length) throw broken();
    if (marker === 0xff51) {
      if (length < 41) throw broken();
      const size = (i: number) => view.getUint32(body + i);
      const precision = frame[body + 36]!;
      found = {
        width: size(2) - size(10),
        height: size(6) - size(14),
        components: view.getUint16(body + 34),
        precision: (precision & 127) + 1,
        signed: precision > 127,
        planar: false,
        transformed: false,
      };
    }
    if (marker === 0xff52 && found) found.transformed = frame[body + 4] === 1;
    if (marker === 0xff90) {
      if (!found || !hasEnd(frame, body)) throw broken();
      return found;
    }
    at += 2 + length;
  }
  throw broken();
}

/** Where the codestream begins: at the first byte, or in the "jp2c" box of a file. */
function start(frame: Uint8Array, view: DataView): number {
  if (frame[0] === 0xff) return 0;
  for (let at = 0; at + 8 <= frame.length;) {
    if (text(frame, at + 4, 4) === "jp2c") return at + (view.getUint32(at) === 1 ? 16 : 8);
    const length = view.getUint32(at);
    if (length < 8) break;
    at += length;
  }
  throw broken();
}
