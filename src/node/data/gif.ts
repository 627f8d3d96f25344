/** Whether a GIF file is whole: the library that decodes it fills up what is missing, and says nothing. */

const [EXTENSION, IMAGE, TRAILER] = [0x21, 0x2c, 0x3b];

/** Bytes of a table of colours, by the flags that announce it. */
const tableBytes = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** Whether its blocks follow each other up to the trailer (GIF89a, section 27), without which the file was cut off. */
export function isWholeGif(bytes: Uint8Array): boolean {
  let at = 13 + tableBytes(bytes[10] ?? 0);
  while (at < bytes.length) {
    const kind = bytes[at];
    if (kind === TRAILER) return true;
    if (kind === EXTENSION) at += 2;
    else if (kind === IMAGE) at += 11 + tableBytes(bytes[at + 9] ?? 0);
    // Padding between blocks, which some programs write.
    else if (kind === 0) {
      at++;
      continue;
    } else return false;
    // Sub-blocks with their lengths, up to an empty one.
    while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1;
    at++;
  }
  return false;
}
