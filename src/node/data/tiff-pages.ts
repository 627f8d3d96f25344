/** How many pages a TIFF file has, from its chain of directories alone: the library reads each of them, which takes long. */

/** Where the first directory's address stands, and how long addresses, counts and entries are. */
const CLASSIC = { first: 4, address: 4, count: 2, entry: 12 };
const BIG = { first: 8, address: 8, count: 8, entry: 20 };

/** @returns the number of pages, or the first one above `most`; undefined for what is no TIFF file or is cut off */
export function countTiffPages(bytes: Uint8Array, most: number): number | undefined {
  if (bytes.length < 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  const version = view.getUint16(2, little);
  if (version !== 42 && version !== 43) return undefined;
  const { first, address, count, entry } = version === 42 ? CLASSIC : BIG;
  const read = (at: number, length: number): number =>
    length === 2
      ? view.getUint16(at, little)
      : length === 4
        ? view.getUint32(at, little)
        : Number(view.getBigUint64(at, little));
  let pages = 0;
  try {
    // A chain that leads back into itself is long, too.
    for (let at = read(first, address); at !== 0 && pages <= most; pages++) {
      at = read(at + count + entry * read(at, count), address);
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return pages;
}
