/** Times ours and the peers against each other, once they have been shown to compute the same. */
import type { Profiler } from "../src/cli/profile.ts";
import type { Gpu } from "../src/gpu/gpu.ts";
import type { NetworkName } from "./shared-networks.ts";
import { UnableError, type Peer } from "./peers/peer.ts";
import type { Group, Result } from "./results.ts";
import { interleave, timingOf, type Contestant } from "./sampling.ts";

export interface BenchContext {
  readonly gpu: Gpu;
  /** Multiply-add peak of the adapter, GFLOP/s. */
  readonly peak: number;
  /** Copy bandwidth of the adapter, GB/s. */
  readonly bandwidth: number;
  readonly peers: readonly Peer[];
  /** Samples of each contestant at most; at least `fewest`. */
  readonly rounds: number;
  /** Milliseconds after which no more samples are begun, once there are `fewest`. */
  readonly budgetMs: number;
  /** Whether to compare training steps on images of a second size, too, on which they have to agree more closely. */
  readonly thorough: boolean;
  /** As for the device that the benchmark runs on, for those that open one of their own. */
  readonly adapter?: string | undefined;
  readonly tuned?: boolean;
  /** Wants to know where the time of our steps and inference goes; undefined where nobody asked. */
  readonly profiler?: Profiler | undefined;
  /** A line of progress. */
  readonly say: (text: string) => void;
}

/** The fewest samples from which a median with its quartiles is worth printing. */
const FEWEST = 3;

/** Something that was compiled and is ready to be timed. */
export interface Entry {
  /** Runs it so many times. */
  run(times: number): Promise<unknown>;
  destroy(): void | Promise<void>;
}

/** What was made, if `check` has nothing against it; else it is destroyed. */
export async function checked<T extends Pick<Entry, "destroy">>(made: T, check: () => Promise<void>): Promise<T> {
  try {
    await check();
    return made;
  } catch (error) {
    await made.destroy();
    throw error;
  }
}

/** Milliseconds that a sample takes at least: far more than the clock and the waiting are off by. */
const SAMPLE_MS = 10;

/**
 * @param ours already compiled, and run once
 * @param enter makes a peer's entry, checked for equal results; undefined where it takes no part
 * @throws EqualityError if a peer does not compute the same
 */
export async function contest(
  { gpu, peak, bandwidth, peers, rounds, budgetMs, say }: BenchContext,
  what: { name: string; group: Group; network?: NetworkName; batch: number | undefined; flops: number; bytes?: number },
  ours: Entry,
  enter: (peer: Peer) => Promise<Entry | undefined>,
): Promise<Result> {
  const entries = new Map<string, Entry>([["ours", ours]]);
  const leftOut: Record<string, string> = {};
  const taking: Peer[] = [];
  try {
    for (const peer of peers) {
      try {
        const entry = await enter(peer);
        if (!entry) continue;
        entries.set(peer.name, entry);
        taking.push(peer);
      } catch (error) {
        if (!(error instanceof UnableError)) throw error;
        leftOut[peer.name] = error.message;
        say(`  ${peer.name} is left out: ${error.message}`);
      }
    }
    const contestants = new Map<string, Contestant>();
    let roundMs = 0;
    for (const [name, entry] of entries) {
      const { times, ms } = await repeatsOf(entry);
      roundMs += times * ms;
      contestants.set(name, { run: () => entry.run(times), times });
    }
    const affordable = Math.floor(budgetMs / roundMs);
    const count = Math.min(rounds, Math.max(FEWEST, affordable));
    const samples = await interleave(contestants, count, () => gpu.check());
    const own = timingOf(samples.get("ours")!);
    const gflops = what.flops / own.medianMs / 1e6;
    const timings = taking.map(({ name }) => [name, timingOf(samples.get(name)!)] as const);
    return {
      name: what.name,
      group: what.group,
      ...(what.network === undefined || what.network === "mganet" ? {} : { network: what.network }),
      ...(what.batch === undefined ? {} : { batch: what.batch }),
      rounds: count,
      ours: {
        ...own,
        gflops,
        peakFraction: gflops / peak,
        ...(what.flops === 0 ? copying(what.bytes, own, bandwidth) : {}),
      },
      peers: Object.fromEntries(timings),
      ratios: Object.fromEntries(timings.map(([name, { medianMs }]) => [name, medianMs / own.medianMs])),
      ...(Object.keys(leftOut).length > 0 ? { leftOut } : {}),
    };
  } finally {
    for (const entry of entries.values()) await entry.destroy();
    for (const peer of peers) peer.release?.();
  }
}

/** How fast something whose cost is bytes moves them, next to a copy. */
function copying(bytes: number | undefined, { medianMs }: { medianMs: number }, bandwidth: number) {
  if (bytes === undefined) return {};
  const gbs = bytes / medianMs / 1e6;
  return { gbs, copyFraction: gbs / bandwidth };
}

/** How many runs make a sample, by the shortest of three; these warm up, too. */
async function repeatsOf(entry: Entry): Promise<{ times: number; ms: number }> {
  let ms = Infinity;
  for (let i = 0; i < 3; i++) {
    const begun = performance.now();
    await entry.run(1);
    ms = Math.min(ms, performance.now() - begun);
    if (ms > 20 * SAMPLE_MS) break;
  }
  return { times: Math.max(1, Math.ceil(SAMPLE_MS / ms)), ms };
}
