/** Forest plots: figures in [0, 1] by row, with their intervals. */
import * as Plot from "@observablehq/plot";
import type { Markup } from "./html.ts";
import { svg } from "./plots.ts";

/** A row of a forest plot. */
export interface ForestRow {
  label: string;
  mean: number;
  interval: readonly [number, number] | null;
  values: readonly number[];
  /** Printed at its end: the numbers, since the axis is wide. */
  text: string;
}

/** Where the interval is drawn, and the ends of the axis beyond which it goes on. */
export function onAxis([low, high]: readonly [number, number]): { low: number; high: number; beyond: number[] } {
  return {
    low: Math.min(1, Math.max(0, low)),
    high: Math.max(0, Math.min(1, high)),
    beyond: [...(low < 0 ? [0] : []), ...(high > 1 ? [1] : [])],
  };
}

/**
 * Mean, interval and single values of a figure by row, on the axis from 0 to 1; an interval that goes beyond it ends there with
 * an arrow. A vertical line marks `reference`.
 */
export function forestPlot(
  document: Document,
  label: string,
  rows: readonly ForestRow[],
  reference: number | undefined,
): Markup {
  const colour = "var(--a)";
  const single = rows.flatMap((row) => row.values.map((value) => ({ label: row.label, value })));
  const ranges = rows.flatMap(({ label, interval }) => (interval ? [{ label, ...onAxis(interval) }] : []));
  const arrows = (end: number) => {
    const beyond = ranges.filter(({ beyond }) => beyond.includes(end));
    // A triangle points upwards.
    const shape = { symbol: "triangle", rotate: end === 1 ? 90 : -90, r: 4.5, fill: colour } as const;
    return Plot.dot(beyond, { x: () => end, y: "label", dx: end === 1 ? 3 : -3, ...shape });
  };
  return svg(document, label, {
    height: 62 + 30 * rows.length,
    marginLeft: 104,
    marginRight: 118,
    marginBottom: 40,
    x: { domain: [0, 1], label, labelAnchor: "center", labelArrow: "none", grid: true, ticks: 5 },
    y: { domain: rows.map((row) => row.label), label: null, tickSize: 0, tickPadding: 12 },
    marks: [
      ...(reference === undefined ? [] : [Plot.ruleX([reference], { stroke: "var(--dim)", strokeDasharray: "2 4" })]),
      Plot.dot(single, { x: "value", y: "label", r: 2.5, fill: "var(--dim)", fillOpacity: 0.7, dy: 7 }),
      Plot.ruleY(ranges, { y: "label", x1: "low", x2: "high", stroke: colour, strokeWidth: 2 }),
      arrows(0),
      arrows(1),
      Plot.dot(rows, { x: "mean", y: "label", r: 4.5, fill: colour }),
      Plot.text(rows, { y: "label", text: "text", frameAnchor: "right", textAnchor: "start", dx: 14 }),
    ],
  });
}
