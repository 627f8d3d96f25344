/** Follows the codes of a JPEG file's scans without computing pixels, to see that they are whole (ITU-T T.81, annexes F and G). */
import { DataError } from "../sample.ts";
import { BadBits, type HuffmanTable, JpegBits } from "./jpeg-bits.ts";

export interface Frame {
  width: number;
  height: number;
  progressive: boolean;
  /** How many blocks of each component, across and down, a unit of a scan of several components has. */
  components: readonly { id: number; across: number; down: number }[];
}

export interface Scan {
  /** The components in it, with the keys of their tables. */
  parts: readonly { id: number; dc: number; ac: number }[];
  /** First and last coefficient. */
  first: number;
  last: number;
  /** Whether it adds a bit to coefficients of earlier scans. */
  refines: boolean;
  /** Units between restart markers; 0: none. */
  restarts: number;
  tables: ReadonlyMap<number, HuffmanTable>;
}

interface Component {
  across: number;
  down: number;
  /** Blocks in the picture itself, and in a row of whole units. */
  columns: number;
  rows: number;
  stride: number;
  /** Whether a coefficient is not 0, 64 for each block: refinements depend on it. */
  set: Uint8Array | undefined;
}

/** One block's coefficients in a scan. */
type Block = (component: Component, block: number, dc: HuffmanTable, ac: HuffmanTable) => void;

export const badJpeg = (why: string): DataError => new DataError(`is not a readable image: JPEG: ${why}`);

export class JpegScans {
  readonly #progressive: boolean;
  readonly #components = new Map<number, Component>();
  /** Units of a scan of several components. */
  readonly #units: { columns: number; rows: number };
  /** Blocks to come, of a progressive scan, that have no further coefficients. */
  #run = 0;

  constructor({ width, height, progressive, components }: Frame) {
    this.#progressive = progressive;
    const most = (side: "across" | "down") => Math.max(...components.map((component) => component[side]));
    const units = { columns: Math.ceil(width / 8 / most("across")), rows: Math.ceil(height / 8 / most("down")) };
    this.#units = units;
    for (const { id, across, down } of components) {
      const stride = units.columns * across;
      this.#components.set(id, {
        across,
        down,
        columns: Math.ceil(Math.ceil((width * across) / most("across")) / 8),
        rows: Math.ceil(Math.ceil((height * down) / most("down")) / 8),
        stride,
        set: progressive ? new Uint8Array(64 * stride * units.rows * down) : undefined,
      });
    }
  }

  /**
   * @param at where the scan's bits begin
   * @returns the address of the marker after it
   * @throws DataError, without the file's name, for a scan that is cut off or damaged
   */
  follow(bytes: Uint8Array, at: number, scan: Scan): number {
    let bits = new JpegBits(bytes, at);
    const parts = scan.parts.map(({ id, dc, ac }) => {
      const component = this.#components.get(id);
      if (!component) throw badJpeg("it is damaged");
      return { component, dc: scan.tables.get(dc) ?? NO_TABLE, ac: scan.tables.get(ac) ?? NO_TABLE };
    });
    const alone = parts.length === 1 ? parts[0]!.component : undefined;
    const { columns, rows } = alone ?? this.#units;
    try {
      let block = this.#block(bits, scan);
      this.#run = 0;
      for (let unit = 0; unit < columns * rows; unit++) {
        if (scan.restarts > 0 && unit > 0 && unit % scan.restarts === 0) {
          const marker = bits.end(false);
          if (bytes[marker + 1] !== 0xd0 + ((unit / scan.restarts - 1) & 7))
            throw new BadBits("its pixels are cut off");
          bits = new JpegBits(bytes, marker + 2);
          block = this.#block(bits, scan);
          this.#run = 0;
        }
        const [x, y] = [unit % columns, Math.floor(unit / columns)];
        for (const { component, dc, ac } of parts) {
          const { across, down, stride } = component;
          if (alone) block(component, y * stride + x, dc, ac);
          else {
            for (let i = 0; i < across * down; i++) {
              const row = y * down + Math.floor(i / across);
              block(component, row * stride + x * across + (i % across), dc, ac);
            }
          }
        }
      }
      // Bytes after the last block are harmless, and common; the command line takes them too.
      return bits.end(!this.#progressive);
    } catch (error) {
      throw error instanceof BadBits ? badJpeg(error.message) : error;
    }
  }

  #block(bits: JpegBits, scan: Scan): Block {
    if (!this.#progressive) return (_component, _block, dc, ac) => sequential(bits, dc, ac);
    if (scan.first === 0) {
      if (scan.refines) return () => void bits.bits(1);
      return (_component, _block, dc) => void bits.bits(Math.min(16, bits.symbol(dc)));
    }
    const { first, last } = scan;
    return (component, block, _dc, ac) => {
      const set = component.set!.subarray(64 * block, 64 * block + 64);
      if (scan.refines) this.#refine(bits, set, ac, first, last);
      else this.#first(bits, set, ac, first, last);
    };
  }

  /** G.1.2.2: a first scan of coefficients other than the first. */
  #first(bits: JpegBits, set: Uint8Array, ac: HuffmanTable, first: number, last: number): void {
    if (this.#run > 0) {
      this.#run--;
      return;
    }
    for (let k = first; k <= last; k++) {
      const symbol = bits.symbol(ac);
      const [zeros, size] = [symbol >> 4, symbol & 15];
      k += zeros;
      if (size > 0) {
        bits.bits(size);
        if (k < 64) set[k] = 1;
      } else if (zeros < 15) {
        this.#run = 2 ** zeros + bits.bits(zeros) - 1;
        return;
      }
    }
  }

  /** G.1.2.3: a further bit of each coefficient that is not 0, and new ones between them. */
  #refine(bits: JpegBits, set: Uint8Array, ac: HuffmanTable, first: number, last: number): void {
    let k = first;
    for (; this.#run === 0 && k <= last; k++) {
      const symbol = bits.symbol(ac);
      const size = symbol & 15;
      let zeros = symbol >> 4;
      if (size > 0) bits.bits(1);
      else if (zeros < 15) {
        this.#run = 2 ** zeros + bits.bits(zeros);
        break;
      }
      for (; k <= last; k++) {
        if (set[k]) bits.bits(1);
        else if (--zeros < 0) break;
      }
      if (size > 0 && k < 64) set[k] = 1;
    }
    if (this.#run === 0) return;
    for (; k <= last; k++) if (set[k]) bits.bits(1);
    this.#run--;
  }
}

/** A scan that names a table which is not there is damaged as soon as it uses it. */
const NO_TABLE: HuffmanTable = { lookup: new Uint16Array(2 ** 16) };

/** F.2.2. */
function sequential(bits: JpegBits, dc: HuffmanTable, ac: HuffmanTable): void {
  bits.bits(Math.min(16, bits.symbol(dc)));
  for (let k = 1; k < 64; k++) {
    const symbol = bits.symbol(ac);
    const size = symbol & 15;
    if (size > 0) bits.bits(size);
    else if (symbol !== 0xf0) return;
    k += symbol >> 4;
  }
}
