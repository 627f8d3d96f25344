/** The bits of a JPEG scan, and the codes in them (ITU-T T.81, annexes C and F). */

/** Bits of the longest code. */
const LONGEST = 16;

/** A Huffman table, as a lookup of what the next 16 bits begin with. */
export class HuffmanTable {
  /** 256 × length of the code + its symbol; 0 where no code begins so. */
  readonly lookup = new Uint16Array(2 ** LONGEST);

  /** @param counts codes of each length, from 1 */
  constructor(counts: Uint8Array, symbols: Uint8Array) {
    let [from, i] = [0, 0];
    for (let length = 1; length <= LONGEST; length++) {
      const span = 2 ** (LONGEST - length);
      for (let n = counts[length - 1] ?? 0; n > 0; n--, from += span, i++) {
        this.lookup.fill(256 * length + (symbols[i] ?? 0), from, from + span);
      }
    }
  }
}

/** What is wrong with a scan's bits. */
export class BadBits extends Error {}

/** Reads the bits between two markers. */
export class JpegBits {
  readonly #bytes: Uint8Array;
  #at: number;
  /** The bits read from bytes but not yet taken, at the bottom, and how many they are. */
  #held = 0;
  #count = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** The symbol of the next code. @throws BadBits */
  symbol({ lookup }: HuffmanTable): number {
    if (this.#count < LONGEST) this.#fill();
    const missing = LONGEST - this.#count;
    const next = missing > 0 ? (this.#held << missing) & 0xffff : (this.#held >>> -missing) & 0xffff;
    const found = lookup[next]!;
    if (found === 0) throw new BadBits("it is damaged in its pixels");
    this.#take(found >> 8);
    return found & 255;
  }

  /** The next bits, at most 16, as a number. @throws BadBits */
  bits(count: number): number {
    if (this.#count < count) this.#fill();
    this.#take(count);
    return (this.#held >>> this.#count) & (2 ** count - 1);
  }

  /**
   * The address of the marker that ends the bits.
   *
   * @param padded whether bytes may lie before it
   * @throws BadBits
   */
  end(padded: boolean): number {
    const early = this.#count >= 8 || (this.#at < this.#bytes.length && !this.#atMarker());
    if (early && !padded) throw new BadBits("it is damaged in its pixels");
    while (this.#at < this.#bytes.length && !this.#atMarker()) this.#at++;
    // Any marker may have fill bytes before it.
    while (this.#bytes[this.#at + 1] === 0xff) this.#at++;
    return this.#at;
  }

  #take(count: number): void {
    if (count > this.#count) throw new BadBits("its pixels are cut off");
    this.#count -= count;
  }

  #atMarker(): boolean {
    return this.#bytes[this.#at] === 0xff && this.#bytes[this.#at + 1] !== 0;
  }

  #fill(): void {
    while (this.#count <= 16 && this.#at < this.#bytes.length && !this.#atMarker()) {
      const byte = this.#bytes[this.#at]!;
      this.#at += byte === 0xff ? 2 : 1;
      this.#held = ((this.#held & 0xffff) << 8) | byte;
      this.#count += 8;
    }
  }
}
