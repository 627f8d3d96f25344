/** Timing: samples by benchmark.js, the implementations taking turns. */
import Benchmark from "benchmark";
import { quantile } from "../src/metrics/bootstrap.ts";

export interface Timing {
  medianMs: number;
  /** Interquartile range. */
  spreadMs: number;
}

export interface Contestant {
  run: () => Promise<unknown>;
  /** How often `run` does what is timed: samples are of one time. */
  times: number;
}

/** What to time, by name. */
export type Contestants = ReadonlyMap<string, Contestant>;

/**
 * One sample of benchmark.js: the mean duration in milliseconds of as many calls in a row as make a sample long enough for
 * the clock (one, where a call takes 50 ms).
 */
function sample(run: () => Promise<unknown>): Promise<number> {
  return new Promise((resolve, reject) => {
    const benchmark = new Benchmark({
      defer: true,
      // One sample, whatever its time: repeats are up to `interleave`.
      minSamples: 1,
      maxTime: 0,
      fn: (deferred: Benchmark.Deferred) => void run().then(() => deferred.resolve(), reject),
      onComplete: () => resolve(1000 * (benchmark.stats.sample[0] as number)),
    });
    benchmark.run({ async: true });
  });
}

/**
 * Takes a sample of each contestant in turn, `rounds` times, in an order that turns by one each round: what else the
 * machine does then falls on all alike. Samples in milliseconds, by name, the i-th of all being neighbours in time.
 * @param after called after each sample; may throw
 */
export async function interleave(contestants: Contestants, rounds: number, after: () => void) {
  const names = [...contestants.keys()];
  const samples = new Map(names.map((name) => [name, new Array<number>()]));
  for (let round = 0; round < rounds; round++) {
    for (const i of names.keys()) {
      const name = names[(i + round) % names.length]!;
      const { run, times } = contestants.get(name)!;
      samples.get(name)!.push((await sample(run)) / times);
      after();
    }
  }
  return samples;
}

export function timingOf(samples: readonly number[]): Timing {
  const sorted = samples.toSorted((a, b) => a - b);
  return { medianMs: quantile(sorted, 0.5), spreadMs: quantile(sorted, 0.75) - quantile(sorted, 0.25) };
}
