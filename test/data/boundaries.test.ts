/** The edges of splits, folds, batches and rates, found by mutation testing: what happens exactly at a limit. */
import { expect, test } from "vitest";
import { assembleBatch, planEpoch } from "../../src/data/batches.ts";
import type { SplitItem } from "../../src/data/clusters.ts";
import { dealFolds } from "../../src/data/folds.ts";
import { DataError } from "../../src/data/sample.ts";
import { split } from "../../src/data/split.ts";
import { rates } from "../../src/metrics/confusion.ts";
import { delong } from "../../src/metrics/delong.ts";
import { preparedImages } from "./prepared.ts";

/** Cases of one image each, with these classes. */
const cases = (...labels: (number | undefined)[]): SplitItem[] =>
  labels.map((label, i) => ({ group: `${i}`, label, content: `${i}` }));
const repeated = (n: number, label: number): number[] => Array.from({ length: n }, () => label);

test("folds hold each class in equal shares, whatever the seed", () => {
  const items = cases(...repeated(30, 0), ...repeated(12, 1), ...repeated(6, 2));
  for (let seed = 0; seed < 10; seed++) {
    const fold = dealFolds(items, { folds: 3, seed });
    for (const [label, each] of [10, 4, 2].entries()) {
      const counts = [0, 1, 2].map((f) => items.filter((item, i) => fold[i] === f && item.label === label).length);
      expect(counts, `class ${label}`).toEqual([each, each, each]);
    }
  }
});

test("as many folds as cases, and two folds, are possible; one more is not", () => {
  const items = cases(0, 1, 0, 1);
  expect([...dealFolds(items, { folds: 4, seed: 1 })].sort()).toEqual([0, 1, 2, 3]);
  expect(new Set(dealFolds(items, { folds: 2, seed: 1 }))).toEqual(new Set([0, 1]));
  expect(() => dealFolds(items, { folds: 5, seed: 1 })).toThrow(
    "5 folds are not possible: there are 4 cases without an image in common",
  );
});

test("a class of two cases is on both sides of a split, one of a single case is trained on", () => {
  for (let seed = 0; seed < 10; seed++) {
    const items = cases(...repeated(10, 0), 1, 1, 2);
    const { train, val } = split(items, { val: 0.2, seed });
    const of = (side: readonly number[], label: number) => side.filter((i) => items[i]!.label === label).length;
    expect([of(train, 1), of(val, 1), of(train, 2), of(val, 2)]).toEqual([1, 1, 1, 0]);
    expect(of(val, 0)).toBe(2);
  }
});

test("a class of few cases is held out by its smallest case", () => {
  // The held-out share of class 1 is met by the case of one image, not by that of three.
  const items: SplitItem[] = [
    ...cases(...repeated(8, 0)),
    ...[0, 1, 2].map((k) => ({ group: "large", label: 1, content: `large-${k}` })),
    { group: "small", label: 1, content: "small" },
  ];
  for (let seed = 0; seed < 10; seed++) {
    const { val } = split(items, { val: 0.1, seed });
    expect(val.filter((i) => items[i]!.label === 1).map((i) => items[i]!.group)).toEqual(["small"]);
  }
});

test("a batch of exactly all images is full; one image fewer than that is refused", () => {
  const options = { seed: 1, epoch: 0, shuffle: true, flip: false, dropLast: true };
  expect(planEpoch(4, { ...options, batchSize: 4 })).toHaveLength(1);
  expect(() => planEpoch(3, { ...options, batchSize: 4 })).toThrow(DataError);
  expect(planEpoch(1, { ...options, batchSize: 1 })).toHaveLength(1);
});

test("images of one batch must agree in width, in height, and have a grey level for every pixel", () => {
  const [a, b] = preparedImages(2, 8, 8);
  const [w, h] = [a!.width, a!.height];
  const other = (change: Partial<typeof b>) => () => assembleBatch([a!, { ...b!, ...change }], []);
  expect(other({ width: 2 * w, height: h / 2 })).toThrow(`${b!.id} is ${2 * w}x${h / 2}, but`);
  expect(other({ width: 2 * w })).toThrow(DataError);
  expect(other({ height: 2 * h })).toThrow(DataError);
  expect(other({ grey: b!.grey.subarray(1) })).toThrow(DataError);
});

test("F1 is not defined without a positive image, even if some were predicted positive", () => {
  const sides = { positive: "sick", negative: "well" };
  expect(rates({ tp: 0, fp: 2, fn: 0, tn: 3 }, sides).f1).toEqual({ value: null, reason: "no image is sick" });
  expect(rates({ tp: 0, fp: 2, fn: 1, tn: 3 }, sides).f1.value).toBe(0);
  expect(rates({ tp: 0, fp: 0, fn: 0, tn: 0 }, sides).accuracy).toEqual({
    value: null,
    reason: "no image has a class",
  });
});

test("DeLong's test takes as many scores as images, of both models", () => {
  const label = [0, 1, 0, 1];
  const scores = [0.1, 0.9, 0.4, 0.3];
  expect(() => delong(label, scores.slice(1), scores)).toThrow("3 and 4 scores for 4 images");
  expect(() => delong(label, scores, scores.slice(1))).toThrow("4 and 3 scores for 4 images");
});
