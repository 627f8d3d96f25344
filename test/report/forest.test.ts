/** Forest plots: on the axis from 0 to 1, whatever the interval. */
import { describe, expect, test } from "vitest";
import { plotDocument } from "../../src/cli/run-report.ts";
import { overRuns } from "../../src/metrics/runs.ts";
import { forestPlot, onAxis, type ForestRow } from "../../src/report/forest.ts";
import { meanText } from "../../src/report/show.ts";

const row = (label: string, ...values: number[]): ForestRow => {
  const { mean, interval } = overRuns(values);
  return { label, values, mean, interval, text: meanText({ values, mean, interval }) };
};

/** The plot's lines, dots, arrows and texts with their places. */
function drawn(...rows: ForestRow[]) {
  const document = plotDocument();
  document.body.innerHTML = forestPlot(document, "AUC", rows, 0.5).text;
  const svg = document.querySelector("svg")!;
  const number = (element: Element, name: string) => Number(element.getAttribute(name));
  const ticks = [...svg.querySelectorAll("[aria-label='x-axis tick label'] text")];
  const placeOf = (text: Element) => Number(/translate\(([\d.]+)/.exec(text.getAttribute("transform")!)![1]);
  return {
    width: number(svg, "width"),
    ticks: ticks.map((text) => ({ value: Number(text.textContent), x: placeOf(text) })),
    ranges: [...svg.querySelectorAll("[aria-label='rule'] line")].flatMap((line) =>
      number(line, "y1") === number(line, "y2") ? [[number(line, "x1"), number(line, "x2")]] : [],
    ),
    arrows: [...svg.querySelectorAll("[aria-label='dot'] path")].map((path) => {
      const [, x, y, turned] = /translate\(([\d.]+),([\d.]+)\) rotate\((-?\d+)\)/.exec(
        path.getAttribute("transform")!,
      )!;
      return { x: Number(x), y: Number(y), turned: Number(turned) };
    }),
    texts: [...svg.querySelectorAll("[aria-label='text'] text")].map((text) => text.textContent),
  };
}

describe("a forest plot", () => {
  test("of two seeds, whose interval goes beyond 1 and 0, stays between them, with arrows, and has the numbers beside it", () => {
    const { width, ticks, ranges, arrows, texts } = drawn(row("Base", 0.5, 0.9), row("Proposed", 0.93, 0.99));
    const [left, right] = [ticks[0]!, ticks.at(-1)!];
    expect([left.value, right.value]).toEqual([0, 1]);
    // 0.7 ± 2.541, and 0.96 ± 0.381.
    const at = (value: number) => left.x + value * (right.x - left.x);
    expect(ranges[0]).toEqual([at(0), at(1)]);
    expect(ranges[1]![0]).toBeCloseTo(at(0.96 - 0.3812), 1);
    expect(ranges[1]![1]).toBe(at(1));
    expect(arrows.map(({ x, turned }) => [Math.sign(turned), Math.abs(x - at(turned < 0 ? 0 : 1)) <= 5])).toEqual([
      [-1, true],
      [1, true],
      [1, true],
    ]);
    expect(new Set(arrows.map(({ y }) => y)).size).toBe(2);
    expect(texts).toEqual(["0.700 ± 2.541", "0.960 ± 0.381"]);
    expect(at(1) + 110).toBeLessThanOrEqual(width);
  });

  test("of an interval within the axis has no arrow, and of one seed neither interval nor arrow", () => {
    const { ranges, arrows, texts } = drawn(row("Base", 0.8, 0.81, 0.82), row("Proposed", 0.9));
    expect(ranges.length).toBe(1);
    expect(arrows).toEqual([]);
    expect(texts).toEqual(["0.810 ± 0.025", "0.900"]);
  });

  test.each<[[number, number], ReturnType<typeof onAxis>]>([
    [[0, 1], { low: 0, high: 1, beyond: [] }],
    [[-0.1, 0.4], { low: 0, high: 0.4, beyond: [0] }],
    [[0.4, 1.2], { low: 0.4, high: 1, beyond: [1] }],
    [[-1, 3], { low: 0, high: 1, beyond: [0, 1] }],
  ])("draws the interval %j where it is", (interval, wanted) => {
    expect(onAxis(interval)).toEqual(wanted);
  });
});
