/** The part of a report that shows one set of predictions. */
import { prBand, rocBand } from "../metrics/bands.ts";
import { reliability } from "../metrics/calibration.ts";
import { prCurve, rocCurve } from "../metrics/curves.ts";
import { casesOf, classified, groupsOf, type Predictions } from "../metrics/predictions.ts";
import { figureNames, summarise, type Figure, type FigureName, type Summary } from "../metrics/summary.ts";
import { benignMalignant, negativeName, type Classes } from "../data/classes.ts";
import { thresholdText } from "../metrics/decision.ts";
import type { OverallFigureName } from "../metrics/multiclass.ts";
import { confusionTable, matrixOf } from "./confusion.ts";
import { html, type Content, type Markup } from "./html.ts";
import { multiclassPlots } from "./multiclass.ts";
import { figure, table } from "./page.ts";
import { prPlot, reliabilityPlot, rocPlot } from "./plots.ts";
import { figureTitles, overallTitles, plural, rangeText, sideTitles, valueText } from "./show.ts";

const headline: readonly FigureName[] = ["auc", "accuracy", "f1", "sensitivity", "specificity", "dice"];
const masks: readonly FigureName[] = ["dice", "iou", "outlineDice"];
const overall: readonly OverallFigureName[] = ["macroF1", "macroAuc", "accuracy", "weightedF1"];

/** What a report must know about the network: whether it has masks, and whether it has learned outlines. */
export interface EvaluatedModel {
  masks: boolean;
  outlines: boolean;
}

/** A summary, and whether it includes mask metrics. */
type Shown = Summary & { hasMasks: boolean };

const has = ({ hasMasks, figures }: Shown, name: FigureName): boolean =>
  name === "outlineDice" ? figures[name].value !== null : hasMasks || !masks.includes(name);

/** The most important metrics, large. */
function tiles(summary: Shown): Markup {
  const { figures, classified, multiclass } = summary;
  const tile = (title: string, figure: Figure) =>
    html`<div class="tile">${title}<b>${valueText(figure)}</b><span>${rangeText(figure)}</span></div>`;
  const names = (classified > 0 ? (multiclass ? masks.slice(0, 1) : headline) : masks).filter((n) => has(summary, n));
  return html`<div class="tiles">
    ${multiclass && classified > 0 ? overall.map((name) => tile(overallTitles[name], multiclass.figures[name])) : ""}
    ${names.map((name) => tile(figureTitles[name], figures[name]))}
  </div>`;
}

function allFigures(summary: Shown): Markup {
  const { figures, classified } = summary;
  const names = (classified > 0 ? figureNames : masks).filter((name) => has(summary, name));
  return table(
    [{ title: "" }, { title: "value" }, { title: "95 % interval", text: true, whole: true }],
    names.map((name) => [figureTitles[name], valueText(figures[name]), rangeText(figures[name])]),
  );
}

/** Whether the intervals resample patients or images. */
export const drawnFrom = ({ images, patients }: Summary): string =>
  patients === null ? plural(images, "image") : plural(patients, "patient");

/** Headline, plots and all metrics for a side of the data. `note` appears at the top. */
export function evaluationSection(
  document: Document,
  predictions: Predictions,
  note: Content,
  { masks: hasMasks, outlines }: EvaluatedModel,
): Markup {
  const { on, threshold, data, images, checkpoint, classes = benignMalignant } = predictions;
  const summary = { ...summarise(images, threshold, { outlines, classes }), hasMasks };
  const { multiclass } = summary;
  const counts = summary.classified > 0 ? `, ${countsOf(predictions, classes)}` : "";
  const at = multiclass ? "" : `, threshold ${threshold}`;
  const what = `${plural(images.length, "image")} of ${data}${counts}; ${checkpoint.replace(/\.safetensors$/, "")} checkpoint${at}.`;
  const found = !summary.confusion
    ? figure("All figures", allFigures(summary))
    : multiclass
      ? multiclassPlots(document, predictions, classes, multiclass)
      : plots(document, predictions, classes, summary);
  return html`<section>
    <h2>${sideTitles[on]}</h2>
    <p class="dim">${what} Intervals: 95 %, bootstrap over ${drawnFrom(summary)}. ${note}</p>
    ${tiles(summary)} ${found} ${multiclass && summary.confusion ? positiveFigures(summary, classes, threshold) : ""}
  </section>`;
}

/** "12 malignant and 16 benign"; for more classes "classes a: 12, b: 3, c: 7". */
function countsOf({ images }: Predictions, { names, positive }: Classes): string {
  const known = classified(images);
  if (names.length > 2) {
    const counts = names.map((name, c) => `${name}: ${known.filter(({ label }) => label === c).length}`);
    return `classes ${counts.join(", ")}`;
  }
  const order = [positive, ...names.keys()].filter((c, i) => i === 0 || c !== positive);
  const parts = order.map((c) => `${known.filter(({ label }) => label === c).length} ${names[c]!}`);
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)!}`;
}

/** For more than two classes, the metrics of the positive one. */
const positiveFigures = (summary: Shown, classes: Classes, threshold: number): Markup =>
  html`<figure class="below">
    <h3>
      ${classes.names[classes.positive]} against ${negativeName(classes)}, at the threshold ${thresholdText(threshold)}
    </h3>
    <p class="dim small">
      An image counts as predicted ${classes.names[classes.positive]} at or above the threshold, even where another
      class is more probable: the confusion matrix, which shows the most probable class, may differ.
    </p>
    ${allFigures(summary)}
  </figure>`;

function plots(document: Document, { images, threshold }: Predictions, classes: Classes, summary: Shown): Markup {
  const known = classified(images);
  const [cases, groups] = [casesOf(known, classes), groupsOf(known)];
  const { figures, confusion, positives } = summary;
  const { sensitivity, specificity, ppv } = figures;
  const at = `threshold ${threshold}`;
  const roc = rocCurve(cases);
  const parts: Markup[] = [];
  if (roc.length > 0) {
    const mark = { x: 1 - specificity.value!, y: sensitivity.value!, text: at };
    const prMark = ppv.value === null ? undefined : { x: sensitivity.value!, y: ppv.value, text: at };
    const series = { name: "", colour: "var(--a)", points: roc };
    const { auc, averagePrecision } = figures;
    parts.push(
      figure(
        "ROC curve",
        rocPlot(document, [series], rocBand(cases, groups), mark),
        `AUC ${valueText(auc)} (${rangeText(auc)}). The band is the 95 % interval of the sensitivity at each false positive rate.`,
      ),
      figure(
        "Precision-recall curve",
        prPlot(document, prCurve(cases), prBand(cases, groups), positives / known.length, prMark),
        `Average precision ${valueText(averagePrecision)} (${rangeText(averagePrecision)}). Dashed: the share of ${classes.names[classes.positive]!} images, which guessing would reach.`,
      ),
    );
  }
  const { calibrationError, brier } = figures;
  const matrix = figure(
    "Confusion matrix",
    confusionTable(matrixOf(confusion!, classes), classes),
    `In percent of the actual class, with counts, at ${at}.`,
  );
  const diagram = figure(
    "Reliability diagram",
    reliabilityPlot(document, reliability(cases), classes.names[classes.positive]!),
    `Expected calibration error ${valueText(calibrationError)} (${rangeText(calibrationError)}) over ten bins; Brier score ${valueText(brier)}. Grey: images in each bin.`,
  );
  const all = html`<figure class="below">
    <h3>All figures</h3>
    ${allFigures(summary)}
  </figure>`;
  return html`<div class="plots">
    ${parts}
    <div>${matrix}${all}</div>
    ${diagram}
  </div>`;
}
