/** The README's table of recorded results, in Markdown. */
import { number, percent } from "./print.ts";
import type { Result, Results } from "./results.ts";

const MARKS = { begin: "<!-- bench:table -->", end: "<!-- /bench:table -->" };

/**
 * Replaces what lies between the marks in `text`.
 * @throws Error if there are no marks
 */
export function insertTable(text: string, table: string): string {
  const [begin, end] = [text.indexOf(MARKS.begin), text.indexOf(MARKS.end)];
  if (begin < 0 || end < begin) throw new Error(`the text lacks ${MARKS.begin} and ${MARKS.end}`);
  return `${text.slice(0, begin + MARKS.begin.length)}\n\n${table}\n\n${text.slice(end)}`;
}

/** A table for each machine, of all files recorded there. */
export function speedTables(files: readonly Results[]): string {
  const machines = groupBy(
    files,
    ({ adapter, environment }) => `${adapter}, ${environment.cpu}, ${environment.cores} cores`,
  );
  const tables = [...machines].map(([machine, recorded]) => {
    const latest = recorded.toSorted((a, b) => a.environment.date.localeCompare(b.environment.date));
    return machineTable(machine, latest);
  });
  return tables.join("\n\n") || "No results are recorded yet.";
}

/** @param files from the oldest to the newest: of one benchmark the newest result counts */
function machineTable(machine: string, files: readonly Results[]): string {
  const results = [...new Map(files.flatMap((file) => file.results.map((r) => [r.name, r] as const))).values()];
  const { environment, peak } = files.at(-1)!;
  const peers = Object.keys(environment.peers);
  const whole = results
    .filter(({ group }) => group !== "kernel")
    .map((r): string[] => [
      `${r.name}${r.batch === undefined ? "" : `, batch ${r.batch}`}`,
      `${number(r.ours.medianMs)} ms`,
      percent(r.ours.peakFraction),
      "",
      ...peers.map((peer) => (r.ratios[peer] === undefined ? "" : number(r.ratios[peer]))),
    ]);
  const kinds = groupBy(
    results.filter(({ group }) => group === "kernel"),
    kindOf,
  );
  const kernels = [...kinds].map(([kind, list]): string[] => [
    `${kind} (${list.length})`,
    "",
    percent(geometricMean(list.map(({ ours }) => ours.peakFraction))),
    percent(geometricMean(list.map(({ ours }) => ours.copyFraction ?? 0))),
    ...peers.map((peer) => ratios(list, peer)),
  ]);
  const rows = [...whole, ...kernels];
  const columns = [...Array(4 + peers.length).keys()].filter((i) => i < 3 || rows.some((row) => row[i] !== ""));
  const head = ["", "ours", "of peak", "of copy", ...peers.map((peer) => `${peer} ${environment.peers[peer]}`)];
  const line = (cells: readonly string[]) => `| ${columns.map((i) => cells[i]).join(" | ")} |`;
  const rule = `| ${columns.map((i) => (i === 0 ? "---" : "--:")).join(" | ")} |`;
  const lanes = environment.lpNumThreads === null ? "" : `, LP_NUM_THREADS ${environment.lpNumThreads}`;
  const caption =
    `**${machine}**: multiply-add peak ${peak.toFixed(0)} GFLOP/s, Node ${environment.node}${lanes}, ` +
    environment.date.slice(0, 10);
  return [caption, "", line(head), rule, ...rows.map(line)].join("\n");
}

/** What kernels are counted together. */
function kindOf({ name }: Result): string {
  const [, kind, shape, pass] = name.split("/");
  if (kind !== "conv2d") return [kind, pass].filter(Boolean).join(" ");
  const window = /-(\d+x\d+)s/.exec(shape!)![1];
  return `conv2d ${window} ${pass}`;
}

/** Geometric mean and range of how many times as long a peer takes. */
function ratios(list: readonly Result[], peer: string): string {
  const values = list.map((r) => r.ratios[peer]).filter((ratio) => ratio !== undefined);
  if (values.length === 0) return "";
  const mean = number(geometricMean(values));
  return values.length === 1 ? mean : `${mean} (${number(Math.min(...values))}–${number(Math.max(...values))})`;
}

const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const grouped = new Map<string, T[]>();
  for (const item of items) grouped.set(keyOf(item), [...(grouped.get(keyOf(item)) ?? []), item]);
  return grouped;
}
