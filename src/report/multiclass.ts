/** The part of a report that shows predictions of more than two classes. */
import type { Classes } from "../data/classes.ts";
import { reliability } from "../metrics/calibration.ts";
import { rocCurve } from "../metrics/curves.ts";
import { classFigureNames, oneAgainstRest, overallFigureNames } from "../metrics/multiclass.ts";
import { classCasesOf, classified, type Predictions } from "../metrics/predictions.ts";
import type { MulticlassSummary } from "../metrics/summary.ts";
import { confusionTable } from "./confusion.ts";
import { html, type Content, type Markup } from "./html.ts";
import { figure, table } from "./page.ts";
import { legend, reliabilityPlot, rocPlot, type Series } from "./plots.ts";
import { classFigureTitles, overallTitles, rangeText, valueText } from "./show.ts";

/** Line styles of classes, repeated if there are more. */
const STYLES: readonly Pick<Series, "colour" | "dash">[] = [
  { colour: "var(--a)" },
  { colour: "var(--b)", dash: "7 3" },
  { colour: "var(--c)", dash: "2 3" },
  { colour: "var(--d)", dash: "9 3 2 3" },
  { colour: "var(--e)", dash: "4 4" },
];

/** Metrics of all classes together, with their intervals. */
export const overallFigures = ({ figures }: MulticlassSummary): Markup =>
  table(
    [{ title: "" }, { title: "value" }, { title: "95 % interval", text: true, whole: true }],
    overallFigureNames.map((name) => [overallTitles[name], valueText(figures[name]), rangeText(figures[name])]),
  );

/** One row per class, against the rest; tooltips show the intervals. */
function byClass({ byClass }: MulticlassSummary): Markup {
  const columns = [
    { title: "class" },
    { title: "images" },
    ...classFigureNames.map((n) => ({ title: classFigureTitles[n] })),
  ];
  const rows = byClass.map((of): Content[] => [
    of.name,
    String(of.images),
    ...classFigureNames.map((name) => html`<span title="${rangeText(of[name])}">${valueText(of[name])}</span>`),
  ]);
  return table(columns, rows);
}

/** Curves, matrix and calibration of all classes. */
export function multiclassPlots(
  document: Document,
  { images }: Predictions,
  classes: Classes,
  summary: MulticlassSummary,
): Markup {
  const cases = classCasesOf(classified(images), classes);
  const of = classes.names.map((name, c) => ({ name, cases: oneAgainstRest(cases, c) }));
  const curves = of.flatMap(({ name, cases }, c) => {
    const points = rocCurve(cases);
    return points.length > 0 ? [{ name, ...STYLES[c % STYLES.length]!, points }] : [];
  });
  const roc =
    curves.length > 0 &&
    figure(
      "ROC curves, each class against the rest",
      html`${legend(curves)}${rocPlot(document, curves)}`,
      `Macro AUC ${valueText(summary.figures.macroAuc)} (${rangeText(summary.figures.macroAuc)}).`,
    );
  const matrix = figure(
    "Confusion matrix",
    confusionTable(summary.confusion!, classes),
    "In percent of the actual class, with counts; the most probable class is the predicted one.",
  );
  const diagrams = of.map(({ name, cases }, c) =>
    figure(
      `Reliability diagram: ${name}`,
      reliabilityPlot(document, reliability(cases), name),
      `Expected calibration error ${valueText(summary.byClass[c]!.calibrationError)} over ten bins. Grey: images in each bin.`,
    ),
  );
  return html`<div class="plots">${roc || ""} ${matrix} ${figure("All classes together", overallFigures(summary))}</div>
    <h3>Each class against the rest</h3>
    ${byClass(summary)}
    <div class="plots below">${diagrams}</div>`;
}
