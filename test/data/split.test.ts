import { describe, expect, test } from "vitest";
import type { SplitItem } from "../../src/data/clusters.ts";
import { type Split, split } from "../../src/data/split.ts";
import { DataError, type Label } from "../../src/data/sample.ts";

/** 120 cases of 1 to 3 images: a quarter benign, a half malignant, a quarter unlabelled; some share a picture. */
const items: SplitItem[] = Array.from({ length: 120 }, (_, c) => {
  const label = ([0, 1, 1, undefined] as Label[])[c % 4];
  return Array.from({ length: 1 + (c % 3) }, (_, k) => ({
    group: `${c}`,
    label,
    content: `${c % 40 === 7 ? "same" : c}-${k}`,
  }));
}).flat();

const labels = (indices: readonly number[], of = items) =>
  ([0, 1, undefined] as Label[]).map((label) => indices.filter((i) => of[i]!.label === label).length);
const crossing = ({ train, val }: Split, key: "group" | "content") => {
  const left = new Set(train.map((i) => items[i]![key]));
  return val.filter((i) => left.has(items[i]![key]));
};

describe("split", () => {
  test("puts every item on one side, no group and no content on both", () => {
    for (let seed = 0; seed < 20; seed++) {
      const result = split(items, { val: 0.3, seed });
      expect([...result.train, ...result.val].sort((a, b) => a - b)).toEqual(items.map((_, i) => i));
      expect(crossing(result, "group")).toEqual([]);
      expect(crossing(result, "content")).toEqual([]);
    }
  });

  test("gives validation its share of each stratum", () => {
    const all = labels(items.map((_, i) => i));
    for (let seed = 0; seed < 20; seed++) {
      labels(split(items, { val: 0.3, seed }).val).forEach((n, s) => {
        expect(Math.abs(n - 0.3 * all[s]!)).toBeLessThanOrEqual(1.5);
      });
    }
  });

  test("depends on the seed and on nothing else", () => {
    const [a, b, c] = [4, 4, 5].map((seed) => split(items, { val: 0.3, seed }));
    expect(a).toEqual(b);
    expect(a!.val).not.toEqual(c!.val);
  });

  test("keeps together what is tied through others: a and b by case, b and c by picture", () => {
    const tied: SplitItem[] = [
      { group: "p", label: 1, content: "a" },
      { group: "p", label: 1, content: "b" },
      { group: "q", label: 1, content: "b" },
      { group: "r", label: 1, content: "d" },
    ];
    for (let seed = 0; seed < 10; seed++) {
      const { train, val } = split(tied, { val: 0.5, seed });
      expect([train, val].map((side) => side.length).sort()).toEqual([1, 3]);
    }
  });

  test("has each class on both sides even where every case is larger than the share", () => {
    const large: SplitItem[] = ["p", "q", "r", "s"].flatMap((group, g) =>
      Array.from({ length: 5 }, () => ({ group, label: g % 2 })),
    );
    const { train, val, notes } = split(large, { val: 0.1, seed: 1 });
    expect([labels(train, large), labels(val, large)]).toEqual([
      [5, 5, 0],
      [5, 5, 0],
    ]);
    expect(notes).toEqual([]);
  });

  test("says when a class cannot be on both sides, and keeps it for training", () => {
    const one: SplitItem[] = [
      { group: "p", label: 0 },
      { group: "q", label: 1 },
      { group: "r", label: 1 },
    ];
    const { train, val, notes } = split(one, { val: 0.3, seed: 1 });
    expect(train).toContain(0);
    expect(val.length).toBe(1);
    expect(notes).toEqual([expect.stringMatching(/no benign image/)]);
  });

  test("leaves everything to training for a share of 0; refuses other shares and no items", () => {
    expect(split(items, { val: 0, seed: 1 })).toEqual({ train: items.map((_, i) => i), val: [], notes: [] });
    for (const val of [-0.1, 1, NaN]) expect(() => split(items, { val, seed: 1 })).toThrow(DataError);
    expect(() => split([], { val: 0.3, seed: 1 })).toThrow(DataError);
  });
});
