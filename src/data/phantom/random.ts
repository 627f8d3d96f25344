/** Seeded random numbers for the phantom: one independent stream per (seed, index), and the draws made from it. */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

export interface Random {
  /** 32 random bits as a signed integer. */
  bits(): number;
  /** Uniform in [low, high). */
  uniform(low: number, high: number): number;
  /** Roughly normal: the sum of four uniforms, so never beyond 3.47 standard deviations. */
  normal(mean: number, deviation: number): number;
  /** Uniform among the integers low..high, both included. */
  integer(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** A key of `weights`, with probability proportional to its weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K;
}

/** Mixes two integers to 32 bits (the finaliser of MurmurHash3 after each), so that neighbouring seeds share nothing. */
export function mix(a: number, b: number): number {
  let h = a ^ 0x9e3779b9;
  for (const word of [0, b]) {
    h = Math.imul(h ^ word, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return h;
}

export function random(seed: number, index: number): Random {
  const generator = xoroshiro128plus(mix(seed, index));
  for (let i = 0; i < 16; i++) generator.next(); // the seed fills a quarter of the state; let it spread
  const unit = () => (generator.next() >>> 8) / 0x1000000;
  const self: Random = {
    bits: () => generator.next(),
    uniform: (low, high) => low + (high - low) * unit(),
    normal: (mean, deviation) => mean + deviation * Math.sqrt(3) * (unit() + unit() + unit() + unit() - 2),
    integer: (low, high) => low + Math.floor((high - low + 1) * unit()),
    chance: (probability) => unit() < probability,
    pick: (items) => items[self.integer(0, items.length - 1)]!,
    weighted: (weights) => {
      const keys = Object.keys(weights) as (keyof typeof weights)[];
      let left = unit() * keys.reduce((sum, key) => sum + weights[key], 0);
      for (const key of keys) {
        left -= weights[key];
        if (left < 0) return key;
      }
      return keys[keys.length - 1]!;
    },
  };
  return self;
}
