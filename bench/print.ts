/** Results for people at a terminal. */
import { formatBytes } from "../src/gpu/gpu.ts";
import type { Result, Results } from "./results.ts";

type Timing = Result["ours"] | Result["peers"][string];

const show = ({ medianMs, spreadMs }: Timing): string =>
  `${number(medianMs).padStart(9)} ms  (interquartile range ${number(spreadMs)})`;

/** Three digits that count. */
export function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** One benchmark, as soon as it is done. */
export function printResult({ name, batch, rounds, ours, peers, ratios, leftOut = {}, ...more }: Result): void {
  const images = batch === undefined ? "" : `batch ${batch}, `;
  console.log(`\n${name}  (${images}${rounds} samples)`);
  console.log(`  ${"ours".padEnd(14)} ${show(ours)}  ${rate(ours)}`.trimEnd());
  if (more.compileMs !== undefined) console.log(`  compiled in ${number(more.compileMs / 1000)} s`);
  if (more.memory) {
    const { activations, variables, process } = more.memory;
    const parts = `activations ${formatBytes(activations)}, parameters and Adam's state ${formatBytes(variables)}`;
    console.log(`  memory: ${parts}; the process ${formatBytes(process)}`);
  }
  for (const [peer, timing] of Object.entries(peers)) {
    console.log(`  ${peer.padEnd(14)} ${show(timing)}  ${number(ratios[peer]!)} times as long`);
  }
  for (const [peer, reason] of Object.entries(leftOut)) console.log(`  ${peer.padEnd(14)} left out: ${reason}`);
}

function rate({ gflops, peakFraction, gbs, copyFraction }: Result["ours"]): string {
  if (gflops > 0) return `${number(gflops)} GFLOP/s, ${percent(peakFraction)} of the peak`;
  return gbs === undefined ? "" : `${number(gbs)} GB/s, ${percent(copyFraction)} of a copy`;
}

/** "85 %"; empty where there is no such share. */
export const percent = (fraction: number | undefined): string =>
  fraction === undefined || fraction === 0 ? "" : `${(100 * fraction).toFixed(0)} %`;

/** All of them, a line each. */
export function printSummary({ results, peak, environment }: Results): void {
  const names = [...new Set(results.flatMap(({ ratios }) => Object.keys(ratios)))];
  const head = ["times as long as ours", "ours, ms", "of peak", "of copy", ...names];
  const rows = results.map(({ name, ours, ratios }) => [
    name,
    number(ours.medianMs),
    percent(ours.peakFraction),
    percent(ours.copyFraction),
    ...names.map((peer) => (ratios[peer] === undefined ? "-" : number(ratios[peer]))),
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)));
  console.log(`\nMultiply-add peak: ${peak.toFixed(0)} GFLOP/s; copy: ${environment.copyGBs} GB/s`);
  for (const row of [head, ...rows]) {
    const cells = row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)));
    console.log(cells.join("  ").trimEnd());
  }
}
