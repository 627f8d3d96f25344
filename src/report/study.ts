/** The report of a study: the tables, and how the rows compare. */
import { rocAt } from "../metrics/bands.ts";
import { confusion, type Confusion } from "../metrics/confusion.ts";
import { casesOf, classified, type Predictions } from "../metrics/predictions.ts";
import { figureNames, type FigureName, type Mean, type StudyTable, type TableRow } from "../train/study-results.ts";
import type { Study, StudyRun } from "../train/study-file.ts";
import { rows as rowsOf, runName, tables, type RowName } from "../train/study.ts";
import { confusionMatrix } from "./confusion.ts";
import { html, Markup, type Content } from "./html.ts";
import { figure, page, table } from "./page.ts";
import { forestPlot, legend, rocPlot, type Series } from "./plots.ts";
import { configuration, explained, type ExplainedCase } from "./run.ts";
import { durationText, pText, sideTitles, three } from "./show.ts";

/** A run of a study, with what it says of its held-out images. */
export interface StudyRunReport {
  run: StudyRun & { row: RowName };
  /** null where it has not been evaluated. */
  predictions: Predictions | null;
  /** Whether there is a report in its folder. */
  report: boolean;
}

export interface StudyReport {
  name: string;
  study: Study;
  runs: readonly StudyRunReport[];
  explained: readonly ExplainedCase[];
}

const titles: Readonly<Record<FigureName, string>> = { accuracy: "Accuracy", auc: "AUC", f1: "F1", dice: "Dice" };

/** The page. @param document of any DOM, in which the plots are made */
export function studyReport(document: Document, report: StudyReport): string {
  const { name, study, runs } = report;
  const { config, results, seeds } = study;
  const done = runs.filter(({ run }) => run.state === "finished").length;
  const [h, w] = config.size;
  const about = `${study.data || config.data}; preset ${config.preset}, width ${config.width}, ${h}×${w}, ${config.epochs.segmentation} + ${config.epochs.joint} epochs; seeds ${seeds.join(", ")}${study.adapter ? `; on ${study.adapter}` : ""}`;
  const unfinished =
    done < runs.length &&
    html`<p class="warning">
      This study is not finished: ${done} of ${runs.length} runs are. Its tables come when all runs of a table are.
    </p>`;
  return page(
    `MGA-Net: ${name}`,
    html`<h1>${name}</h1>
      <p class="dim">${about}. The ${study.checkpoint} checkpoint of each run is evaluated, at threshold 0.5.</p>
      ${unfinished || ""} ${results.map((result) => tableSection(document, result, study))}
      ${comparison(document, runs)} ${explained(report.explained)} ${runList(runs)}
      <section>
        <h2>Configuration</h2>
        <p class="dim">What all runs share; the fusion, the scales, the seed and the fold are each run's own.</p>
        ${configuration(config)}
      </section>`,
  );
}

/** "0.912 ± 0.021". */
function meanText(mean: Mean | null, sign = false): string {
  if (!mean) return "–";
  const half = mean.interval ? ` ± ${three((mean.interval[1] - mean.interval[0]) / 2)}` : "";
  return `${sign && mean.mean >= 0 ? "+" : ""}${three(mean.mean)}${half}`.replace("-", "−");
}

function tableSection(document: Document, result: StudyTable, study: Study): Markup {
  const { on, images, seeds, rows } = result;
  const set = on === "external" ? study.external : study.data;
  const spread =
    seeds.length === 1
      ? "One seed: nothing is known of the spread between trainings."
      : "Mean ± half the 95 % interval over the seeds (Student's t). The difference to Base is taken seed by seed, with the p of Student's paired test.";
  const cells = rows.map(({ label, figures, versusBase: v }): Content[] => [
    label,
    ...figureNames.map((name) => meanText(figures[name])),
    ...(v ? [meanText(v.auc, true), pText(v.p), v.delong.map(pText).join(", ")] : ["", "", ""]),
  ]);
  const heads = ["", ...figureNames.map((name) => titles[name]), "AUC − Base's", "p", "DeLong's p by seed"];
  const plots = figureNames.flatMap((name) => forest(document, name, rows));
  return html`<section>
    <h2>Table ${result.table}: ${tables[result.table].title}. ${sideTitles[on as "val"] ?? on}</h2>
    <p class="dim">
      ${images} images of ${set}. ${spread} DeLong's test compares a row with Base on the images of one seed; it takes
      images for independent.
    </p>
    ${table(
      heads.map((title, i) => ({ title, text: i === heads.length - 1 })),
      cells,
      (i) => rows[i]!.row === "proposed",
    )}
    <div class="plots below">${plots}</div>
  </section>`;
}

