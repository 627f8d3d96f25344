/** The blocks of a GIF file: whether it is complete, since decoders silently fill in what is missing, and how many frames it has. */

const [EXTENSION, IMAGE, TRAILER] = [0x21, 0x2c, 0x3b];

/** Bytes of a colour table, from the flags that announce it. */
const tableBytes = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

export interface GifLayout {
  width: number;
  height: number;
  frames: number;
  /** Whether all frames lie within the picture. */
  fits: boolean;
  /** Whether the blocks run up to the trailer (GIF89a, section 27), without which the file is truncated. */
  whole: boolean;
}

export function gifLayout(bytes: Uint8Array): GifLayout {
  const word = (at: number) => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  const found = { width: word(6), height: word(8), frames: 0, fits: true, whole: false };
  let at = 13 + tableBytes(bytes[10] ?? 0);
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === TRAILER) return { ...found, whole: true };
    if (kind === EXTENSION) at += 2;
    else if (kind === IMAGE) {
      found.frames++;
      found.fits &&= word(at + 1) + word(at + 5) <= found.width && word(at + 3) + word(at + 7) <= found.height;
      at += 11 + tableBytes(bytes[at + 9] ?? 0);
    }
    // Some programs write padding between blocks.
    else if (kind === 0) {
      at++;
      continue;
    } else return found;
    // Length-prefixed sub-blocks, up to an empty one.
    while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1;
    at++;
  }
  return found;
}
