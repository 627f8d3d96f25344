/** DICOM files for tests, written element by element: what no library would write, and files of odd structure. */
import { joined as joinedBytes } from "../../../src/data/bytes.ts";

export type Value = string | number[] | Uint8Array | Elements[];
/** Tag, value representation, value. Numbers become what the representation says; lists of elements a sequence. */
export type Elements = [tag: number, vr: string, value: Value][];

const LONG = new Set(["OB", "OW", "OV", "OF", "SQ", "UN", "UT"]);

function valueOf(vr: string, value: Value): Uint8Array {
  if (value instanceof Uint8Array) return padded(value, 0);
  if (typeof value === "string") {
    return padded(
      Uint8Array.from(value, (c) => c.charCodeAt(0)),
      vr === "UI" ? 0 : 32,
    );
  }
  if (vr === "SQ") return joined(...(value as Elements[]).map((item) => itemOf(elements(item))));
  const numbers = value as number[];
  const size = { US: 2, SS: 2, OW: 2, UL: 4, OV: 8 }[vr]!;
  const view = new DataView(new ArrayBuffer(size * numbers.length));
  numbers.forEach((number, i) => {
    if (size === 2) view.setUint16(2 * i, number & 0xffff, true);
    else if (size === 4) view.setUint32(4 * i, number, true);
    else view.setBigUint64(8 * i, BigInt(number), true);
  });
  return new Uint8Array(view.buffer);
}

const padded = (bytes: Uint8Array, by: number) => (bytes.length % 2 ? joined(bytes, Uint8Array.of(by)) : bytes);

export const joined = (...parts: Uint8Array[]): Uint8Array => joinedBytes(parts);

const tagOf = (tag: number) => {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, tag >>> 16, true);
  view.setUint16(2, tag & 0xffff, true);
  return new Uint8Array(view.buffer);
};

const uint32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);

/** An item of a sequence, or a fragment. */
export const itemOf = (bytes: Uint8Array) => joined(tagOf(0xfffee000), uint32(bytes.length), bytes);

/** Elements of explicit representation, or implicit, little endian, in the order of their tags. */
export function elements(list: Elements, explicit = true): Uint8Array {
  const sorted = [...list].sort(([a], [b]) => a - b);
  return joined(
    ...sorted.map(([tag, vr, value]) => {
      const bytes = valueOf(vr, value);
      if (!explicit) return joined(tagOf(tag), uint32(bytes.length), bytes);
      const letters = Uint8Array.from(vr, (c) => c.charCodeAt(0));
      if (LONG.has(vr)) return joined(tagOf(tag), letters, new Uint8Array(2), uint32(bytes.length), bytes);
      return joined(tagOf(tag), letters, Uint8Array.of(bytes.length & 255, bytes.length >> 8), bytes);
    }),
  );
}

/** Preamble and file meta information. */
export function meta(syntax: string): Uint8Array {
  const group = elements([[0x00020010, "UI", syntax]]);
  const prefix = new Uint8Array(132);
  prefix.set([68, 73, 67, 77], 128);
  return joined(prefix, elements([[0x00020000, "UL", [group.length]]]), group);
}

/** Pixels of undefined length: an offset table and fragments. */
export function encapsulated(table: Uint8Array, ...fragments: Uint8Array[]): Uint8Array {
  const head = joined(tagOf(0x7fe00010), Uint8Array.of(79, 66, 0, 0), uint32(0xffffffff));
  return joined(head, itemOf(table), ...fragments.map((f) => itemOf(padded(f, 0))), tagOf(0xfffee0dd), uint32(0));
}

/** What says how the pixels lie: 8-bit grey unless `more` says otherwise. */
export function image(rows: number, columns: number, more: Elements = []): Elements {
  const given = new Set(more.map(([tag]) => tag));
  const plain: Elements = [
    [0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.3.1"],
    [0x00280002, "US", [1]],
    [0x00280004, "CS", "MONOCHROME2"],
    [0x00280010, "US", [rows]],
    [0x00280011, "US", [columns]],
    [0x00280100, "US", [8]],
    [0x00280101, "US", [8]],
    [0x00280102, "US", [7]],
    [0x00280103, "US", [0]],
  ];
  return [...plain.filter(([tag]) => !given.has(tag)), ...more];
}

export const EXPLICIT = "1.2.840.10008.1.2.1";
export const DEFLATED = "1.2.840.10008.1.2.1.99";
export const RLE = "1.2.840.10008.1.2.5";

/** A native file of explicit little endian. */
export const native = (rows: number, columns: number, pixels: Uint8Array, more: Elements = []) =>
  joined(meta(EXPLICIT), elements([...image(rows, columns, more), [0x7fe00010, "OW", pixels]]));
