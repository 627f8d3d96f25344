/** Inflates zlib streams no further than needed, so that a small file cannot claim memory. */
import { Unzlib } from "fflate";

/** Deflated bytes per step. Deflate expands a byte to at most 1,032, so a step to 16 MB. */
const STEP = 2 ** 14;

/**
 * @param parts of one stream
 * @returns the first `most` bytes, or all if there are fewer
 * @throws Error of the library for a damaged stream
 */
export function inflateUpTo(parts: readonly Uint8Array[], most: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(most);
  let length = 0;
  const inflate = new Unzlib((chunk) => {
    out.set(chunk.subarray(0, most - length), length);
    length = Math.min(most, length + chunk.length);
  });
  for (const [i, part] of parts.entries()) {
    for (let at = 0; at < part.length && length < most; at += STEP) {
      inflate.push(part.subarray(at, at + STEP), i === parts.length - 1 && at + STEP >= part.length);
    }
  }
  return out.subarray(0, length);
}