function forest(document: Document, name: FigureName, rows: readonly TableRow[]): Markup[] {
  const shown = rows.flatMap(({ label, figures }) => {
    const mean = figures[name];
    return mean ? [{ label, ...mean }] : [];
  });
  if (shown.length === 0) return [];
  const base = rows.find(({ row }) => row === "base")?.figures[name]?.mean;
  const plot = forestPlot(document, titles[name], shown, base);
  return [figure(`${titles[name]} by row`, plot, "Large: the mean with its interval; small: each seed. Dashed: Base.")];
}

/** Line styles of rows. Base and Proposed stand out. */
const styles: Readonly<Record<string, Pick<Series, "colour" | "dash">>> = {
  base: { colour: "var(--b)", dash: "7 3" },
  proposed: { colour: "var(--a)" },
  channel: { colour: "var(--c)", dash: "2 3" },
  spatial: { colour: "var(--d)", dash: "9 3 2 3" },
  serial: { colour: "var(--e)", dash: "4 4" },
  "every-block": { colour: "var(--c)", dash: "4 4" },
};

/** Confusion matrices and ROC curves of all rows on the held-out images. */
function comparison(document: Document, runs: readonly StudyRunReport[]): Content {
  const byRow = new Map<RowName, Predictions[]>();
  for (const { run, predictions } of runs) {
    if (predictions && classified(predictions.images).length > 0)
      byRow.set(run.row, [...(byRow.get(run.row) ?? []), predictions]);
  }
  if (byRow.size === 0) return null;
  const matrices = [...byRow].map(([row, all]) => {
    const counts = all.map(({ images, threshold }) => confusion(casesOf(classified(images)), threshold));
    return html`<figure>
      <h3>${rowsOf[row].label}</h3>
      ${confusionMatrix(added(counts))}
    </figure>`;
  });
  const curves = [...byRow].flatMap(([row, all]) => {
    const style = styles[row];
    const points = meanRoc(all);
    return style && points.length > 0 ? [{ name: rowsOf[row].label, ...style, points }] : [];
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
    <p class="dim">Confusion matrices in percent of the true class; the counts are of all runs of a row together.</p>
    <div class="matrices">${matrices}</div>
    <div class="plots below">${roc}</div>
  </section>`;
}

const added = (all: readonly Confusion[]): Confusion =>
  all.reduce((a, b) => ({ tp: a.tp + b.tp, fp: a.fp + b.fp, fn: a.fn + b.fn, tn: a.tn + b.tn }));

function meanRoc(all: readonly Predictions[]) {
  const grid = Array.from({ length: 101 }, (_, i) => i / 100);
  const curves = all.flatMap(({ images }) => {
    const at = rocAt(casesOf(classified(images)), grid);
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
    report ? html`<a href="${encodeURI(run.dir)}/report.html">${rowsOf[run.row].label}</a>` : rowsOf[run.row].label,
    runName({ seed: run.seed, fold: run.fold ?? undefined }),
    run.state,
    run.seconds > 0 ? durationText(run.seconds) : "–",
  ]);
  const columns = [{ title: "row" }, { title: "run" }, { title: "state" }, { title: "training of the joint stage" }];
  return html`<section>
    <h2>Runs</h2>
    ${table(columns, cells)}
  </section>`;
}
