/** Recorded results in Markdown: the table of docs/benchmark.md, and the README's sentence. */
import { number, percent } from "./print.ts";
import type { Result, Results } from "./results.ts";

/**
 * Replaces what lies between the marks `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` in `text`.
 * @throws Error if there are no marks
 */
export function insertBetween(text: string, name: string, content: string): string {
  const marks = { begin: `<!-- bench:${name} -->`, end: `<!-- /bench:${name} -->` };
  const [begin, end] = [text.indexOf(marks.begin), text.indexOf(marks.end)];
  if (begin < 0 || end < begin) throw new Error(`the text lacks ${marks.begin} and ${marks.end}`);
  return `${text.slice(0, begin + marks.begin.length)}\n\n${content}\n\n${text.slice(end)}`;
}

/**
 * Sentences for each machine: how many times as long as ours the other libraries take for whole steps and inferences of MGA-Net, and
 * of the other networks.
 */
export function headlines(files: readonly Results[]): string {
  const sentences = [...byMachine(files)].flatMap(([machine, recorded]) => {
    const whole = latestResults(recorded).filter(({ group }) => group !== "kernel");
    const own = spans(whole.filter(({ network }) => network === undefined));
    const others = spans(whole.filter(({ network }) => network !== undefined));
    const names = [...new Set(whole.flatMap(({ network }) => network ?? []))].join(", ");
    return [
      ...(own ? [`Time relative to ours on ${machine}: ${own}.`] : []),
      ...(others ? [`Of other networks (${names}) ${own ? "there" : `on ${machine}`}: ${others}.`] : []),
    ];
  });
  return sentences.join("\n\n") || "No results are recorded yet.";
}

/** The range of each peer in steps and in inferences; undefined where there is none. */
function spans(whole: readonly Result[]): string | undefined {
  const parts = (["step", "inference"] as const).flatMap((group) => {
    const results = whole.filter((r) => r.group === group);
    const peers = [...new Set(results.flatMap(({ ratios }) => Object.keys(ratios)))];
    const spans = peers.map((peer) => {
      const values = results.flatMap(({ ratios }) => ratios[peer] ?? []);
      return `${number(Math.min(...values))} to ${number(Math.max(...values))} times with ${peer}`;
    });
    return peers.length === 0
      ? []
      : [`${group === "step" ? "a training step takes" : "inference"} ${spans.join(", ")}`];
  });
  return parts.length === 0 ? undefined : parts.join("; ");
}

/** From the oldest to the newest. */
function byMachine(files: readonly Results[]): Map<string, Results[]> {
  const machines = groupBy(
    files,
    ({ adapter, environment }) => `${adapter}, ${environment.cpu}, ${environment.cores} cores`,
  );
  for (const recorded of machines.values()) {
    recorded.sort((a, b) => a.environment.date.localeCompare(b.environment.date));
  }
  return machines;
}

/** @param files from the oldest to the newest: of one benchmark the newest result counts */
const latestResults = (files: readonly Results[]): Result[] => [
  ...new Map(files.flatMap((file) => file.results.map((r) => [r.name, r] as const))).values(),
];

/** A table for each machine, of all files recorded there. */
export function speedTables(files: readonly Results[]): string {
  const tables = [...byMachine(files)].map(([machine, recorded]) => machineTable(machine, recorded));
  return tables.join("\n\n") || "No results are recorded yet.";
}

function machineTable(machine: string, files: readonly Results[]): string {
  const results = latestResults(files);
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
