/** Renders the reports' plots as SVG with Observable Plot. Colours are the page's CSS variables. */
import * as Plot from "@observablehq/plot";
import type { BandPoint } from "../metrics/bands.ts";
import type { ReliabilityBin } from "../metrics/calibration.ts";
import type { PrPoint, RocPoint } from "../metrics/curves.ts";
import { html, Markup } from "./html.ts";
import { roundedCoordinates } from "./svg-text.ts";

const WIDTH = 470;

/** A line in a plot and its legend. */
export interface Series {
  name: string;
  colour: string;
  /** SVG's stroke-dasharray, so that lines are distinguishable without colours. */
  dash?: string;
  points: readonly { x: number; y: number }[];
}

const stylesheet = /<style>[^]*?<\/style>/g;

/** A plot's SVG text, without Plot's stylesheet, which the page has, and with rounded coordinates. */
export function svg(document: Document, label: string, options: Plot.PlotOptions): Markup {
  const element = Plot.plot({ document, width: WIDTH, style: { fontSize: "12px" }, ariaLabel: label, ...options });
  return new Markup(roundedCoordinates(element.outerHTML.replace(stylesheet, "")));
}

/** A plot's legend. */
export function legend(series: readonly Pick<Series, "name" | "colour" | "dash">[]): Markup {
  const items = series.map(({ name, colour, dash }) => {
    const line = html`<svg width="26" height="4">
      <line x1="0" y1="2" x2="26" y2="2" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash ?? ""}" />
    </svg>`;
    return html`<span>${line}${name}</span>`;
  });
  return html`<div class="legend">${items}</div>`;
}

const lines = (series: readonly Series[], options: Plot.LineOptions = {}) =>
  series.map(({ points, colour, dash }) =>
    Plot.line(points, {
      ...{ x: "x", y: "y", stroke: colour, strokeWidth: 2, ...options },
      ...(dash === undefined ? {} : { strokeDasharray: dash }),
    }),
  );

/** Epochs counted across all phases. */
export interface EpochAxis {
  /** The phases with their epochs, in order. */
  phases: readonly { name: string; epochs: number }[];
  /** The epoch whose weights were kept as best. */
  best: number | undefined;
}

/** Where the axis of shares by epoch begins: below the lowest value, since from 0 the curves would lie on top of each other. */
export const shareAxisStart = (series: readonly Series[]): number =>
  Math.max(0, Math.floor(10 * Math.min(...series.flatMap(({ points }) => points.map(({ y }) => y))) - 0.2) / 10);

/** Curves over the epochs of all phases. @param share whether they are of figures in [0, 1] */
export function epochPlot(
  document: Document,
  label: string,
  series: readonly Series[],
  { phases, best }: EpochAxis,
  share: boolean,
): Markup {
  const trained = phases.filter(({ epochs }) => epochs > 0);
  // The last epoch of each phase.
  const ends = trained.map((_, i) => trained.slice(0, i + 1).reduce((sum, { epochs }) => sum + epochs, 0));
  const total = ends.at(-1) ?? 0;
  const values = series.flatMap(({ points }) => points.map(({ y }) => y));
  const top = share ? 1 : Math.max(...values, 0) * 1.05 || 1;
  const bottom = share ? shareAxisStart(series) : 0;
  const names = trained.map(({ name, epochs }, i) => ({ at: ends[i]! - epochs + (1 + epochs) / 2, name }));
  const borders = ends.slice(0, -1).map((end) => end + 0.5);
  return svg(document, label, {
    height: 290,
    marginTop: 30,
    marginLeft: 46,
    marginBottom: 40,
    x: { domain: [0.5, total + 0.5], label: "epoch", ticks: wholeTicks(total), tickFormat: "d" },
    y: { domain: [bottom, top], label: null, grid: true, nice: !share },
    marks: [
      ...(borders.length > 0 ? [Plot.ruleX(borders, { stroke: "var(--dim)" })] : []),
      ...(best === undefined ? [] : [Plot.ruleX([best], { stroke: "var(--dim)", strokeDasharray: "2 3" })]),
      ...(best === undefined
        ? []
        : [
            Plot.text([best], {
              x: (d: number) => d,
              frameAnchor: "bottom",
              dy: -6,
              dx: -4,
              textAnchor: "end",
              text: () => "best",
              fill: "var(--dim)",
            }),
          ]),
      Plot.text(names, { x: "at", text: "name", frameAnchor: "top", dy: -16, fill: "var(--dim)" }),
      ...lines(series, { z: ({ x }: { x: number }) => borders.filter((border) => x > border).length }),
      ...series.map(({ points, colour }) =>
        Plot.dot(points, { x: "x", y: "y", r: points.length > 40 ? 0 : 2.5, fill: colour }),
      ),
    ],
  });
}

/** A curve that is broken between phases. */
export type PhasedSeries = Omit<Series, "points"> & { points: readonly { x: number; y: number; phase: string }[] };

