/** The report of a study: its tables, and a comparison of the rows. */
import { rocAt } from "../metrics/bands.ts";
import { benignMalignant, type Classes } from "../data/classes.ts";
import { confusion } from "../metrics/confusion.ts";
import { confusionMatrix, type ConfusionMatrix } from "../metrics/multiclass.ts";
import { casesOf, classCasesOf, classified, type Predictions } from "../metrics/predictions.ts";
import { figureTitles, type FigureName } from "../study/figures.ts";
import type { StudyTable, TableRow } from "../study/results.ts";
import type { Study, StudyRun } from "../study/file.ts";
import { runName } from "../study/plan.ts";
import { figuresOf, otherFigures, PROPOSED, rowOf, tableName, tableOf, type RowName } from "../study/rows.ts";
import { confusionTable, matrixOf } from "./confusion.ts";
import { html, Markup, type Content } from "./html.ts";
import { figure, page, table } from "./page.ts";
import { forestPlot, legend, rocPlot } from "./plots.ts";
import { configuration, explained, type ExplainedCase } from "./run.ts";
import { paperFigures, publishedOf } from "./published.ts";
import { durationText, meanText, pText, settingsText, sideTitles } from "./show.ts";

/** A run of a study, with its predictions for the held-out images. */
export interface StudyRunReport {
  run: StudyRun & { row: RowName };
  /** null if not evaluated yet. */
  predictions: Predictions | null;
  /** Whether its folder has a report. */
  report: boolean;
}

export interface StudyReport {
  name: string;
  study: Study;
  runs: readonly StudyRunReport[];
  explained: readonly ExplainedCase[];
}

/** The page. @param document any DOM, to make the plots in */
export function studyReport(document: Document, report: StudyReport): string {
  const { name, study, runs } = report;
  const { config, results, seeds } = study;
  const done = runs.filter(({ run }) => run.state === "finished").length;
  const about = `${study.data || config.data}; ${settingsText(config)}; seeds ${seeds.join(", ")}${study.adapter ? `; on ${study.adapter}` : ""}`;
  const unfinished =
    done < runs.length &&
    html`<p class="warning">
      This study is not finished: ${done} of ${runs.length} runs are. Its tables come when all runs of a table are.
    </p>`;
  return page(
    `Study: ${name}`,
    html`<h1>${name}</h1>
      <p class="dim">${about}. The ${study.checkpoint} checkpoint of each run is evaluated, at threshold 0.5.</p>
      ${unfinished || ""} ${results.map((result) => tableSection(document, result, study))}
      ${comparison(document, runs)} ${explained(report.explained)} ${runList(runs)}
      <section>
        <h2>Configuration</h2>
        <p class="dim">What all runs share; the model's options, the seed and the fold are each run's own.</p>
        ${configuration(config)}
      </section>`,
  );
}

