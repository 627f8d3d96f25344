/** The contest among the variants of one kernel: each checked against the plain one, the correct ones timed. */
import type { Gpu } from "../gpu/gpu.ts";
import type { Shader } from "../gpu/shader.ts";
import { everyVariant } from "../kernels/every.ts";
import { shaderOf, RELATIVE_TOLERANCE, type HostValues, type Kernel, type Lowering } from "../kernels/kernel.ts";
import { Bench, BenchError, type Candidate } from "./bench.ts";
import { variantNames } from "./key.ts";
import type { RandomData } from "./random-data.ts";
import { createTimer } from "./timer.ts";

/** How a variant fared. */
export interface VariantResult {
  readonly variant: string;
  /** Relative L2 distance of its results from the plain variant's; undefined if it did not run. */
  readonly error: number | undefined;
  /** Median of its samples in milliseconds, or the least of them if it was dropped early; undefined without any. */
  readonly ms: number | undefined;
  /** Half the interquartile range of its samples. */
  readonly spreadMs: number | undefined;
  readonly samples: number;
  /** Why it could not win: "wrong", it computes something else; "refused", by the adapter; "slow", from the start. */
  readonly out: { readonly why: "wrong" | "refused" | "slow"; readonly reason: string } | undefined;
}

export interface TrialResult {
  /** One for each variant, in the fixed order. */
  readonly variants: readonly VariantResult[];
  /** The variant to take. */
  readonly winner: string;
}

/** A variant this many times slower than the fastest is timed again beside it, and dropped if it is never better. */
const SLOW_RATIO = 2;
/** A variant this many times slower was not merely disturbed: no second look, unless its samples are short. */
const CERTAINLY_SLOW_RATIO = 8;
/** A variant estimated to take this many times the lowest estimate does not run at all. */
const IMPROBABLE_RATIO = 3;
/** The longest sample that counts as short. */
const SHORT_SAMPLE_MS = 100;
/** Second looks at a doubtful variant. */
const MAX_SECOND_LOOKS = 3;
/** Share of the first variant's time that another must save to replace it; it must also save more than the mean spread. */
const MIN_GAIN = 0.03;
const MIN_ROUNDS = 5;
const MAX_ROUNDS = 25;

interface Runner {
  name: string;
  candidate: Candidate | undefined;
  error: number | undefined;
  times: number[];
  out: VariantResult["out"];
}

/**
 * Runs the contest on random data; takes about `seconds` beyond compiling and checking, at least `MIN_ROUNDS` rounds.
 * @throws BenchError if the plain variant does not run, so that there is nothing to compare with
 */
export async function runTrial(gpu: Gpu, kernel: Kernel, data: RandomData, seconds: number): Promise<TrialResult> {
  const variants = everyVariant(kernel, gpu.caps);
  const bench = await Bench.create(gpu, kernel, variants, data);
  try {
    const names = variantNames(variants);
    const runners: Runner[] = names.map((name) => {
      return { name, candidate: undefined, error: undefined, times: [], out: undefined };
    });
    for (const i of improbable(variants)) {
      runners[i]!.out = {
        why: "slow",
        reason: `estimated to take more than ${IMPROBABLE_RATIO} times as long as another`,
      };
    }
    await Promise.all(
      runners.map(async (runner, i) => {
        if (!runner.out) runner.candidate = await orRefused(runner, bench.prepare(variants[i]!));
      }),
    );
    await check(bench, runners, kernel);
    const right = runners.filter((runner) => !runner.out);
    await race(gpu, right, seconds);
    return { variants: runners.map(resultOf), winner: winnerOf(runners) };
  } finally {
    bench.destroy();
  }
}

/** The variants that are not worth a trial, by their position. */
function improbable(variants: readonly Lowering[]): number[] {
  const least = Math.min(...variants.map(({ estimate = Infinity }) => estimate));
  return variants.flatMap(({ estimate = 0 }, i) => (estimate > IMPROBABLE_RATIO * least ? [i] : []));
}

/** What a trial compiles. */
export function shadersOfTrial(gpu: Gpu, kernel: Kernel): Shader[] {
  const variants = everyVariant(kernel, gpu.caps);
  const out = new Set(improbable(variants));
  return variants.flatMap(({ dispatches }, i) => (out.has(i) ? [] : dispatches.map(shaderOf)));
}

/** Compares what each computes with the result of the plain one, the last. */
async function check(bench: Bench, runners: readonly Runner[], kernel: Kernel): Promise<void> {
  const { tolerance = RELATIVE_TOLERANCE, canonical = (result: HostValues) => result } = kernel;
  const plain = runners.at(-1)!;
  const expected = plain.candidate && (await orRefused(plain, bench.compute(plain.candidate)));
  if (!expected) throw new BenchError(`the plain variant does not run: ${plain.out!.reason}`);
  plain.error = 0;
  for (const runner of runners.slice(0, -1)) {
    const actual = runner.candidate && (await orRefused(runner, bench.compute(runner.candidate)));
    if (!actual) continue;
    runner.error = distance(canonical(actual), canonical(expected));
    if (runner.error <= tolerance) continue;
    const reason = `relative error ${runner.error.toExponential(1)}, at most ${tolerance.toExponential(0)} is allowed`;
    runner.out = { why: "wrong", reason };
  }
}

