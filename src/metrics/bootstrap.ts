/** Intervals within one run: the percentile bootstrap over its images, or over patients if known. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { stream } from "../data/random.ts";

/** Number of resamples per interval. */
export const RESAMPLES = 2000;

export interface BootstrapOptions {
  seed?: number;
  resamples?: number;
  confidence?: number;
}

/**
 * Draws resamples. A patient's images are drawn together: they are not independent, and treating them as such would make the
 * intervals too narrow.
 * @param groups the patient of each image
 * @returns how many times each image counts, one array per resample
 */
export function resample(groups: readonly string[], { seed = 0, resamples = RESAMPLES }: BootstrapOptions = {}) {
  const number = new Map<string, number>();
  const group = groups.map((name) => {
    if (!number.has(name)) number.set(name, number.size);
    return number.get(name)!;
  });
  const generator = stream(seed, 0xb007);
  const times = new Uint32Array(number.size);
  return Array.from({ length: resamples }, () => {
    times.fill(0);
    for (let k = 0; k < times.length; k++) times[uniformInt(generator, 0, times.length - 1)]!++;
    return Uint32Array.from(group, (g) => times[g]!);
  });
}

/** The `share` quantile of ascending values, interpolated linearly between them (type 7 of Hyndman and Fan). */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  return below + 1 < sorted.length ? low + (at - below) * (sorted[below + 1]! - low) : low;
}

/** The central `confidence` of values; null for fewer than two. Undefined values must be left out beforehand. */
export function percentiles(values: Iterable<number>, confidence = 0.95): [number, number] | null {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length < 2) return null;
  return [quantile(sorted, (1 - confidence) / 2), quantile(sorted, (1 + confidence) / 2)];
}
