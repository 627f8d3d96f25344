/** True outlines as the path of an SVG, in pixels of the image. */
import type { Shape } from "../../src/data/sample.ts";
import { eachRun } from "../../src/data/shape.ts";

export const outlinePath = (shape: Shape): string =>
  shape
    .map((part) => {
      if ("runs" in part) return runsPath(part.runs);
      return `M${part.polygon.map(({ x, y }) => `${short(x)} ${short(y)}`).join("L")}Z`;
    })
    .join("");

const short = (n: number): number => Math.round(n * 100) / 100;

/** Spans [from, to] of a row, in order. */
type Row = { top: number; bottom: number; spans: [number, number][] };

/** The border of a mask's pixels: the ends of its runs, and where two rows differ. */
function runsPath(runs: Float32Array): string {
  const rows = new Map<number, Row>();
  eachRun(runs, ({ x0, y0, x1, y1 }) => {
    const row = rows.get(y0) ?? { top: y0, bottom: y1, spans: [] };
    rows.set(y0, row);
    row.spans.push([x0, x1]);
  });
  const sorted = [...rows.values()].sort((a, b) => a.top - b.top);
  const lines: string[] = [];
  const across = (y: number, above: Row["spans"], below: Row["spans"]) => {
    for (const [from, to] of differences(above, below)) lines.push(`M${short(from)} ${short(y)}H${short(to)}`);
  };
  let above: Row | undefined;
  for (const row of sorted) {
    row.spans = joined(row.spans);
    if (above && above.bottom < row.top) {
      across(above.bottom, above.spans, []);
      above = undefined;
    }
    across(row.top, above?.spans ?? [], row.spans);
    for (const x of row.spans.flat()) lines.push(`M${short(x)} ${short(row.top)}V${short(row.bottom)}`);
    above = row;
  }
  if (above) across(above.bottom, above.spans, []);
  return lines.join("");
}

/** Spans that touch as one. */
function joined(spans: Row["spans"]): Row["spans"] {
  const all: Row["spans"] = [];
  for (const [from, to] of spans.sort((a, b) => a[0] - b[0])) {
    const last = all.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else all.push([from, to]);
  }
  return all;
}

/** Where exactly one of two rows has a span. */
function differences(a: Row["spans"], b: Row["spans"]): Row["spans"] {
  // Between each second pair of ends, one of them is inside.
  const ends = [...a, ...b].flat().sort((x, y) => x - y);
  const found: Row["spans"] = [];
  for (let i = 0; i + 1 < ends.length; i += 2) if (ends[i]! < ends[i + 1]!) found.push([ends[i]!, ends[i + 1]!]);
  return found;
}