/** Times the correct ones in turn, each round starting with a different one. */
async function race(gpu: Gpu, runners: readonly Runner[], seconds: number): Promise<void> {
  const timer = createTimer(gpu, runners.length);
  try {
    const round = async (running: readonly Runner[], times: (runner: Runner) => number): Promise<void> => {
      const samples = running.map((runner) => ({ candidate: runner.candidate!, times: times(runner) }));
      for (const [i, ms] of (await timer.measure(samples)).entries()) running[i]!.times.push(ms);
    };
    const best = ({ times }: Runner) => Math.min(...times);
    await round(runners, () => 1);
    // A single run, which something may have disturbed, does not tell how many make a sample.
    const brief = runners.filter((runner) => best(runner) < SHORT_SAMPLE_MS);
    if (brief.length > 0) await round(brief, () => 1);
    const repeats = new Map(runners.map((r) => [r, Math.min(64, Math.max(1, Math.ceil(timer.least / best(r))))]));
    const inFull = (runner: Runner) => repeats.get(runner)!;
    const leader = () => runners.reduce((a, b) => (best(b) < best(a) ? b : a));
    // A run that is over in no time says little.
    if (best(leader()) < timer.least) await round(runners, inFull);
    const behind = (runner: Runner) => best(runner) / best(leader());
    const slow = new Set(runners.filter((runner) => behind(runner) > SLOW_RATIO));
    for (let look = 0; look < MAX_SECOND_LOOKS; look++) {
      const doubtful = [...slow].filter(
        (r) => behind(r) <= CERTAINLY_SLOW_RATIO || best(r) * inFull(r) < SHORT_SAMPLE_MS,
      );
      if (doubtful.length === 0) break;
      // Side by side, so that other load on the machine slows both.
      const ahead = leader();
      await round([ahead, ...doubtful], inFull);
      for (const runner of doubtful) {
        if (behind(runner) <= SLOW_RATIO || runner.times.at(-1)! <= SLOW_RATIO * ahead.times.at(-1)!)
          slow.delete(runner);
      }
    }
    for (const runner of slow) {
      runner.out = { why: "slow", reason: `${behind(runner).toFixed(1)} times as long as the fastest` };
    }
    let left = runners.filter(({ out }) => !out);
    // With no competitor left, its time does not matter.
    if (left.length < 2) return;
    // The first run says whether a variant is hopeless, not how fast it is.
    for (const runner of left) runner.times = [];
    const begun = performance.now();
    for (let i = 0; i < MAX_ROUNDS && (i < MIN_ROUNDS || performance.now() - begun < 1000 * seconds); i++) {
      await round(left, (runner) => repeats.get(runner)!);
      left = [...left.slice(1), left[0]!];
    }
  } finally {
    timer.destroy();
  }
}

/** The fastest, unless it saves too little over the first of those that may win. */
function winnerOf(runners: readonly Runner[]): string {
  const able = runners.filter(({ out }) => !out);
  const first = able[0]!;
  const best = able.reduce((a, b) => (median(b.times) < median(a.times) ? b : a));
  const saved = median(first.times) - median(best.times);
  const noise = (spread(first.times) + spread(best.times)) / 2;
  return saved > MIN_GAIN * median(first.times) && saved > noise ? best.name : first.name;
}

function resultOf({ name, error, times, out }: Runner): VariantResult {
  const timed = times.length > 0;
  const ms = timed ? (out ? Math.min(...times) : median(times)) : undefined;
  return { variant: name, error, ms, spreadMs: timed ? spread(times) : undefined, samples: times.length, out };
}

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const median = (values: readonly number[]): number => sorted(values)[values.length >> 1]!;

/** Half the interquartile range. */
function spread(values: readonly number[]): number {
  const quartile = (q: number) => sorted(values)[Math.floor(q * (values.length - 1))]!;
  return (quartile(0.75) - quartile(0.25)) / 2;
}

/** The promise's value; if the adapter refuses, undefined, and the runner is out. */
async function orRefused<T>(runner: Runner, promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    runner.out = { why: "refused", reason: error.message };
    return undefined;
  }
}

/**
 * Relative L2 distance of the worst of several results; for integers, the share of elements that differ. Infinite where one
 * is finite and the other is not.
 */
export function distance(actual: HostValues, expected: HostValues): number {
  const each = expected.map((e, k) => {
    const a = actual[k]!;
    let [difference, norm] = [0, 0];
    for (let i = 0; i < e.length; i++) {
      const [x, y] = [a[i]!, e[i]!];
      if (e instanceof Uint32Array) difference += x === y ? 0 : 1;
      else if (!Object.is(x, y)) {
        difference += (x - y) ** 2;
        norm += y ** 2;
      } else if (Number.isFinite(y)) norm += y ** 2;
    }
    if (e instanceof Uint32Array) return difference / e.length;
    const relative = norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
    return Number.isFinite(relative) ? relative : Infinity;
  });
  return Math.max(0, ...each);
}
