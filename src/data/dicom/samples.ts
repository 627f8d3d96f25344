/** Extracts stored values from the words of a frame (PS3.5 section 8.1.1), masked and shifted to the bits in use. */
import type { DicomImage } from "./image.ts";

export interface Words {
  /** Consecutive words of `bitsAllocated` bits each. */
  bytes: Uint8Array;
  littleEndian: boolean;
  /** Whether each pair of bytes is swapped: big-endian OW of 8 bits or fewer. */
  swapped: boolean;
}

/** Stored values, without the bits above and below (once used for overlays). */
export type Stored = Uint8Array | Int32Array | Float64Array;

export function storedValues({ bytes, littleEndian, swapped }: Words, image: DicomImage, count: number): Stored {
  const { bitsAllocated, bitsStored, highBit, signed } = image;
  const data = swapped ? swapPairs(bytes) : bytes;
  if (bitsAllocated === 8 && bitsStored === 8 && !signed) return data.subarray(0, count);
  const shift = highBit + 1 - bitsStored;
  const [mask, sign] = [2 ** bitsStored - 1, signed ? 2 ** (bitsStored - 1) : Infinity];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (bitsAllocated === 32) {
    const out = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const value = ((view.getUint32(4 * i, littleEndian) >>> shift) & mask) >>> 0;
      out[i] = value >= sign ? value - 2 * sign : value;
    }
    return out;
  }
  const out = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const word =
      bitsAllocated === 16
        ? view.getUint16(2 * i, littleEndian)
        : bitsAllocated === 8
          ? data[i]!
          : (data[i >> 3]! >> (i & 7)) & 1;
    const value = (word >> shift) & mask;
    out[i] = value >= sign ? value - 2 * sign : value;
  }
  return out;
}

function swapPairs(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < out.length; i++) out[i] = bytes[i ^ 1] ?? bytes[i]!;
  return out;
}

export interface Extent {
  least: number;
  greatest: number;
}

/** The minimum and maximum of some values. */
export function rangeOf(values: ArrayLike<number>): Extent {
  let [least, greatest] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return { least, greatest };
}