/** Many curves by epoch, thin, on one axis. */
export function overlayPlot(document: Document, label: string, series: readonly PhasedSeries[]): Markup {
  const points = series.flatMap((each) => each.points);
  const total = Math.max(...points.map(({ x }) => x));
  return svg(document, label, {
    height: 290,
    marginLeft: 46,
    marginBottom: 40,
    x: { domain: [0.5, total + 0.5], label: "epoch", ticks: wholeTicks(total), tickFormat: "d" },
    y: { label: null, grid: true, nice: true },
    marks: [
      ...lines(series, { z: "phase", strokeWidth: 1.4, strokeOpacity: 0.85 }),
      // A curve of one point would not be seen.
      ...series
        .filter((each) => each.points.length === 1)
        .map((each) => Plot.dot(each.points, { x: "x", y: "y", r: 2.5, fill: each.colour })),
    ],
  });
}

/** Whole numbers to mark on an axis from 1 to `total`. */
export function wholeTicks(total: number): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((s) => total / s <= 12) ?? Math.ceil(total / 12);
  const ticks = Array.from({ length: Math.floor(total / step) }, (_, i) => (i + 1) * step);
  return step === 1 || total === 0 ? ticks : [1, ...ticks];
}

const unit = (label: string): Plot.ScaleOptions => ({ domain: [0, 1], label, grid: true, ticks: 5 });
const square = { height: 400, marginLeft: 46, marginBottom: 40 } as const;

const area = (band: readonly BandPoint[], colour: string) =>
  Plot.areaY(band, { x: "x", y1: "low", y2: "high", fill: colour, fillOpacity: 0.16 });

/** A marked point on a curve, such as the threshold. */
export interface Mark {
  x: number;
  y: number;
  text: string;
}

const marked = (mark: Mark | undefined, colour: string, dx: number) =>
  mark
    ? [
        Plot.dot([mark], { x: "x", y: "y", r: 5, fill: "var(--paper)", stroke: colour, strokeWidth: 2 }),
        Plot.text([mark], { x: "x", y: "y", text: "text", dx, dy: 14, textAnchor: dx > 0 ? "start" : "end" }),
      ]
    : [];

export function rocPlot(
  document: Document,
  curves: readonly (Omit<Series, "points"> & { points: readonly RocPoint[] })[],
  band: readonly BandPoint[] = [],
  mark?: Mark,
): Markup {
  const series = curves.map(({ points, ...rest }) => ({
    ...rest,
    points: points.map(({ fpr, tpr }) => ({ x: fpr, y: tpr })),
  }));
  return svg(document, "ROC curve", {
    ...square,
    x: unit("false positive rate (1 − specificity)"),
    y: unit("sensitivity"),
    marks: [
      Plot.line([[0, 0], [1, 1]], { stroke: "var(--dim)", strokeDasharray: "2 4" }), // prettier-ignore
      area(band, curves[0]!.colour),
      ...lines(series),
      ...marked(mark, curves[0]!.colour, 10),
    ],
  });
}

/** @param share of positive images, which is the precision of guessing */
export function prPlot(
  document: Document,
  points: readonly PrPoint[],
  band: readonly BandPoint[],
  share: number,
  mark?: Mark,
): Markup {
  const colour = "var(--a)";
  const series = { name: "", colour, points: points.map(({ recall, precision }) => ({ x: recall, y: precision })) };
  return svg(document, "Precision-recall curve", {
    ...square,
    x: unit("recall (sensitivity)"),
    y: unit("precision (PPV)"),
    marks: [
      Plot.ruleY([share], { stroke: "var(--dim)", strokeDasharray: "2 4" }),
      area(band, colour),
      // Between two points the precision of the one with higher recall holds: average precision is the area below these steps.
      ...lines([series], { curve: "step-before" }),
      ...marked(mark, colour, -10),
    ],
  });
}

/** Observed against predicted probability; bars at the bottom show the number of images per bin. */
/** @param name the class whose probability it is */
export function reliabilityPlot(document: Document, bins: readonly ReliabilityBin[], name: string): Markup {
  const most = Math.max(...bins.map(({ images }) => images));
  const bars = bins.map((bin) => ({ ...bin, height: (0.12 * bin.images) / most }));
  return svg(document, "Reliability diagram", {
    ...square,
    x: unit(`predicted probability of ${name}`),
    y: unit(`observed share of ${name} images`),
    marks: [
      Plot.rect(bars, { x1: "low", x2: "high", y1: 0, y2: "height", fill: "var(--dim)", fillOpacity: 0.35, inset: 1 }),
      Plot.line([[0, 0], [1, 1]], { stroke: "var(--dim)", strokeDasharray: "2 4" }), // prettier-ignore
      Plot.line(bins, { x: "predicted", y: "observed", stroke: "var(--a)", strokeWidth: 2 }),
      Plot.dot(bins, { x: "predicted", y: "observed", r: 4.5, fill: "var(--a)" }),
      Plot.text(bars, {
        x: (d: ReliabilityBin) => (d.low + d.high) / 2,
        y: "height",
        text: (d: ReliabilityBin) => String(d.images),
        dy: -7,
        fill: "var(--dim)",
        fontSize: 10.5,
      }),
    ],
  });
}
