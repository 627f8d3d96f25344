/** What the tags of a TIFF page say that the library which reads its pixels does not heed. TIFF 6.0 section 2; BigTIFF. */

export interface TiffPage {
  /** PhotometricInterpretation 0, WhiteIsZero. */
  whiteIsZero: boolean;
  /** SampleFormat 3. */
  float: boolean;
  /** Bits of a sample. */
  bits: number;
}

const [BITS, PHOTOMETRIC, SAMPLE_FORMAT] = [258, 262, 339];

/**
 * @param page from 1
 * @returns undefined for what is no TIFF file, or damaged: the library tells
 */
export function tiffPage(bytes: Uint8Array, page: number): TiffPage | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return readPage(view, page);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws RangeError beyond the end of the file */
function readPage(view: DataView, page: number): TiffPage | undefined {
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  const version = view.getUint16(2, little);
  if (version !== 42 && version !== 43) return undefined;
  const big = version === 43;
  const long = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const count = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint16(at, little));
  const [head, entry, inline] = big ? [8, 20, 12] : [2, 12, 8];
  let at = long(big ? 8 : 4);
  for (let i = 1; i < page; i++) at = long(at + head + entry * count(at));
  const found = new Map<number, number>();
  for (let i = 0; i < count(at); i++) {
    const from = at + head + entry * i;
    const [tag, size] = [view.getUint16(from, little), 2 * long(from + 4)];
    if (tag !== BITS && tag !== PHOTOMETRIC && tag !== SAMPLE_FORMAT) continue;
    // Numbers of 16 bits, the first of which counts; more than fit into the entry lie elsewhere.
    const value = from + inline;
    found.set(tag, view.getUint16(size <= (big ? 8 : 4) ? value : long(value), little));
  }
  const [bits = 1, photometric, format] = [BITS, PHOTOMETRIC, SAMPLE_FORMAT].map((tag) => found.get(tag));
  return { whiteIsZero: photometric === 0, float: format === 3, bits };
}
