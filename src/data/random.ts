/** Seeded random numbers: an independent stream for each list of integers. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/** A generator that depends on every integer, so that (seed, epoch) and (seed + 1, epoch) are unrelated. */
export function stream(...words: readonly number[]): RandomGenerator {
  let hash = 0x9e3779b9;
  for (const word of words) {
    // The finaliser of MurmurHash3 after each word.
    hash = Math.imul(hash ^ word, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  const generator = xoroshiro128plus(hash);
  for (let i = 0; i < 16; i++) generator.next(); // the seed fills a quarter of the state; let it spread
  return generator;
}

/** The integers 0 .. count-1 in random order (Fisher–Yates). */
export function permutation(count: number, generator: RandomGenerator): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = uniformInt(generator, 0, i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** True with probability 1/2, from the generator's next number. */
export function coin(generator: RandomGenerator): boolean {
  return uniformInt(generator, 0, 1) === 1;
}
