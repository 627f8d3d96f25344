/** Undoes the lossless compressions of TIFF files, no further than the pixels need (TIFF 6.0, sections 9 and 13). */
import { reasonOf } from "../sample.ts";
import { inflateUpTo } from "./inflate.ts";
import { badTiff, COMPRESSION, unreadTiff } from "./tiff-image.ts";

/** @returns `needed` bytes. @throws DataError if there are fewer, or for another compression */
export function decompressed(bytes: Uint8Array, compression: number, needed: number): Uint8Array {
  switch (compression) {
    case COMPRESSION.none:
      if (bytes.length < needed) throw cut();
      return bytes.subarray(0, needed);
    case COMPRESSION.packBits:
      return packBits(bytes, needed);
    case COMPRESSION.lzw:
      return lzw(bytes, needed);
    case COMPRESSION.deflate:
    case COMPRESSION.oldDeflate:
      return inflated(bytes, needed);
    default:
      throw unreadTiff(`of compression ${compression}`);
  }
}

const cut = () => badTiff("its pixels are cut off");

function packBits(bytes: Uint8Array, needed: number): Uint8Array {
  const out = new Uint8Array(needed);
  for (let at = 0, to = 0; to < needed;) {
    const head = bytes[at++];
    if (head === undefined) throw cut();
    if (head === 128) continue;
    const count = head < 128 ? head + 1 : 257 - head;
    if (at + (head < 128 ? count : 1) > bytes.length) throw cut();
    if (head < 128) out.set(bytes.subarray(at, at + Math.min(count, needed - to)), to);
    else out.fill(bytes[at]!, to, to + count);
    at += head < 128 ? count : 1;
    to += count;
  }
  return out;
}

const [CLEAR, END, FIRST, MOST_CODES] = [256, 257, 258, 4096];

function lzw(bytes: Uint8Array, needed: number): Uint8Array {
  const out = new Uint8Array(needed);
  // Each code is a stretch of what came before: where in `out` it began, and its length.
  const [begins, lengths] = [new Uint32Array(MOST_CODES), new Uint16Array(MOST_CODES)];
  let [held, count, at, to] = [0, 0, 0, 0];
  let [next, width] = [FIRST, 9];
  let before: { begin: number; length: number } | undefined;
  while (to < needed) {
    while (count < width) {
      if (at >= bytes.length) throw cut();
      held = ((held & 0xffff) << 8) | bytes[at++]!;
      count += 8;
    }
    count -= width;
    const code = (held >>> count) & (2 ** width - 1);
    if (code === END) throw cut();
    if (code === CLEAR) {
      [next, width, before] = [FIRST, 9, undefined];
      continue;
    }
    const begin = to;
    if (code < CLEAR) out[to++] = code;
    else {
      // The code being made now is the one before and its own first byte, which follows it in `out`.
      const known =
        code < next ? { begin: begins[code]!, length: lengths[code]! } : code === next ? grown(before) : undefined;
      if (!known || known.length === 0) throw badTiff("it is damaged in its pixels");
      for (let i = 0; i < known.length && to < needed; i++) out[to++] = out[known.begin + i]!;
    }
    if (before && next < MOST_CODES) {
      begins[next] = before.begin;
      lengths[next] = before.length + 1;
      next++;
    }
    before = { begin, length: to - begin };
    // Codes grow one early.
    width = next >= 2047 ? 12 : next >= 1023 ? 11 : next >= 511 ? 10 : 9;
  }
  return out;
}

const grown = (before: { begin: number; length: number } | undefined) =>
  before && { begin: before.begin, length: before.length + 1 };

function inflated(bytes: Uint8Array, needed: number): Uint8Array {
  let out;
  try {
    out = inflateUpTo([bytes], needed);
  } catch (error) {
    throw badTiff(`it is damaged in its pixels (${reasonOf(error)})`);
  }
  if (out.length < needed) throw cut();
  return out;
}
