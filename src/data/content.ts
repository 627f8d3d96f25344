/** Finds equal images, so that `split` keeps them on one side. */
import type { SplitItem, Tie } from "./clusters.ts";
import { nearPairs } from "./fingerprint.ts";
import type { Prepared } from "./sample.ts";

/**
 * The images as `split` expects them, in the same order. Their content is that of the prepared pixels, which are equal for equal
 * files and also for one picture saved losslessly in two formats. It means something among these images only.
 */
export function splitItems(prepared: readonly Prepared[]): SplitItem[] {
  const contents = contentsOf(prepared.map(({ grey }) => grey));
  return prepared.map(({ group, label }, i) => ({ group, label, content: contents[i]! }));
}

/** A name for each picture: equal pictures, and only those, have the same. */
function contentsOf(pictures: readonly Uint8Array[]): string[] {
  /** The first picture of each content, by hash. */
  const firsts = new Map<number, number[]>();
  return pictures.map((picture, i) => {
    const key = hash(picture);
    const known = firsts.get(key) ?? [];
    const first = known.find((other) => isEqual(pictures[other]!, picture));
    if (first === undefined) firsts.set(key, [...known, i]);
    return `picture ${first ?? i}`;
  });
}

/** FNV-1a, 32 bits. Pictures with equal hashes are compared, so a collision costs time only. */
function hash(bytes: Uint8Array): number {
  let value = 0x811c9dc5;
  // By index: an iterator takes eight times as long.
  for (let i = 0; i < bytes.length; i++) value = Math.imul(value ^ bytes[i]!, 0x01000193);
  return value;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The pairs of near-identical images. */
export function nearTies(prepared: readonly Prepared[]): Tie[] {
  return nearPairs(prepared.map(({ print }) => print));
}
