/** Checks that a GIF file is complete: the library that decodes it silently fills in what is missing. */

const [EXTENSION, IMAGE, TRAILER] = [0x21, 0x2c, 0x3b];

/** Bytes of a colour table, from the flags that announce it. */
const tableBytes = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** Whether its blocks run up to the trailer (GIF89a, section 27), without which the file is truncated. */
export function isWholeGif(bytes: Uint8Array): boolean {
  let at = 13 + tableBytes(bytes[10] ?? 0);
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === TRAILER) return true;
    if (kind === EXTENSION) at += 2;
    else if (kind === IMAGE) at += 11 + tableBytes(bytes[at + 9] ?? 0);
    // Some programs write padding between blocks.
    else if (kind === 0) {
      at++;
      continue;
    } else return false;
    // Length-prefixed sub-blocks, up to an empty one.
    while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1;
    at++;
  }
  return false;
}
