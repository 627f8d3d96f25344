/** What the benchmark writes and prints. */
import type { Timing } from "./sampling.ts";

export const groups = ["kernel", "step", "inference"] as const;
export type Group = (typeof groups)[number];

/** One line of the comparison. */
export interface Result {
  name: string;
  group: Group;
  /** `gflops` counts the convolutions by the direct algorithm; `peakFraction` is its share of the measured peak. */
  ours: Timing & { gflops: number; peakFraction: number };
  peers: Record<string, Timing>;
  /** By peer: how many times as long as ours it takes, median by median. */
  ratios: Record<string, number>;
}

/** The file that --json writes. */
export interface Results {
  adapter: string;
  /** Measured multiply-add peak of the adapter, GFLOP/s. */
  peak: number;
  results: Result[];
}

export function printTable(results: readonly Result[]): void {
  for (const { name, ours, peers, ratios } of results) {
    console.log(`\n${name}`);
    const share = `${ours.gflops.toFixed(1)} GFLOP/s, ${(100 * ours.peakFraction).toFixed(0)} % of the peak`;
    console.log(`  ${"ours".padEnd(14)} ${show(ours)}          ${share}`);
    for (const [peer, timing] of Object.entries(peers)) {
      console.log(`  ${peer.padEnd(14)} ${show(timing)}  ${ratios[peer]!.toFixed(2).padStart(6)} times as long`);
    }
  }
}

const show = ({ medianMs, spreadMs }: Timing): string =>
  `${medianMs.toFixed(1).padStart(9)} ms  (interquartile range ${spreadMs.toFixed(1)})`;
