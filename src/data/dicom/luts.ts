/** Look-up tables: Modality and VOI LUTs (PS3.3 C.11.1 and C.11.2), palettes (C.7.6.3.1.5 and .6, C.7.9.2). */
import { bitsInUse } from "../depth.ts";
import { damaged, type DataSet, name } from "./elements.ts";
import { rangeOf } from "./samples.ts";

export interface Lut {
  /** The stored value that maps to the first entry. Values outside the table are clamped to its first or last entry. */
  first: number;
  entries: Uint16Array;
  /** Declared bits per entry. */
  bits: number;
}

export const lookUp = ({ first, entries }: Lut, value: number): number =>
  entries[Math.min(entries.length - 1, Math.max(0, value - first))]!;

/** Reads LUT Descriptor and LUT Data. @throws DataError */
export function lutOf(item: DataSet, signed: boolean): Lut {
  const { count, first, bits } = descriptor(item, 0x00283002, signed);
  return { first, entries: entriesOf(item, 0x00283006, count), bits };
}

/**
 * The table's greatest output, 2^bits - 1. Tables often declare 16 bits when fewer are in use, or 8 when more are.
 *
 * @throws DataError if it is ambiguous
 */
export function whiteOf({ entries, bits }: Lut): number {
  const { greatest } = rangeOf(entries);
  const stated = bits >= 8 && bits <= 16 && greatest < 2 ** bits ? bits : 16;
  const used = bitsInUse(greatest, stated);
  if (used !== undefined) return 2 ** used - 1;
  throw damaged(`a look-up table of ${stated} bits has no entry above ${greatest}: its white level is ambiguous`);
}

/** The first mapped value is signed if its VR says so, or else if the values it is compared with are. */
function descriptor(item: DataSet, tag: number, signed: boolean): { count: number; first: number; bits: number } {
  const raw = item.raw(tag);
  if (!raw || raw.length < 6) throw damaged(`the look-up table ${name(tag)} is damaged`);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const little = item.encoding.littleEndian;
  const vr = item.elements.get(tag)?.vr;
  const first = vr === "SS" || (vr !== "US" && signed) ? view.getInt16(2, little) : view.getUint16(2, little);
  return { count: view.getUint16(0, little) || 65536, first, bits: view.getUint16(4, little) };
}

/** Some writers pack 8-bit entries, others store each in a word of its own. @throws DataError */
function entriesOf(item: DataSet, tag: number, count: number): Uint16Array {
  const raw = item.raw(tag) ?? new Uint8Array(0);
  const little = item.encoding.littleEndian;
  if (raw.length >= 2 * count) return Uint16Array.from(words(raw, little).subarray(0, count));
  if (raw.length < count) throw damaged(`the look-up table ${name(tag)} has fewer entries than it says`);
  // Packed in words: the first entry is the low byte.
  const swapped = !little && item.elements.get(tag)?.vr === "OW";
  return Uint16Array.from({ length: count }, (_, i) => raw[swapped ? i ^ 1 : i]!);
}

function words(raw: Uint8Array, littleEndian: boolean): Uint16Array {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Uint16Array.from({ length: raw.length >> 1 }, (_, i) => view.getUint16(2 * i, littleEndian));
}

/** 8-bit red, green and blue for each stored value. */
export interface Palette {
  first: number;
  colours: [Uint8Array, Uint8Array, Uint8Array];
}

const DESCRIPTORS = [0x00281101, 0x00281102, 0x00281103];

/** @throws DataError */
export function paletteOf(set: DataSet, signed: boolean): Palette {
  const stated = DESCRIPTORS.map((tag) => descriptor(set, tag, signed));
  const tables = stated.map(({ count }, i) => {
    const [plain, segmented] = [DESCRIPTORS[i]! + 0x100, DESCRIPTORS[i]! + 0x120];
    return set.has(plain) ? entriesOf(set, plain, count) : segments(set, segmented, count, stated[i]!.bits);
  });
  const { first, bits } = stated[0]!;
  if (stated.some((other) => other.first !== first || other.bits !== bits)) {
    throw damaged("the tables of its palette do not belong together");
  }
  // A palette may be dark as a whole, so only its declared bits count, or 8 bits stored in words.
  const greatest = Math.max(...tables.map((entries) => rangeOf(entries).greatest));
  const white = greatest < 256 ? 255 : bits > 8 && bits < 16 && greatest < 2 ** bits ? 2 ** bits - 1 : 65535;
  const [red, green, blue] = tables.map((entries) =>
    Uint8Array.from(entries, (entry) => Math.round((entry * 255) / white)),
  );
  return { first, colours: [red!, green!, blue!] };
}

/** Segmented palettes, PS3.3 C.7.9.2: discrete, linear and indirect segments. @throws DataError */
function segments(set: DataSet, tag: number, count: number, bits: number): Uint16Array {
  const raw = set.raw(tag);
  if (!raw) throw damaged("it has no palette");
  const data = bits === 8 ? Uint16Array.from(raw) : words(raw, set.encoding.littleEndian);
  const out = new Uint16Array(count);
  let length = 0;
  const add = (value: number) => {
    if (length < count) out[length++] = value;
  };
  const segment = (at: number, nested: boolean): number => {
    const [opcode, size] = [data[at]!, data[at + 1]!];
    if (opcode === 0) {
      for (let i = 0; i < size; i++) add(data[at + 2 + i]!);
      return at + 2 + size;
    }
    if (opcode === 1 && length > 0) {
      const [from, to] = [out[length - 1]!, data[at + 2]!];
      for (let i = 1; i <= size; i++) add(Math.round(from + ((to - from) * i) / size));
      return at + 3;
    }
    if (opcode === 2 && !nested) {
      const offset = bits === 8 ? byteOffset(data, at + 2) : (data[at + 2]! | (data[at + 3]! << 16)) / 2;
      let next = offset;
      for (let i = 0; i < size && next < data.length; i++) next = segment(next, true);
      return bits === 8 ? at + 6 : at + 4;
    }
    throw damaged("its segmented palette is damaged");
  };
  for (let at = 0; at + 2 < data.length && length < count;) at = segment(at, false);
  if (length < count) throw damaged("its segmented palette has fewer entries than it says");
  return out;
}

const byteOffset = (data: Uint16Array, at: number) =>
  data[at]! + 2 ** 8 * data[at + 1]! + 2 ** 16 * data[at + 2]! + 2 ** 24 * data[at + 3]!;
