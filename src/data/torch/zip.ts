/**
 * Finds the files in a zip that keeps them as they are, as PyTorch's do: nothing is unpacked, so nothing can grow. Format: PKWARE's
 * APPNOTE.TXT, 4.3 to 4.5 (zip64 included).
 */
import { crcOf } from "../pictures/png.ts";

/** One line, without the file's name. */
export class ZipError extends Error {
  override readonly name = "ZipError";
}

interface Entry {
  crc: number;
  size: number;
  /** Of its local header. */
  at: number;
  stored: boolean;
}

const END = 0x06054b50;
const END_64_LOCATOR = 0x07064b50;
const END_64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** The longest comment behind the end. */
const MOST_COMMENT = 0xffff;

/** The files of a zip, by name, with their contents as views of `bytes`; each is checked against its CRC-32 when it is read. */
export class StoredZip {
  readonly #entries = new Map<string, Entry>();
  readonly #view: DataView;
  readonly bytes: Uint8Array;

  /** @throws ZipError */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { count, at } = this.#directory();
    let next = at;
    for (let i = 0; i < count; i++) next = this.#readEntry(next);
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  /** @throws ZipError if it is damaged; undefined if there is none of that name */
  read(name: string): Uint8Array | undefined {
    const entry = this.#entries.get(name);
    if (!entry) return undefined;
    const { at, size, crc, stored } = entry;
    if (!stored) throw new ZipError(`${name} is compressed, as PyTorch's files are not`);
    if (this.#u32(at) !== LOCAL) throw new ZipError(`${name} is not where the zip's directory says`);
    const from = at + 30 + this.#u16(at + 26) + this.#u16(at + 28);
    if (from + size > this.bytes.length) throw cutShort();
    const content = this.bytes.subarray(from, from + size);
    if (crcOf(content) !== crc) {
      throw new ZipError(`${name} is damaged: its CRC-32 is another one (or PyTorch was told not to write it)`);
    }
    return content;
  }

  /** Where the directory is, and how many entries it has. */
  #directory(): { count: number; at: number } {
    const { length } = this.bytes;
    for (let end = length - 22; end >= Math.max(0, length - 22 - MOST_COMMENT); end--) {
      if (this.#u32(end) !== END || end + 22 + this.#u16(end + 20) !== length) continue;
      const plain = { count: this.#u16(end + 10), at: this.#u32(end + 16) };
      if (end < 20 || this.#u32(end - 20) !== END_64_LOCATOR) return plain;
      const end64 = this.#u64(end - 12);
      if (this.#u32(end64) !== END_64) throw new ZipError("its zip64 directory is not where it should be");
      return { count: this.#u64(end64 + 32), at: this.#u64(end64 + 48) };
    }
    throw cutShort();
  }

  /** @returns where the next one is */
  #readEntry(at: number): number {
    if (this.#u32(at) !== CENTRAL) throw new ZipError("its directory is broken");
    const [flags, method] = [this.#u16(at + 8), this.#u16(at + 10)];
    const lengths = [28, 30, 32].map((field) => this.#u16(at + field));
    const [nameLength, extraLength, commentLength] = lengths as [number, number, number];
    const extraAt = at + 46 + nameLength;
    const next = extraAt + extraLength + commentLength;
    if (next > this.bytes.length) throw cutShort();
    const name = new TextDecoder().decode(this.bytes.slice(at + 46, extraAt));
    if (this.#entries.has(name)) throw new ZipError(`has two files of the name ${name}`);
    if ((flags & 1) !== 0) throw new ZipError(`${name} is encrypted`);
    let [packed, size, place] = [this.#u32(at + 20), this.#u32(at + 24), this.#u32(at + 42)];
    // In zip64's extra field stand those of the three that do not fit their own, in this order.
    let wide = this.#wideSizes(extraAt, extraAt + extraLength);
    const widened = (value: number): number => {
      if (value !== 0xffffffff) return value;
      if (wide === undefined) throw new ZipError(`${name} has no size`);
      const found = this.#u64(wide);
      wide += 8;
      return found;
    };
    size = widened(size);
    packed = widened(packed);
    place = widened(place);
    const stored = method === 0 && packed === size;
    this.#entries.set(name, { crc: this.#u32(at + 16), size, at: place, stored });
    return next;
  }

  #wideSizes(from: number, to: number): number | undefined {
    for (let at = from; at + 4 <= to; at += 4 + this.#u16(at + 2)) {
      if (this.#u16(at) === 1) return at + 4;
    }
    return undefined;
  }

  #u16(at: number): number {
    if (!(at >= 0 && at + 2 <= this.bytes.length)) throw cutShort();
    return this.#view.getUint16(at, true);
  }

  #u32(at: number): number {
    if (!(at >= 0 && at + 4 <= this.bytes.length)) throw cutShort();
    return this.#view.getUint32(at, true);
  }

  #u64(at: number): number {
    if (!(at >= 0 && at + 8 <= this.bytes.length)) throw cutShort();
    const value = Number(this.#view.getBigUint64(at, true));
    if (!Number.isSafeInteger(value)) throw new ZipError("has a size beyond all files");
    return value;
  }
}

const cutShort = () => new ZipError("is no whole zip: is the file cut short?");
