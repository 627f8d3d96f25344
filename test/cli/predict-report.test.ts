import { expect, test } from "vitest";
import { Pace, showCounts } from "../../src/cli/predict-report.ts";
import { LineCounts } from "../../src/runs/prediction-lines.ts";

/** Batches of 8 for which the device waits and computes that long; the rest of the time nobody does. */
function paceOf(batches: number, waited: number, computed: number, { rest = 0, software = false } = {}): Pace {
  let now = 5000;
  const pace = new Pace({ threads: 2, files: 8 * batches, ms: 80 * batches }, software, () => now);
  for (let i = 0; i < batches; i++) {
    now += waited + computed;
    pace.add(waited, computed);
    pace.images(8);
    now += rest;
  }
  return pace;
}

test("a pace counts from the first batch on, and says what is left", () => {
  // The first wait, for threads to start, does not count.
  expect(paceOf(1, 10_000, 100).rate).toBeCloseTo(80);
  const pace = paceOf(100, 20, 80);
  expect(pace.rate).toBeCloseTo(80, 0);
  expect(pace.line(8000)).toBe("80.2 images/s, 1:40 left; device: 80 % at work, 20 % waiting for images");
});

test.each([
  [paceOf(100, 20, 80), "decoding limits (more cores, or --workers)"],
  [paceOf(100, 1, 99), "the device limits"],
  [paceOf(100, 5, 50, { rest: 45 }), "neither limits alone"],
  [paceOf(100, 20, 80, { software: true }), "a software adapter computes on the cores that decode, and they limit"],
])("the end names what limits", (pace, limit) => {
  const [images, shares] = pace.summary();
  expect(images).toMatch(/^800 pictures in 0:10: \d+\.\d images\/s$/);
  expect(shares).toContain(`: ${limit}; decoding took 10.0 ms a file in 2 threads, the network `);
});

test("counts name the most frequent reasons", () => {
  const counts = new LineCounts();
  for (let i = 0; i < 1234; i++) counts.add({ index: i, image: `${i}.png`, malignant: 0.5 });
  for (let i = 0; i < 7; i++) counts.add({ index: i, image: `x${i}.png`, leftOut: `reason ${i === 6 ? 5 : i}` });
  expect(showCounts(counts)).toEqual([
    "1,241 pictures: 1,234 predicted, 7 left out",
    "  2: reason 5, the first x5.png",
    ...[0, 1, 2, 3].map((i) => `  1: reason ${i}, the first x${i}.png`),
    "  and 1 more reasons",
  ]);
});
