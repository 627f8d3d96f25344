/** Seeded random numbers for the phantom: an independent stream per (seed, index), and draws from it. */
import { stream } from "../random.ts";

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

export function random(seed: number, index: number): Random {
  const generator = stream(seed, index);
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
