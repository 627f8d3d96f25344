/** The confusion matrices of a study's rows, and the table that Figure 3 shows. */
import { benignMalignant, type Classes } from "../data/classes.ts";
import { confusion } from "../metrics/confusion.ts";
import { confusionMatrix, type ConfusionMatrix } from "../metrics/multiclass.ts";
import { casesOf, classCasesOf, classified, type Predictions } from "../metrics/predictions.ts";
import type { Study } from "../study/file.ts";
import { sideNames, type SideName } from "../study/figures.ts";
import type { StudyTable } from "../study/results.ts";
import { rowOf, tableName, tableOf, type RowName } from "../study/rows.ts";
import { hasNumbers, type ConfusionPanel } from "./confusion-panel.ts";
import { matrixOf } from "./confusion.ts";
import { plural, sideTitles } from "./show.ts";

/** A finished run's predictions for the images of each side. */
export interface EvaluatedRun {
  row: RowName;
  seed: number;
  predictions: Partial<Record<SideName, Predictions>>;
}

export const classesOfRun = ({ classes = benignMalignant }: Predictions): Classes => classes;

function matrixOfRun(predictions: Predictions): ConfusionMatrix {
  const { images, threshold } = predictions;
  const classes = classesOfRun(predictions);
  const known = classified(images);
  return classes.names.length > 2
    ? confusionMatrix(classCasesOf(known, classes))
    : matrixOf(confusion(casesOf(known, classes), threshold), classes);
}

const added = (all: readonly ConfusionMatrix[]): ConfusionMatrix =>
  all.reduce((a, b) => a.map((row, i) => row.map((count, j) => count + b[i]![j]!)));

/** The matrices of rows on a side, with the counts of all their runs together; undefined if no run has any. */
export function panelOf(
  rows: readonly RowName[],
  on: SideName,
  runs: readonly EvaluatedRun[],
): ConfusionPanel | undefined {
  const evaluated = rows.flatMap((row) => {
    const all = runs.flatMap((run) => (run.row === row ? (run.predictions[on] ?? []) : []));
    const known = all.filter(({ images }) => classified(images).length > 0);
    return known.length > 0 ? [{ row, known }] : [];
  });
  if (evaluated.length === 0) return undefined;
  return {
    names: classesOfRun(evaluated[0]!.known[0]!).names,
    matrices: evaluated.map(({ row, known }) => {
      return { label: rowOf(row).label, matrix: added(known.map(matrixOfRun)) };
    }),
  };
}

/** What Figure 3 shows of the paper's tables if it can; else the first of those that the study has, whenever they were made. */
const FIGURE_3 = [
  { table: "2", on: "val" },
  { table: "5", on: "external" },
] as const;

/** The table whose matrices are Figure 3; undefined before one is finished. */
export function figure3Table(results: readonly StudyTable[]): StudyTable | undefined {
  for (const { table, on } of FIGURE_3) {
    const found = results.find((result) => String(result.table) === table && result.on === on);
    if (found) return found;
  }
  const place = ({ table, on }: StudyTable) => `${table} ${sideNames.indexOf(on)}`;
  return [...results].sort((a, b) => (place(a) < place(b) ? -1 : 1))[0];
}

/** The matrices of a table of a study, with a caption that says what they are of. */
export function tablePanel(
  result: StudyTable,
  { data, external, checkpoint, config }: Study,
  runs: readonly EvaluatedRun[],
): (ConfusionPanel & { caption: string }) | undefined {
  const { table, on, images, seeds, rows } = result;
  const names = rows.map(({ row }) => row);
  const own = runs.filter(
    ({ row, seed, predictions }) => names.includes(row) && seeds.includes(seed) && predictions[on],
  );
  const panel = panelOf(names, on, own);
  if (!panel) return undefined;
  const parts = [
    ...(seeds.length > 1 ? [plural(seeds.length, "seed")] : []),
    ...(config.folds > 0 && on !== "val" ? [`${config.folds} folds`] : []),
  ];
  const pooled = parts.length > 0 ? `, added up over the ${parts.join(" and ")}` : "";
  const rule = panel.names.length > 2 ? "the most probable class is the predicted one" : "threshold 0.5";
  const all = rows.length * seeds.length * Math.max(1, config.folds);
  const missing =
    own.length === all ? "" : ` Without ${all - own.length} of ${all} runs, of which no predictions are kept.`;
  const numbers = hasNumbers(panel.names.length)
    ? `Small: the number of images${pooled}.`
    : `Too many classes for numbers; they are in the runs' predictions.`;
  const caption =
    `Confusion matrices of ${tableName(table).replace("Study", "the study")} (${tableOf(table).title}) in percent of the actual class: ` +
    `${sideTitles[on].toLowerCase()} of ${on === "external" ? external : data}, ${images} of known class; ${checkpoint} checkpoint, ${rule}. ${numbers}${missing}`;
  return { ...panel, caption };
}
