/** The part of a report that shows one set of predictions. */
import { prBand, rocBand } from "../metrics/bands.ts";
import { reliability } from "../metrics/calibration.ts";
import { prCurve, rocCurve } from "../metrics/curves.ts";
import { casesOf, classified, groupsOf, type Predictions } from "../metrics/predictions.ts";
import { figureNames, summarise, type FigureName, type Summary } from "../metrics/summary.ts";
import { confusionMatrix } from "./confusion.ts";
import { html, type Content, type Markup } from "./html.ts";
import { figure, table } from "./page.ts";
import { prPlot, reliabilityPlot, rocPlot } from "./plots.ts";
import { figureTitles, plural, rangeText, sideTitles, valueText } from "./show.ts";

const headline: readonly FigureName[] = ["auc", "accuracy", "f1", "sensitivity", "specificity", "dice"];
const masks: readonly FigureName[] = ["dice", "iou"];

/** The most important figures, large. */
function tiles({ figures, classified }: Summary): Markup {
  const names = classified > 0 ? headline : masks;
  const tile = (name: FigureName) =>
    html`<div class="tile">
      ${figureTitles[name]}<b>${valueText(figures[name])}</b><span>${rangeText(figures[name])}</span>
    </div>`;
  return html`<div class="tiles">${names.map(tile)}</div>`;
}

function allFigures({ figures, classified }: Summary): Markup {
  const names = classified > 0 ? figureNames : masks;
  return table(
    [{ title: "" }, { title: "value" }, { title: "95 % interval", text: true, whole: true }],
    names.map((name) => [figureTitles[name], valueText(figures[name]), rangeText(figures[name])]),
  );
}

/** Whether the intervals are over patients or images. */
export const drawnFrom = ({ images, patients }: Summary): string =>
  patients === null ? plural(images, "image") : plural(patients, "patient");

/** Headline, plots and all figures of a side of the data. `note` is said above all. */
export function evaluationSection(
  document: Document,
  predictions: Predictions,
  note: Content,
  options: { outlines: boolean },
): Markup {
  const { on, threshold, data, images, checkpoint } = predictions;
  const summary = summarise(images, threshold, options);
  const classes =
    summary.classified > 0
      ? `, ${summary.positives} malignant and ${summary.classified - summary.positives} benign`
      : "";
  const what = `${plural(images.length, "image")} of ${data}${classes}; ${checkpoint.replace(/\.safetensors$/, "")} checkpoint, threshold ${threshold}.`;
  return html`<section>
    <h2>${sideTitles[on]}</h2>
    <p class="dim">${what} Intervals: 95 %, bootstrap over ${drawnFrom(summary)}. ${note}</p>
    ${tiles(summary)}
    ${summary.confusion ? plots(document, predictions, summary) : figure("All figures", allFigures(summary))}
  </section>`;
}

function plots(document: Document, { images, threshold }: Predictions, summary: Summary): Markup {
  const known = classified(images);
  const [cases, groups] = [casesOf(known), groupsOf(known)];
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
        `Average precision ${valueText(averagePrecision)} (${rangeText(averagePrecision)}). Dashed: the share of malignant images, which guessing reaches.`,
      ),
    );
  }
  const { calibrationError, brier } = figures;
  const matrix = figure(
    "Confusion matrix",
    confusionMatrix(confusion!),
    `In percent of the true class, with counts, at ${at}.`,
  );
  const diagram = figure(
    "Reliability diagram",
    reliabilityPlot(document, reliability(cases)),
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
