/** Reads TIFF directory fields that sharp ignores or is slow to find (TIFF 6.0 section 2; BigTIFF). */

export interface TiffPage {
  /** PhotometricInterpretation 0, WhiteIsZero. */
  whiteIsZero: boolean;
  /** SampleFormat 3. */
  float: boolean;
  /** Bits per sample. */
  bits: number;
}

const [BITS, PHOTOMETRIC, SAMPLE_FORMAT] = [258, 262, 339];

/** The directories of a file: a chain, one per page. */
interface Directories {
  first: number;
  /** Address of the directory that follows the one at `at`; 0 after the last. */
  after: (at: number) => number;
  /** The first number of each requested tag of 16-bit numbers. */
  tags: (at: number, wanted: readonly number[]) => Map<number, number>;
}

/**
 * @param page from 1
 * @returns undefined if it is not a TIFF file, or damaged: the library reports that
 */
export const tiffPage = (bytes: Uint8Array, page: number): TiffPage | undefined =>
  within(bytes, ({ first, after, tags }) => {
    let at = first;
    for (let i = 1; i < page; i++) at = after(at);
    const wanted = [BITS, PHOTOMETRIC, SAMPLE_FORMAT];
    const found = tags(at, wanted);
    const [bits = 1, photometric, format] = wanted.map((tag) => found.get(tag));
    return { whiteIsZero: photometric === 0, float: format === 3, bits };
  });

/**
 * Counts a file's pages. The library would read each of them, which is slow.
 * @returns the number of pages, at most `most` + 1; undefined if it is not a TIFF file or is truncated
 */
export const countTiffPages = (bytes: Uint8Array, most: number): number | undefined =>
  within(bytes, ({ first, after }) => {
    let pages = 0;
    // A cyclic chain stops here too.
    for (let at = first; at !== 0 && pages <= most; at = after(at)) pages++;
    return pages;
  });

/** The result of `use` on the directories; undefined if it is not a TIFF file, or points beyond its end. */
function within<T>(bytes: Uint8Array, use: (directories: Directories) => T): T | undefined {
  try {
    const directories = open(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return directories && use(directories);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws RangeError beyond the end of the file, as do the functions it returns */
function open(view: DataView): Directories | undefined {
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  const version = view.getUint16(2, little);
  if (version !== 42 && version !== 43) return undefined;
  const big = version === 43;
  const long = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const count = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint16(at, little));
  const [head, entry, value, room] = big ? [8, 20, 12, 8] : [2, 12, 8, 4];
  return {
    first: long(big ? 8 : 4),
    after: (at) => long(at + head + entry * count(at)),
    tags: (at, wanted) => {
      const found = new Map<number, number>();
      for (let i = 0; i < count(at); i++) {
        const from = at + head + entry * i;
        const tag = view.getUint16(from, little);
        if (!wanted.includes(tag)) continue;
        // Values that do not fit into the entry are stored elsewhere.
        const inside = 2 * long(from + 4) <= room;
        found.set(tag, view.getUint16(inside ? from + value : long(from + value), little));
      }
      return found;
    },
  };
}
