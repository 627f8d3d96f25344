/**
 * Parser for DICOM data sets (PS3.5 section 7): elements by tag, sequences read on demand. Written here because the maintained
 * parsers on npm read pixels and values eagerly, or get the lengths of newer value representations (OV, UV, SV) wrong.
 */
import { DataError } from "../sample.ts";

/** How elements are encoded. */
export interface Encoding {
  explicit: boolean;
  littleEndian: boolean;
}

export interface Element {
  tag: number;
  /** Undefined for implicit VR. */
  vr: string | undefined;
  /** Where its value begins. */
  offset: number;
  /** Bytes of its value; undefined if a delimiter ends it. */
  length: number | undefined;
}

export const PIXEL_DATA = 0x7fe00010;
export const FLOAT_PIXEL_DATA = 0x7fe00008;
export const DOUBLE_PIXEL_DATA = 0x7fe00009;
export const ITEM = 0xfffee000;
const ITEM_END = 0xfffee00d;
export const SEQUENCE_END = 0xfffee0dd;
const UNDEFINED = 0xffffffff;
/** Deeper nesting is damage, and would exhaust the stack. */
const MAX_DEPTH = 24;

/** Value representations with a 16-bit length, PS3.5 table 7.1-2; all others have 32 bits. */
const SHORT = new Set("AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split(" "));

export const damaged = (reason: string) => new DataError(`is not a readable DICOM image: ${reason}`);

/** The elements of a data set or of an item. */
export class DataSet {
  readonly bytes: Uint8Array;
  readonly encoding: Encoding;
  readonly elements = new Map<number, Element>();
  readonly #view: DataView;
  readonly #items = new Map<number, DataSet[]>();

  constructor(bytes: Uint8Array, encoding: Encoding) {
    this.bytes = bytes;
    this.encoding = encoding;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  has(tag: number): boolean {
    return this.elements.has(tag);
  }

  /** The bytes of an element's value; undefined if there is none. */
  raw(tag: number): Uint8Array | undefined {
    const element = this.elements.get(tag);
    if (element?.length === undefined) return undefined;
    return this.bytes.subarray(element.offset, element.offset + element.length);
  }

  /** The values of a text element, without padding. */
  texts(tag: number): string[] {
    const raw = this.raw(tag);
    if (!raw || raw.length === 0) return [];
    let text = "";
    for (const byte of raw.subarray(0, 1024)) text += String.fromCharCode(byte);
    return text.split("\\").map((part) => part.replaceAll("\0", "").trim());
  }

  /** The first value of a text element; empty if there is none. */
  text(tag: number): string {
    return this.texts(tag)[0] ?? "";
  }

  /**
   * Numbers, binary or text: by the element's own value representation if it has one, else as `vr`. Empty values are NaN.
   *
   * @throws DataError for text that is not a number
   */
  numbers(tag: number, vr: string): number[] {
    const element = this.elements.get(tag);
    if (element?.length === undefined || element.length === 0) return [];
    const written = element.vr !== undefined && element.vr !== "UN" ? element.vr : vr;
    const read = this.#binary(written);
    if (read) {
      return Array.from({ length: Math.floor(element.length / read.size) }, (_, i) =>
        read.get(element.offset + i * read.size),
      );
    }
    return this.texts(tag).map((part) => {
      const value = part === "" ? NaN : Number(part);
      if (part !== "" && !Number.isFinite(value)) throw damaged(`${name(tag)} is not a number`);
      return value;
    });
  }

  /** The first number; undefined if there is none. @throws DataError for text that is not a number */
  number(tag: number, vr: string): number | undefined {
    const value = this.numbers(tag, vr)[0];
    return Number.isNaN(value) ? undefined : value;
  }

  #binary(vr: string): { size: number; get(at: number): number } | undefined {
    const [view, little] = [this.#view, this.encoding.littleEndian];
    switch (vr) {
      case "US":
      case "OW":
        return { size: 2, get: (at) => view.getUint16(at, little) };
      case "SS":
        return { size: 2, get: (at) => view.getInt16(at, little) };
      case "UL":
        return { size: 4, get: (at) => view.getUint32(at, little) };
      case "SL":
        return { size: 4, get: (at) => view.getInt32(at, little) };
      case "FL":
        return { size: 4, get: (at) => view.getFloat32(at, little) };
      case "FD":
        return { size: 8, get: (at) => view.getFloat64(at, little) };
      case "OV":
      case "UV":
        return { size: 8, get: (at) => Number(view.getBigUint64(at, little)) };
      default:
        return undefined;
    }
  }

  /** The items of a sequence; empty if it is absent. @throws DataError */
  items(tag: number): DataSet[] {
    const element = this.elements.get(tag);
    if (!element) return [];
    const read = this.#items.get(tag);
    if (read) return read;
    // PS3.5 6.2.2 note 2: a sequence of VR UN is implicit little endian.
    const encoding = element.vr === "UN" ? { explicit: false, littleEndian: true } : this.encoding;
    const { items } = new Walker(this.bytes, encoding).sequence(element, 0);
    this.#items.set(tag, items);
    return items;
  }
}

export const name = (tag: number) =>
  `(${(tag >>> 16).toString(16).padStart(4, "0")},${(tag & 0xffff).toString(16).padStart(4, "0")})`;

/** Walks through elements in order. */
class Walker {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #encoding: Encoding;

  constructor(bytes: Uint8Array, encoding: Encoding) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#encoding = encoding;
  }

  /** The element at an offset, its value unread. @throws DataError if the file ends before the value begins */
  element(at: number): Element {
    const little = this.#encoding.littleEndian;
    this.#need(at, 8);
    const tag = ((this.#view.getUint16(at, little) << 16) | this.#view.getUint16(at + 2, little)) >>> 0;
    // Items and delimiters have no value representation.
    if (!this.#encoding.explicit || tag >>> 16 === 0xfffe) {
      return { tag, vr: undefined, offset: at + 8, length: known(this.#view.getUint32(at + 4, little)) };
    }
    const vr = String.fromCharCode(this.#bytes[at + 4]!, this.#bytes[at + 5]!);
    if (SHORT.has(vr)) return { tag, vr, offset: at + 8, length: this.#view.getUint16(at + 6, little) };
    this.#need(at, 12);
    return { tag, vr, offset: at + 12, length: known(this.#view.getUint32(at + 8, little)) };
  }

  /** Where an element's value ends, including its delimiter. @throws DataError */
  end(element: Element, depth: number): number {
    if (element.length === undefined) {
      const encoding = element.vr === "UN" ? { explicit: false, littleEndian: true } : this.#encoding;
      return new Walker(this.#bytes, encoding).sequence(element, depth + 1).end;
    }
    this.#need(element.offset, element.length);
    return element.offset + element.length;
  }

  /** The items of a sequence, or of a fragmented value. @throws DataError */
  sequence(element: Element, depth: number): { items: DataSet[]; end: number } {
    if (depth > MAX_DEPTH) throw damaged("its sequences are nested too deeply");
    const items: DataSet[] = [];
    const fragments = element.vr === "OB" || element.vr === "OW";
    const limit = element.length === undefined ? this.#bytes.length : element.offset + element.length;
    let at = element.offset;
    while (element.length === undefined || at < limit) {
      const item = this.element(at);
      if (item.tag === SEQUENCE_END) return { items, end: item.offset };
      if (item.tag !== ITEM) throw damaged(`the sequence ${name(element.tag)} is damaged`);
      if (fragments) {
        at = this.end(item, depth + 1);
        continue;
      }
      const set = new DataSet(this.#bytes, this.#encoding);
      at = this.fill(set, item.offset, item.length, depth + 1);
      items.push(set);
    }
    return { items, end: at };
  }

  /** Reads elements into `set` until its item ends; returns that offset. @throws DataError */
  fill(set: DataSet, from: number, length: number | undefined, depth: number): number {
    if (length !== undefined) this.#need(from, length);
    const limit = length === undefined ? Infinity : from + length;
    let at = from;
    while (at < limit) {
      const element = this.element(at);
      if (element.tag === ITEM_END) return element.offset;
      set.elements.set(element.tag, element);
      at = this.end(element, depth);
    }
    return at;
  }

  #need(at: number, bytes: number): void {
    if (at + bytes > this.#bytes.length) throw damaged("it is cut off");
  }
}

const known = (length: number) => (length === UNDEFINED ? undefined : length);

/**
 * Reads a data set up to its pixel data, or to its end.
 *
 * @param stop whether to stop before an element with this tag
 * @returns the pixel data element, its value unread, and where reading stopped
 * @throws DataError
 */
export function parseDataSet(
  bytes: Uint8Array,
  from: number,
  encoding: Encoding,
  stop: (tag: number) => boolean = () => false,
): { set: DataSet; pixels: Element | undefined; end: number } {
  const set = new DataSet(bytes, encoding);
  const walker = new Walker(bytes, encoding);
  let at = from;
  while (at < bytes.length) {
    // A file may be padded to an even length.
    if (at + 8 > bytes.length && bytes.subarray(at).every((byte) => byte === 0)) break;
    const element = walker.element(at);
    if (stop(element.tag)) break;
    if (element.tag >>> 16 === 0xfffe) throw damaged("it is damaged: an item outside a sequence");
    set.elements.set(element.tag, element);
    if (element.tag === PIXEL_DATA || element.tag === FLOAT_PIXEL_DATA || element.tag === DOUBLE_PIXEL_DATA) {
      return { set, pixels: element, end: element.offset };
    }
    at = walker.end(element, 0);
  }
  return { set, pixels: undefined, end: at };
}
