/** The report of a study: its tables, and a comparison of the rows. */
import { rocAt } from "../metrics/bands.ts";
import { casesOf, classified, type Predictions } from "../metrics/predictions.ts";
import { figureTitles, type FigureName } from "../study/figures.ts";
import type { StudyTable, TableRow } from "../study/results.ts";
import type { Study, StudyRun } from "../study/file.ts";
import { runName } from "../study/plan.ts";
import { figuresOf, otherFigures, PROPOSED, rowOf, tableName, tableOf, type RowName } from "../study/rows.ts";
import { confusionPanel, type ConfusionPanel } from "./confusion-panel.ts";
import { forestPlot, onAxis } from "./forest.ts";
import { html, Markup, type Content } from "./html.ts";
import { figure, page, table } from "./page.ts";
import { legend, rocPlot } from "./plots.ts";
import { configuration, explained, type ExplainedCase } from "./run.ts";
import { paperFigures, publishedOf } from "./published.ts";
import { courseSection, curvesSection, type LiveStudy } from "./study-live.ts";
import { durationText, meanText, pText, settingsText, sideTitles } from "./show.ts";
import { classesOfRun, figure3Table, panelOf, tablePanel, type EvaluatedRun } from "./study-matrices.ts";

/** A run of a study, with its predictions once it is evaluated. */
export interface StudyRunReport extends EvaluatedRun {
  run: StudyRun & { row: RowName };
  /** Whether its folder has a report. */
  report: boolean;
}

/** Figure 4: a picture as a data URL with its caption, or why there is none. */
export type Figure4 = { picture: string; caption: string } | { reason: string };

export interface StudyReport {
  name: string;
  study: Study;
  runs: readonly StudyRunReport[];
  explained: readonly ExplainedCase[];
  /** Absent where pictures were not asked for. */
  figure4?: Figure4 | undefined;
  /** What its runs are doing; absent where nobody looked. */
  live?: LiveStudy | undefined;
}

/** The page. @param document any DOM, to make the plots in */
export function studyReport(document: Document, report: StudyReport): string {
  const { name, study, runs, live } = report;
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
      ${unfinished || ""}
      ${live && unfinished ? [courseSection(live), curvesSection(document, live.runs, study.tables)] : ""}
      ${results.map((result) => tableSection(document, result, report))} ${comparison(document, report)}
      ${live && !unfinished ? curvesSection(document, live.runs, study.tables) : ""} ${figure4Section(report)}
      ${explained(report.explained)} ${runList(runs)}
      <section>
        <h2>Configuration</h2>
        <p class="dim">What all runs share; the model's options, the seed and the fold are each run's own.</p>
        ${configuration(config)}
      </section>`,
    live?.refresh,
  );
}

function tableSection(document: Document, result: StudyTable, { study, runs }: StudyReport): Markup {
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
    ${matrices(result, study, runs)}
  </section>`;
}

function matrices(result: StudyTable, study: Study, runs: readonly StudyRunReport[]): Content {
  const panel = tablePanel(result, study, runs);
  if (!panel) return null;
  const { caption, ...rest } = panel;
  const title = result === figure3Table(study.results) ? "Figure 3: confusion matrices" : "Confusion matrices";
  return html`<div class="below">${figure(title, drawnPanel(rest), caption)}</div>`;
}

/** On narrow screens it scrolls, so that its numbers stay readable. */
const drawnPanel = (panel: ConfusionPanel): Markup =>
  html`<div class="scroll wide">${new Markup(confusionPanel(panel))}</div>`;

function figure4Section({ figure4 }: StudyReport): Content {
  if (!figure4) return null;
  const content =
    "reason" in figure4
      ? html`<p class="dim">There is no Figure 4: ${figure4.reason}.</p>`
      : html`<figure class="panel">
          <img src="${figure4.picture}" alt="Five cases: image, baseline's activation, mask, activation" />
          <figcaption>${figure4.caption}</figcaption>
        </figure>`;
  return html`<section>
    <h2>Figure 4: where Base and Proposed look</h2>
    ${content}
  </section>`;
}

function forest(document: Document, name: FigureName, rows: readonly TableRow[], reference: RowName): Markup[] {
  const shown = rows.flatMap(({ label, figures }) => {
    const mean = figures[name];
    return mean ? [{ label, ...mean, text: meanText(mean) }] : [];
  });
  if (shown.length === 0) return [];
  const of = rows.find(({ row }) => row === reference)?.figures[name]?.mean;
  const title = figureTitles[name];
  const beyond = shown.some(({ interval }) => interval && onAxis(interval).beyond.length > 0);
  const arrows = beyond ? " Arrow: the interval goes on beyond the axis." : "";
  const caption = `Large: the mean with its interval; small: each seed. Dashed: ${rowOf(reference).label}.${arrows}`;
  return [figure(`${title} by row`, forestPlot(document, title, shown, of), caption)];
}

/** ROC curves of all rows on the held-out images, and their confusion matrices as long as no table has them. */
function comparison(document: Document, { runs, study }: StudyReport): Content {
  const byRow = new Map<RowName, Predictions[]>();
  for (const { row, predictions } of runs) {
    if (predictions.val && classified(predictions.val.images).length > 0)
      byRow.set(row, [...(byRow.get(row) ?? []), predictions.val]);
  }
  if (byRow.size === 0) return null;
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
  const panel = study.results.length > 0 ? undefined : panelOf([...byRow.keys()], "val", runs);
  const matrices =
    panel &&
    figure(
      "Confusion matrices",
      drawnPanel(panel),
      "In percent of the actual class; small: the number of images, of all runs of a row so far together.",
    );
  return html`<section>
    <h2>The rows on held-out images</h2>
    ${matrices}
    <div class="plots below">${roc}</div>
  </section>`;
}

function meanRoc(all: readonly Predictions[]) {
  const grid = Array.from({ length: 101 }, (_, i) => i / 100);
  const curves = all.flatMap((predictions) => {
    const at = rocAt(casesOf(classified(predictions.images), classesOfRun(predictions)), grid);
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
