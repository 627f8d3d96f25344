/** Formats a study's tables for people (text, Markdown) and for spreadsheets (CSV). */
import { stringify } from "csv-stringify/sync";
import { meanText, pText, sideTitles } from "../report/show.ts";
import { figureTitles } from "../study/figures.ts";
import type { Mean, StudyTable, TableRow } from "../study/results.ts";
import { figuresOf, otherFigures, rowOf, tableName, tableOf } from "../study/rows.ts";
import { publishedOf, type Published } from "../report/published.ts";
import { table as textTable } from "./table.ts";

/** Label of the row that the others of a table are compared with. */
const referenceOf = ({ table }: StudyTable): string => rowOf(tableOf(table).reference).label;

/** Published values for a row, in columns of their own. */
function publishedCells(published: Published, study: StudyTable, { label }: TableRow): string[] {
  const given = publishedOf(published, study);
  return given ? (given.rows[label] ?? given.columns.map(() => "")) : [];
}

function cells(study: StudyTable, published: Published): { heads: string[]; rows: string[][] } {
  const paper = publishedOf(published, study)?.columns.map((name) => `paper: ${name}`) ?? [];
  const [figures, others] = [figuresOf(study.table), otherFigures(study.table)];
  const reference = referenceOf(study);
  return {
    heads: [
      "",
      ...figures.map((name) => figureTitles[name]),
      `AUC − ${reference}'s`,
      "p",
      "DeLong's p by seed",
      ...others.flatMap((name) => [`${figureTitles[name]} − ${reference}'s`, "p"]),
      ...paper,
    ],
    rows: study.rows.map((row) => [
      row.label,
      ...figures.map((name) => meanText(row.figures[name])),
      ...(row.versusBase
        ? [
            meanText(row.versusBase.auc, { sign: true }),
            pText(row.versusBase.p),
            row.versusBase.delong.map(pText).join(" "),
          ]
        : ["", "", ""]),
      ...others.flatMap((name) => {
        const difference = row.versusBase?.others?.[name];
        return difference ? [meanText(difference, { sign: true }), pText(difference.p)] : ["", ""];
      }),
      ...publishedCells(published, study, row),
    ]),
  };
}

/** The line above a table. */
export function heading({ table, on, images, seeds }: StudyTable, data: string, checkpoint: string): string {
  return `${tableName(table)}, ${tableOf(table).title}: ${data}, ${sideTitles[on].toLowerCase()}: ${images}, ${checkpoint} checkpoint, ${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}`;
}

/** Explains the columns. */
export function remarks(study: StudyTable, published: Published): string[] {
  const one = study.seeds.length === 1;
  return [
    one
      ? "One seed: the spread between runs is unknown."
      : `Mean ± half its 95 % interval over the seeds (Student's t). AUC − ${referenceOf(study)}'s: seed by seed, p of Student's paired test.`,
    `DeLong's p tests whether ${referenceOf(study)} and the row differ on exactly these images, one p per seed; it assumes independent images.`,
    ...(publishedOf(published, study)
      ? [`Columns "paper" are from ${published.source}: OTHER data, not to be compared figure by figure.`]
      : []),
  ];
}

export const showTable = (study: StudyTable, published: Published): string[] => {
  const { heads, rows } = cells(study, published);
  return textTable(heads, rows, { left: [0] });
};

/** @param notes further remarks */
export function markdownTable(
  study: StudyTable,
  title: string,
  published: Published,
  notes: readonly string[] = [],
): string {
  const { heads, rows } = cells(study, published);
  const escape = (cell: string) => cell.replaceAll("|", "\\|");
  const line = (row: readonly string[]) => `| ${row.map(escape).join(" | ")} |`;
  const rule = `| ${heads.map((_, i) => (i === 0 ? "---" : "---:")).join(" | ")} |`;
  const said = [...remarks(study, published), ...notes].map((remark) => `- ${remark}`);
  return `${[title, "", line(heads), rule, ...rows.map(line), "", ...said].join("\n")}\n`;
}

/** One line per row and metric: values by seed, mean and interval, unrounded. */
export function csvTable(study: StudyTable): string {
  const heads = ["table", "on", "row", "figure", "mean", "low", "high", ...study.seeds.map((seed) => `seed ${seed}`)];
  const line = (row: TableRow, figure: string, mean: Mean | null) =>
    [
      study.table,
      study.on,
      row.label,
      figure,
      mean?.mean,
      ...(mean?.interval ?? ["", ""]),
      ...(mean?.values ?? []),
    ].map((cell) => String(cell ?? ""));
  const lines = study.rows.flatMap((row) => [
    ...figuresOf(study.table).map((name) => line(row, name, row.figures[name])),
    ...(row.versusBase ? [line(row, `auc - ${tableOf(study.table).reference}`, row.versusBase.auc)] : []),
    ...otherFigures(study.table).flatMap((name) => {
      const difference = row.versusBase?.others?.[name];
      return difference ? [line(row, `${name} - ${tableOf(study.table).reference}`, difference)] : [];
    }),
  ]);
  return stringify([heads, ...lines]);
}
