/** Recorded results in Markdown: the table of docs/benchmark.md, and the README's sentence. */
import { formatBytes } from "../src/gpu/gpu.ts";
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

/** A table for each machine of what other libraries were compared in. */
export const speedTables = (files: readonly Results[]): string =>
  tablesOf(files, ({ group, name }) => group !== "model" && !isOp(name), speedTable);

function speedTable(results: readonly Result[], { environment }: Results): string[] {
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
  const head = ["", "ours", "of peak", "of copy", ...peers.map((peer) => `${peer} ${environment.peers[peer]}`)];
  const columns = [...Array(4 + peers.length).keys()].filter((i) => i < 3 || rows.some((row) => row[i] !== ""));
  const cut = (cells: readonly string[]) => columns.map((i) => cells[i]!);
  return markdown(cut(head), rows.map(cut));
}

/** A table for each machine of training steps at full width. */
export const modelTables = (files: readonly Results[]): string =>
  tablesOf(files, ({ group }) => group === "model", modelTable);

function modelTable(results: readonly Result[]): string[] {
  const head = ["", "GFLOP", "ours", "of peak", "compiled in", "activations", "parameters and Adam", "process"];
  const rows = results.map(({ name, batch, ours, compileMs, memory }) => [
    `${name.replace("model/", "")}, batch ${batch}`,
    number((ours.gflops * ours.medianMs) / 1e3),
    `${number(ours.medianMs / 1000)} s`,
    percent(ours.peakFraction),
    compileMs === undefined ? "" : `${number(compileMs / 1000)} s`,
    ...(["activations", "variables", "process"] as const).map((part) => (memory ? formatBytes(memory[part]) : "")),
  ]);
  return markdown(head, rows);
}

/** A table for each machine of the kernels of training steps, a row for those of one name: how fast the one with the most work is. */
export const opTables = (files: readonly Results[]): string => tablesOf(files, ({ name }) => isOp(name), opTable);

const isOp = (name: string): boolean => name.startsWith("op/");

function opTable(results: readonly Result[]): string[] {
  const kinds = groupBy(results, ({ name }) => name.split("/")[1]!);
  const work = ({ ours }: Result) => ours.medianMs * (ours.gflops || (ours.gbs ?? 0));
  const rows = [...kinds].sort().map(([kind, list]) => {
    const { name, ours } = list.reduce((most, one) => (work(one) > work(most) ? one : most));
    const shape = name.split("/")[2]!.split(/[,-]/, 1)[0]!.replaceAll("x", "×");
    return [
      `${kind} (${list.length})`,
      shape,
      `${number(ours.medianMs)} ms`,
      percent(ours.peakFraction),
      percent(ours.copyFraction),
    ];
  });
  return markdown(["", "largest", "ours", "of peak", "of copy"], rows, 2);
}

/** A table for each machine that has results of a kind. */
function tablesOf(
  files: readonly Results[],
  wanted: (result: Result) => boolean,
  table: (results: readonly Result[], last: Results) => string[],
): string {
  const tables = [...byMachine(files)].flatMap(([machine, recorded]) => {
    const having = recorded.filter(({ results }) => results.some(wanted));
    const last = having.at(-1);
    return last ? [[...captionOf(machine, last), ...table(latestResults(having).filter(wanted), last)].join("\n")] : [];
  });
  return tables.join("\n\n") || "No results are recorded yet.";
}

function captionOf(machine: string, { peak, environment }: Results): string[] {
  const lanes = environment.lpNumThreads === null ? "" : `, LP_NUM_THREADS ${environment.lpNumThreads}`;
  const caption =
    `**${machine}**: multiply-add peak ${peak.toFixed(0)} GFLOP/s, Node ${environment.node}${lanes}, ` +
    environment.date.slice(0, 10);
  return [caption, ""];
}

/** @param left columns of text, before those of numbers */
function markdown(head: readonly string[], rows: readonly (readonly string[])[], left = 1): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i < left ? "---" : "--:"))), ...rows.map(line)];
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
