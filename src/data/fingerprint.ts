/**
 * Perceptual fingerprints: recognise a picture that was re-encoded, resized, brightened or cropped differently.
 *
 * The signs of the 16 × 16 lowest frequencies of a 32 × 32 picture's cosine transform relative to their median ("pHash", Zauner
 * 2010, with 255 bits instead of 63: on DDTI 63 bits do not distinguish pictures of different patients). Each picture has two
 * fingerprints, of all of it and of its tissue, since either alone fails.
 */

/** Side of the picture that a fingerprint is computed from. */
export const FINGERPRINT_SIDE = 32;
const KEPT = 16;
const BITS = KEPT * KEPT - 1;

/** 255 bits in 8 words. */
export type Hash = Uint32Array;

export interface Fingerprint {
  /** Of the whole picture. */
  whole: Hash;
  /** Of the part that shows tissue. */
  tissue: Hash;
}

/**
 * Maximum number of bits in which the hashes of two near-identical pictures may differ: MAX_SAME_BITS in the tissue alone; or
 * MAX_ALIKE_BITS in the tissue, as an altered picture may be cropped elsewhere, and at most MAX_WHOLE_BITS as a whole.
 *
 * Measured on DDTI's 465 images. The nearest pictures of different cases are 78 bits apart in the tissue and 60 as a whole;
 * pairs under 70 as a whole are 86 or more apart in the tissue. A picture saved as JPEG of quality 20 to 50, at half or 1.5
 * times the size, stretched, brightened, or with calipers and text drawn in, stays within 24 as a whole; trimmed by 2 % on each
 * side or cropped to its tissue, within 36 in the tissue. Of 93 pictures, 98 to 100 % are found again after each of these.
 * MAX_SAME_BITS and MAX_WHOLE_BITS keep a margin of 18 and 20 bits: a larger set has pairs that come closer by chance.
 */
const MAX_SAME_BITS = 60;
const MAX_ALIKE_BITS = 100;
const MAX_WHOLE_BITS = 40;

const COSINES = Array.from({ length: KEPT }, (_, k) =>
  Float64Array.from({ length: FINGERPRINT_SIDE }, (_, x) => Math.cos((Math.PI * (x + 0.5) * k) / FINGERPRINT_SIDE)),
);

/** The hash of 32 × 32 grey levels. */
export function hashOf(grey: Uint8Array): Hash {
  const n = FINGERPRINT_SIDE;
  const rows = new Float64Array(n * KEPT);
  for (let y = 0; y < n; y++) {
    for (let k = 0; k < KEPT; k++) {
      let sum = 0;
      for (let x = 0; x < n; x++) sum += grey[y * n + x]! * COSINES[k]![x]!;
      rows[y * KEPT + k] = sum;
    }
  }
  const frequencies = new Float64Array(BITS);
  for (let j = 0, at = 0; j < KEPT; j++) {
    for (let k = 0; k < KEPT; k++) {
      if (j + k === 0) continue; // the mean brightness
      let sum = 0;
      for (let y = 0; y < n; y++) sum += rows[y * KEPT + k]! * COSINES[j]![y]!;
      frequencies[at++] = sum;
    }
  }
  const median = frequencies.toSorted()[BITS >> 1]!;
  const hash = new Uint32Array(8);
  frequencies.forEach((value, i) => {
    if (value > median) hash[i >> 5]! |= 1 << (i & 31);
  });
  return hash;
}

/** Number of bits in which two hashes differ; counting stops above `limit`. */
export function distance(a: Hash, b: Hash, limit: number = BITS): number {
  let bits = 0;
  for (let i = 0; i < 8 && bits <= limit; i++) {
    let word = a[i]! ^ b[i]!;
    word -= (word >>> 1) & 0x55555555;
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
    bits += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return bits;
}

/** Whether two pictures are the same except for how they were saved or cropped. */
export function nearIdentical(a: Fingerprint, b: Fingerprint): boolean {
  const tissue = distance(a.tissue, b.tissue, MAX_ALIKE_BITS);
  return (
    tissue <= MAX_SAME_BITS ||
    (tissue <= MAX_ALIKE_BITS && distance(a.whole, b.whole, MAX_WHOLE_BITS) <= MAX_WHOLE_BITS)
  );
}

/** All pairs [i, j], i < j, of near-identical pictures; pictures without a fingerprint have none. 5,000 pictures take 1 s. */
export function nearPairs(prints: readonly (Fingerprint | undefined)[]): [number, number][] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < prints.length; i++) {
    const a = prints[i];
    if (a === undefined) continue;
    for (let j = i + 1; j < prints.length; j++) {
      const b = prints[j];
      if (b !== undefined && nearIdentical(a, b)) pairs.push([i, j]);
    }
  }
  return pairs;
}
