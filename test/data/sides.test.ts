import { describe, expect, test } from "vitest";
import { connected, type SplitItem, type Tie } from "../../src/data/clusters.ts";
import { dealFolds } from "../../src/data/folds.ts";
import { type Sides, withoutLeaks } from "../../src/data/predefined-split.ts";
import { DataError, type Label } from "../../src/data/sample.ts";
import { parseSplit, writeSplit } from "../../src/data/split-file.ts";
import { split } from "../../src/data/split.ts";

/** 60 patients of 1 to 3 images; every 10th image is nearly the one 10 before. */
const items: SplitItem[] = Array.from({ length: 60 }, (_, c) =>
  Array.from({ length: 1 + (c % 3) }, () => ({ group: `${c}`, label: ([0, 1, 1] as Label[])[c % 3] })),
).flat();
const ties: Tie[] = items.flatMap((_, i) => (i % 20 === 10 ? [[i - 10, i] as const] : []));

describe("folds", () => {
  const folds = dealFolds(items, { folds: 5, seed: 1, ties });

  test("hold every image out once, cut no patient and no tie, and share the classes", () => {
    expect(folds.length).toBe(items.length);
    for (const members of connected(items, ties)) expect(new Set(members.map((i) => folds[i])).size).toBe(1);
    for (const label of [0, 1]) {
      const all = items.filter((item) => item.label === label).length;
      for (let f = 0; f < 5; f++) {
        const n = items.filter((item, i) => item.label === label && folds[i] === f).length;
        expect(Math.abs(n - all / 5)).toBeLessThanOrEqual(4);
      }
    }
  });

  test("depend on the seed and on nothing else", () => {
    expect(dealFolds(items, { folds: 5, seed: 1, ties })).toEqual(folds);
    expect(dealFolds(items, { folds: 5, seed: 2, ties })).not.toEqual(folds);
  });

  test("are refused where there are fewer cases", () => {
    expect(() => dealFolds(items.slice(0, 3), { folds: 3, seed: 1 })).toThrow(DataError);
    expect(() => dealFolds(items, { folds: 1, seed: 1 })).toThrow(/at least 2/);
  });
});

test("a random split keeps tied images together", () => {
  for (let seed = 0; seed < 10; seed++) {
    const { val } = split(items, { val: 0.3, seed, ties });
    const held = new Set(val);
    for (const [a, b] of ties) expect(held.has(a)).toBe(held.has(b));
  }
});

test("a set's own split loses the training images that are also held out, and nothing else", () => {
  const own: SplitItem[] = ["p", "p", "q", "r", "s", "t"].map((group) => ({ group, label: 0 }));
  const sides: Sides = ["train", "val", "train", "test", "val", undefined];
  expect(withoutLeaks(own, sides, [])).toEqual({
    sides: [undefined, "val", "train", "test", "val", undefined],
    left: [0],
  });
  // The picture of q is also r's, which is in the test; that of s too.
  const tied = withoutLeaks(own, sides, [
    [2, 3],
    [4, 3],
  ]);
  expect(tied).toEqual({ sides: [undefined, "val", undefined, "test", undefined, undefined], left: [0, 2, 4] });
});

describe("the file of a split", () => {
  const whole = { data: "x", how: "by hand", train: ["a", "b"], val: ["c"], test: [] };

  test("is read as it was written", () => {
    expect(parseSplit(writeSplit(whole))).toEqual(
      new Map([
        ["a", "train"],
        ["b", "train"],
        ["c", "val"],
      ]),
    );
  });

  test.each([
    ["{", /is not JSON/],
    ["[]", /is not a split of this program/],
    [writeSplit({ ...whole, val: ["a"] }), /has the image a more than once/],
    [writeSplit(whole).replace("split-1", "split-2"), /is not a split of this program: format/],
    [writeSplit(whole).replace('"c"', "7"), /is not a split of this program: val/],
  ])("is refused when it is %s", (text, reason) => {
    expect(() => parseSplit(text)).toThrow(reason);
  });
});
