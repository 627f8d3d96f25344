/** Reads fields of a TIFF file's directories (TIFF 6.0 section 2; BigTIFF), which decoders ignore or are slow to find. */
import { DataError } from "../sample.ts";

export interface TiffPage {
  /** PhotometricInterpretation 0, WhiteIsZero. */
  whiteIsZero: boolean;
  /** SampleFormat 3. */
  float: boolean;
  /** Bits per sample. */
  bits: number;
}

const [BITS, PHOTOMETRIC, SAMPLE_FORMAT] = [258, 262, 339];

/** The type of 32-bit numbers; those that are asked for here have 16 or 32. */
const LONG = 4;

/** Size and reader of the types of whole numbers: bytes, 16, 32 and 64 bits. */
const WHOLE_NUMBERS: Partial<
  Record<number, [size: number, read: (view: DataView, at: number, little: boolean) => number]>
> = {
  1: [1, (view, at) => view.getUint8(at)],
  3: [2, (view, at, little) => view.getUint16(at, little)],
  [LONG]: [4, (view, at, little) => view.getUint32(at, little)],
  7: [1, (view, at) => view.getUint8(at)],
  16: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
};

/** The directories of a file: a chain, one per page. */
interface Directories {
  first: number;
  /** Address of the directory that follows the one at `at`; 0 after the last. */
  after: (at: number) => number;
  /** All whole numbers of each tag. */
  fields: (at: number) => Map<number, number[]>;
  /** The first number of each requested tag of 16-bit or 32-bit numbers. */
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

/** Floats other than 32-bit decode to garbage or fail with a meaningless error. @throws DataError */
export function requireKnownFloats(bytes: Uint8Array, page = 1): void {
  const found = tiffPage(bytes, page);
  if (!found?.float || found.bits === 32) return;
  throw new DataError(
    `is not a readable image: its levels are floats of ${found.bits} bits; save it with 32 or 8 bits`,
  );
}

/**
 * The numbers of tags of 16 or 32 bits, the first number of each, page by page.
 *
 * @param most pages read at most
 * @returns undefined if it is not a TIFF file, or damaged
 */
export const tiffTags = (
  bytes: Uint8Array,
  wanted: readonly number[],
  most: number,
): Map<number, number>[] | undefined =>
  within(bytes, ({ first, after, tags }) => {
    const pages: Map<number, number>[] = [];
    for (let at = first; at !== 0 && pages.length < most; at = after(at)) pages.push(tags(at, wanted));
    return pages;
  });

/** All whole numbers of a page's directory, by tag; undefined if the file is no TIFF file, or damaged. */
export const tiffFields = (bytes: Uint8Array, page: number): Map<number, number[]> | undefined =>
  within(bytes, ({ first, after, fields }) => {
    let at = first;
    for (let i = 1; i < page; i++) at = after(at);
    return fields(at);
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
    fields: (at) => {
      const found = new Map<number, number[]>();
      for (let i = 0; i < count(at); i++) {
        const from = at + head + entry * i;
        const [size, read] = WHOLE_NUMBERS[view.getUint16(from + 2, little)] ?? [0, undefined];
        const length = long(from + 4);
        if (!read || size * length > view.byteLength) continue;
        const place = size * length <= room ? from + value : long(from + value);
        found.set(
          view.getUint16(from, little),
          Array.from({ length }, (_, n) => read(view, place + size * n, little)),
        );
      }
      return found;
    },
    tags: (at, wanted) => {
      const found = new Map<number, number>();
      for (let i = 0; i < count(at); i++) {
        const from = at + head + entry * i;
        const tag = view.getUint16(from, little);
        if (!wanted.includes(tag)) continue;
        // Values that do not fit into the entry are stored elsewhere.
        const wide = view.getUint16(from + 2, little) === LONG;
        const inside = (wide ? 4 : 2) * long(from + 4) <= room;
        const place = inside ? from + value : long(from + value);
        found.set(tag, wide ? view.getUint32(place, little) : view.getUint16(place, little));
      }
      return found;
    },
  };
}
