/** Decoder for RLE Lossless, PS3.5 annex G. */
import { damaged } from "./elements.ts";

const truncated = () => damaged("it is truncated: an RLE frame has fewer pixels than it says");

/**
 * Decodes one RLE frame. Each sample has a segment for each of its bytes, the most significant first.
 *
 * @param pixels number of pixels in the frame
 * @param bytes bytes per sample
 * @returns planar samples, little endian
 * @throws DataError for a segment with fewer pixels than the frame
 */
export function decodeRle(frame: Uint8Array, pixels: number, samples: number, bytes: number): Uint8Array {
  if (frame.length < 64) throw truncated();
  const header = new DataView(frame.buffer, frame.byteOffset, 64);
  const segments = header.getUint32(0, true);
  if (segments !== samples * bytes) {
    throw damaged(`an RLE frame has ${segments} segments instead of ${samples * bytes}`);
  }
  const out = new Uint8Array(pixels * samples * bytes);
  for (let i = 0; i < segments; i++) {
    const from = header.getUint32(4 + 4 * i, true);
    const to = i + 1 < segments ? header.getUint32(8 + 4 * i, true) : frame.length;
    if (from < 64 || to < from || to > frame.length) throw truncated();
    const sample = Math.floor(i / bytes);
    const byte = bytes - 1 - (i % bytes);
    unpack(frame, from, to, out, sample * pixels * bytes + byte, bytes, pixels);
  }
  return out;
}

/** Unpacks one PackBits segment into every `step`-th byte from `at` on. */
function unpack(
  frame: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
  step: number,
  pixels: number,
): void {
  const end = at + pixels * step;
  let read = from;
  while (at < end) {
    if (read >= to) throw truncated();
    const code = frame[read++]!;
    if (code === 128) continue;
    const literal = code < 128;
    const count = literal ? code + 1 : 257 - code;
    if (read + (literal ? count : 1) > to) throw truncated();
    // Some writers let a run extend into padding.
    const stop = Math.min(end, at + count * step);
    if (literal) {
      for (let i = read; at < stop; at += step) out[at] = frame[i++]!;
      read += count;
    } else {
      const value = frame[read++]!;
      for (; at < stop; at += step) out[at] = value;
    }
  }
}
