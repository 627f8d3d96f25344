/** What is done to the bytes of a file to see that nobody is misled by it. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { stream } from "../../../src/data/random.ts";

export type Random = ReturnType<typeof stream>;
export type Damage = (bytes: Buffer, random: Random) => Uint8Array;

export const upTo = (random: Random, most: number): number => uniformInt(random, 0, most);

/** For any file. */
export const anyDamages = {
  "cut off": (bytes, random) => bytes.subarray(0, upTo(random, bytes.length - 1)),
  "bit flipped": (bytes, random) => {
    const copy = Buffer.from(bytes);
    for (let n = upTo(random, 3); n >= 0; n--) copy[upTo(random, copy.length - 1)]! ^= 1 << upTo(random, 7);
    return copy;
  },
  "in UTF-16 without a mark": (bytes) => Buffer.from(bytes.toString("latin1"), "utf16le"),
  "of huge numbers": (bytes, random) => {
    const huge = ["99999999999999999999", "1e308", "-5", "NaN", "4294967296"][upTo(random, 4)]!;
    return change(bytes, random, /\d+/g, huge);
  },
} satisfies Record<string, Damage>;

/** Replaces one of the matches in a text. */
export function change(bytes: Buffer, random: Random, pattern: RegExp, by: string): Buffer {
  const text = bytes.toString("latin1");
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return bytes.subarray(0, bytes.length >> 1);
  const { 0: found, index } = matches[upTo(random, matches.length - 1)]!;
  return Buffer.from(text.slice(0, index) + by + text.slice(index + found.length), "latin1");
}
