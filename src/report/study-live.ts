/** The part of a study's report that is about its course: what each run is doing, the figures so far, and all curves. */
import type { StudyTable } from "../study/results.ts";
import type { KnownRow } from "../study/results.ts";
import { figuresOf, PROPOSED, rowOf, tableName, tableOf, type RowName, type TableId } from "../study/rows.ts";
import { figureTitles } from "../study/figures.ts";
import type { EpochRecord } from "../train/training.ts";
import { html, Markup, type Content } from "./html.ts";
import { figure, table } from "./page.ts";
import { legend, overlayPlot, type PhasedSeries } from "./plots.ts";
import { meanText, sideTitles } from "./show.ts";

/** A run, as somebody sees it who looks at the study's folder. */
export interface LiveRun {
  /** null: the phase that the rows of a seed and fold start from. */
  row: RowName | null;
  /** "seed-1". */
  name: string;
  state: "waiting" | "paused" | "running" | "lost" | "failed" | "finished";
  /** "2:10", or where and how fast it is trained, or why it failed. */
  detail: string;
  /** How much of its epochs it has behind it, from 0 to 1. */
  share: number;
  records: readonly EpochRecord[];
}

/** A table that is not finished. */
export type KnownTable = Pick<StudyTable, "table" | "on"> & { of: number; rows: KnownRow[] };

export interface LiveStudy {
  /** When this was so. */
  at: string;
  runs: readonly LiveRun[];
  known: readonly KnownTable[];
  /** "3 finished, 2 running; about 1:20 left". */
  summary: string;
  /** Seconds after which the page reads itself again; absent in one that nobody will write again. */
  refresh?: number | undefined;
}

/** What is shown of a study that is not finished. */
export function courseSection({ runs, known, summary, at, refresh }: LiveStudy): Markup {
  const again = refresh === undefined ? "" : ` This page reads itself again every ${refresh} seconds.`;
  return html`<section>
    <h2>Runs so far</h2>
    <p class="dim">${summary}. As of ${at}.${again}</p>
    ${grid(runs)} ${known.map(knownTable)}
  </section>`;
}

/** One cell a run: rows down, seeds and folds across. */
function grid(runs: readonly LiveRun[]): Markup {
  const rows = [...new Set(runs.map(({ row }) => row))].sort((a, b) => Number(a !== null) - Number(b !== null));
  const names = [...new Set(runs.map(({ name }) => name))];
  const cells = rows.map((row): Content[] => [
    row === null ? "Shared phase" : rowOf(row).label,
    ...names.map((name) => cell(runs.find((run) => run.row === row && run.name === name))),
  ]);
  const columns = [{ title: "" }, ...names.map((title) => ({ title: title.replaceAll("-", " "), text: true }))];
  return html`<div class="states">${table(columns, cells)}</div>`;
}

function cell(run: LiveRun | undefined): Content {
  if (!run) return "";
  const { state, detail, share } = run;
  const part = state === "running" ? new Markup(` style="--share: ${(100 * share).toFixed(0)}%"`) : "";
  return html`<div class="${state}" title="${detail}" ${part}><b>${state}</b>${short(detail)}</div>`;
}

/** The whole text is shown where the pointer rests. */
const short = (text: string): string => (text.length > 44 ? `${text.slice(0, 42)} …` : text);

function knownTable({ table: id, on, of, rows }: KnownTable): Markup {
  const figures = figuresOf(id);
  const cells = rows.map(({ label, figures: own, seeds }): Content[] => [
    label,
    `${seeds} of ${of}`,
    ...figures.map((name) => (seeds === 0 ? "–" : meanText(own[name]))),
  ]);
  const heads = ["", "seeds", ...figures.map((name) => figureTitles[name])];
  return html`<div class="below">
    <h3>${tableName(id)} so far: ${tableOf(id).title}. ${sideTitles[on]}</h3>
    <p class="dim">Over the seeds that are finished of each row: rows with different seeds are not to be compared.</p>
    ${table(
      heads.map((title) => ({ title })),
      cells,
      (i) => rows[i]!.row === PROPOSED,
    )}
  </div>`;
}

/** The held-out AUC and the loss of all runs by epoch, laid over each other, for each table: only its rows can be told apart. */
export function curvesSection(document: Document, runs: readonly LiveRun[], tables: readonly TableId[]): Content {
  // Tables 2 and 5 have the same runs.
  const distinct = tables.filter((id, i) => i === tables.findIndex((other) => sameRows(id, other)));
  const plots = distinct.flatMap((id) => {
    const own = runs.filter(({ row }) => row !== null && tableOf(id).rows.includes(row));
    const name = tableName(id);
    const phases = "Means over an epoch's batches. Losses of different phases and models are not comparable.";
    return [
      ...overlay(document, own, `${name}: AUC on the held-out images`, "Each line is a run.", (r) => r.validation?.auc),
      ...overlay(document, own, `${name}: loss`, phases, (r) => r.loss),
    ];
  });
  if (plots.length === 0) return null;
  return html`<section>
    <h2>The training of all runs</h2>
    <div class="plots">${plots}</div>
  </section>`;
}

const sameRows = (a: TableId, b: TableId): boolean => tableOf(a).rows.join() === tableOf(b).rows.join();

function overlay(
  document: Document,
  runs: readonly LiveRun[],
  heading: string,
  caption: string,
  of: (record: EpochRecord) => number | undefined,
): Markup[] {
  const series = runs.flatMap(({ row, records }): PhasedSeries[] => {
    const points = records.flatMap((record, i) => {
      const y = of(record);
      return y === undefined ? [] : [{ x: i + 1, y, phase: record.stage }];
    });
    return points.length === 0 ? [] : [{ name: rowOf(row!).label, ...styleOf(row!), points }];
  });
  if (series.length === 0) return [];
  const names = [...new Map(series.map((each) => [each.name, each])).values()];
  return [figure(heading, html`${legend(names)}${overlayPlot(document, heading, series)}`, caption)];
}

/** Rows without a style of their own are told apart in the grid, not here. */
const styleOf = (row: RowName): { colour: string; dash?: string } =>
  rowOf(row).style ?? { colour: "var(--dim)", dash: "1 2" };
