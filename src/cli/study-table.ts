/** A study's tables for people (text, markdown) and for spreadsheets (CSV). */
import { figureNames, type FigureName, type Mean, type StudyTable, type TableRow } from "../train/study-results.ts";
import { tables } from "../train/study.ts";
import type { Published } from "./published.ts";
import { table as textTable } from "./table.ts";

const names: Readonly<Record<FigureName, string>> = { accuracy: "Accuracy", auc: "AUC", f1: "F1", dice: "Dice" };
const sides: Readonly<Record<string, string>> = { val: "held-out", test: "test", external: "external" };

/** "0.912 ± 0.021": the mean and half its 95 % interval, of one seed the value alone; "-" where it is not defined. */
export function showMean(mean: Mean | null, sign = false): string {
  if (!mean) return "-";
  const plus = sign && mean.mean >= 0 ? "+" : "";
  const half = mean.interval ? ` ± ${((mean.interval[1] - mean.interval[0]) / 2).toFixed(3)}` : "";
  return `${plus}${mean.mean.toFixed(3)}${half}`;
}

const showP = (p: number | null): string => (p === null ? "-" : p < 0.001 ? "<0.001" : p.toFixed(3));

/** What the paper says of a row, in its own columns. */
function publishedCells(published: Published | undefined, { table }: StudyTable, { label }: TableRow): string[] {
  const given = published?.tables[table];
  return given ? (given.rows[label] ?? given.columns.map(() => "")) : [];
}

function cells(study: StudyTable, published: Published | undefined): { heads: string[]; rows: string[][] } {
  const paper = published?.tables[study.table]?.columns.map((name) => `paper: ${name}`) ?? [];
  return {
    heads: ["", ...figureNames.map((name) => names[name]), "AUC - Base's", "p", "DeLong's p by seed", ...paper],
    rows: study.rows.map((row) => [
      row.label,
      ...figureNames.map((name) => showMean(row.figures[name])),
      ...(row.versusBase
        ? [showMean(row.versusBase.auc, true), showP(row.versusBase.p), row.versusBase.delong.map(showP).join(" ")]
        : ["", "", ""]),
      ...publishedCells(published, study, row),
    ]),
  };
}

/** The line above a table. */
export function heading({ table, on, images, seeds }: StudyTable, data: string, checkpoint: string): string {
  return `Table ${table}, ${tables[table].title}: ${data}, ${images} ${sides[on] ?? on} images, ${checkpoint} checkpoint, ${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}`;
}

/** What the columns are. */
export function remarks(study: StudyTable, published: Published | undefined): string[] {
  const one = study.seeds.length === 1;
  const given = published?.tables[study.table];
  return [
    one
      ? "One seed: nothing is known of the spread between trainings."
      : "Mean ± half its 95 % interval over the seeds (Student's t). AUC - Base's: seed by seed, p of Student's paired test.",
    "DeLong's p tells whether Base and the row differ on these very images, one p a seed; it takes images for independent.",
    given
      ? `Columns "paper" are from ${published.source}: OTHER data, not to be compared figure by figure.`
      : "The paper's own figures are not part of this program; --published FILE prints them beside (docs/study.md).",
  ];
}

export const showTable = (study: StudyTable, published?: Published): string[] => {
  const { heads, rows } = cells(study, published);
  return textTable(heads, rows, { left: [0] });
};

export function markdownTable(study: StudyTable, title: string, published?: Published): string {
  const { heads, rows } = cells(study, published);
  const escape = (cell: string) => cell.replaceAll("|", "\\|");
  const line = (row: readonly string[]) => `| ${row.map(escape).join(" | ")} |`;
  const rule = `| ${heads.map((_, i) => (i === 0 ? "---" : "---:")).join(" | ")} |`;
  return (
    [title, "", line(heads), rule, ...rows.map(line), "", ...remarks(study, published).map((r) => `- ${r}`)].join(
      "\n",
    ) + "\n"
  );
}

/** A line a row and figure: value by seed, mean and interval, unrounded. */
export function csvTable(study: StudyTable): string {
  const quote = (cell: string) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const heads = ["table", "on", "row", "figure", "mean", "low", "high", ...study.seeds.map((seed) => `seed ${seed}`)];
  const line = (row: TableRow, figure: string, mean: Mean | null) =>
    [study.table, study.on, row.label, figure, mean?.mean, ...(mean?.interval ?? ["", ""]), ...(mean?.values ?? [])]
      .map((cell) => quote(String(cell ?? "")))
      .join(",");
  const lines = study.rows.flatMap((row) => [
    ...figureNames.map((name) => line(row, name, row.figures[name])),
    ...(row.versusBase ? [line(row, "auc - base", row.versusBase.auc)] : []),
  ]);
  return `${[heads.join(","), ...lines].join("\n")}\n`;
}