function tableSection(document: Document, result: StudyTable, study: Study): Markup {
  const { on, images, seeds, rows } = result;
  const set = on === "external" ? study.external : study.data;
  const { title, reference: name } = tableOf(result.table);
  const reference = rowOf(name).label;
  const spread =
    seeds.length === 1
      ? "One seed: the spread between runs is unknown."
      : `Mean ± half the 95 % interval over the seeds (Student's t). The difference from ${reference} is taken seed by seed, with the p of Student's paired test.`;
  const paper = paperFigures();
  const printed = publishedOf(paper, result);
  const [figures, others] = [figuresOf(result.table), otherFigures(result.table)];
  const difference = (v: TableRow["versusBase"], name: FigureName) => {
    const found = v?.others?.[name];
    return found ? [meanText(found, { sign: true }), pText(found.p)] : ["", ""];
  };
  const cells = rows.map(({ label, figures: own, versusBase: v }): Content[] => [
    label,
    ...figures.map((name) => meanText(own[name])),
    ...(v ? [meanText(v.auc, { sign: true }), pText(v.p), v.delong.map(pText).join(", ")] : ["", "", ""]),
    ...others.flatMap((name) => difference(v, name)),
    ...(printed?.columns.map((_, i) => printed.rows[label]?.[i] ?? "") ?? []),
  ]);
  const delong = "DeLong's p by seed";
  const heads = [
    "",
    ...figures.map((name) => figureTitles[name]),
    `AUC − ${reference}'s`,
    "p",
    delong,
    ...others.flatMap((name) => [`${figureTitles[name]} − ${reference}'s`, "p"]),
    ...(printed?.columns.map((name) => `paper: ${name}`) ?? []),
  ];
  const plots = figures.flatMap((figure) => forest(document, figure, rows, name));
  return html`<section>
    <h2>${tableName(result.table)}: ${title}. ${sideTitles[on]}</h2>
    <p class="dim">
      ${images} images of ${set}. ${spread} DeLong's test compares a row with ${reference} on the images of one seed; it
      assumes independent images.
      ${printed ? `The paper's columns are of OTHER data (${paper.source}), not to be compared figure by figure.` : ""}
    </p>
    ${table(
      heads.map((title) => ({ title, text: title === delong })),
      cells,
      (i) => rows[i]!.row === PROPOSED,
    )}
    <div class="plots below">${plots}</div>
  </section>`;
}

function forest(document: Document, name: FigureName, rows: readonly TableRow[], reference: RowName): Markup[] {
  const shown = rows.flatMap(({ label, figures }) => {
    const mean = figures[name];
    return mean ? [{ label, ...mean }] : [];
  });
  if (shown.length === 0) return [];
  const of = rows.find(({ row }) => row === reference)?.figures[name]?.mean;
  const title = figureTitles[name];
  const caption = `Large: the mean with its interval; small: each seed. Dashed: ${rowOf(reference).label}.`;
  return [figure(`${title} by row`, forestPlot(document, title, shown, of), caption)];
}

/** Confusion matrices and ROC curves of all rows on the held-out images. */
function comparison(document: Document, runs: readonly StudyRunReport[]): Content {
  const byRow = new Map<RowName, Predictions[]>();
  for (const { run, predictions } of runs) {
    if (predictions && classified(predictions.images).length > 0)
      byRow.set(run.row, [...(byRow.get(run.row) ?? []), predictions]);
  }
  if (byRow.size === 0) return null;
  const matrices = [...byRow].map(([row, all]) => {
    return html`<figure>
      <h3>${rowOf(row).label}</h3>
      ${confusionTable(added(all.map(matrixOfRun)), classesOf(all[0]!))}
    </figure>`;
  });
  const curves = [...byRow].flatMap(([row, all]) => {
    const { style, label } = rowOf(row);
    const points = meanRoc(all);
    return style && points.length > 0 ? [{ name: label, ...style, points }] : [];
  });
  const roc =
    curves.length === 0
      ? null
      : figure(
          "ROC curves",
          html`${legend(curves)}${rocPlot(document, curves)}`,
          "The mean sensitivity of a row's runs at each false positive rate.",
        );
  return html`<section>
    <h2>The rows on held-out images</h2>
    <p class="dim">Confusion matrices in percent of the actual class; the counts are of all runs of a row together.</p>
    <div class="matrices">${matrices}</div>
    <div class="plots below">${roc}</div>
  </section>`;
}

const classesOf = ({ classes = benignMalignant }: Predictions): Classes => classes;

function matrixOfRun(predictions: Predictions): ConfusionMatrix {
  const { images, threshold } = predictions;
  const classes = classesOf(predictions);
  const known = classified(images);
  return classes.names.length > 2
    ? confusionMatrix(classCasesOf(known, classes))
    : matrixOf(confusion(casesOf(known, classes), threshold), classes);
}

const added = (all: readonly ConfusionMatrix[]): ConfusionMatrix =>
  all.reduce((a, b) => a.map((row, i) => row.map((count, j) => count + b[i]![j]!)));

function meanRoc(all: readonly Predictions[]) {
  const grid = Array.from({ length: 101 }, (_, i) => i / 100);
  const curves = all.flatMap((predictions) => {
    const at = rocAt(casesOf(classified(predictions.images), classesOf(predictions)), grid);
    return at.length > 0 ? [at] : [];
  });
  if (curves.length === 0) return [];
  const points = grid.map((fpr, i) => {
    return { threshold: null, fpr, tpr: curves.reduce((sum, curve) => sum + curve[i]!, 0) / curves.length };
  });
  return [{ threshold: null, fpr: 0, tpr: 0 }, ...points];
}

function runList(runs: readonly StudyRunReport[]): Markup {
  const cells = runs.map(({ run, report }): Content[] => [
    report ? html`<a href="${encodeURI(run.dir)}/report.html">${rowOf(run.row).label}</a>` : rowOf(run.row).label,
    runName({ seed: run.seed, fold: run.fold ?? undefined }),
    run.state,
    run.seconds > 0 ? durationText(run.seconds) : "–",
  ]);
  const columns = [{ title: "row" }, { title: "run" }, { title: "state" }, { title: "training" }];
  return html`<section>
    <h2>Runs</h2>
    ${table(columns, cells)}
  </section>`;
}
