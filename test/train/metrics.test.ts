/** Metrics against values worked out by hand, and AUC against its definition. */
import { describe, expect, test } from "vitest";
import { stream } from "../../src/data/random.ts";
import { accuracy, auc, confusion, dice, evaluation, evaluationSchema, f1 } from "../../src/train/metrics.ts";

describe("confusion", () => {
  test("counts at the threshold, which itself predicts malignant", () => {
    const counts = confusion([0.9, 0.5, 0.49, 0.1, 0.8, 0.2], [1, 1, 1, 0, 0, 0]);
    expect(counts).toEqual({ tp: 2, fn: 1, fp: 1, tn: 2 });
    expect(accuracy(counts)).toBe(4 / 6);
    // Precision 2/3, recall 2/3.
    expect(f1(counts)).toBeCloseTo(2 / 3, 15);
    expect(confusion([0.9, 0.5], [1, 0], 0.95)).toEqual({ tp: 0, fn: 1, fp: 0, tn: 1 });
  });

  test("a probability that is not a number predicts benign", () => {
    expect(confusion([NaN, NaN], [1, 0])).toEqual({ tp: 0, fn: 1, fp: 0, tn: 1 });
  });
});

describe("f1", () => {
  test.each([
    [{ tp: 3, fp: 1, fn: 2, tn: 9 }, 6 / 9],
    [{ tp: 5, fp: 0, fn: 0, tn: 0 }, 1],
    [{ tp: 0, fp: 3, fn: 0, tn: 1 }, 0],
    [{ tp: 0, fp: 0, fn: 0, tn: 4 }, 0],
  ])("of %o is %d", (counts, expected) => {
    expect(f1(counts)).toBeCloseTo(expected, 15);
  });
});

describe("auc", () => {
  test.each([
    ["perfect", [0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 1],
    ["the wrong way round", [0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1], 0],
    // Pairs (malignant, benign): .35>.1, .35<.4, .8>.1, .8>.4.
    ["scikit-learn's example", [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75],
    ["all alike", [0.5, 0.5, 0.5], [0, 1, 1], 0.5],
    // Pairs: .5=.5 (1/2), .5>.2, .7>.5, .7>.2; then divided by 4.
    ["a tie between the classes", [0.5, 0.2, 0.5, 0.7], [0, 0, 1, 1], 3.5 / 4],
    ["ties within a class", [0.3, 0.3, 0.6, 0.6], [0, 0, 1, 1], 1],
  ])("%s", (_, score, label, expected) => {
    expect(auc(score, label)).toBe(expected);
  });

  test("is undefined unless both classes occur", () => {
    expect(auc([0.1, 0.9], [1, 1])).toBeUndefined();
    expect(auc([0.1], [0])).toBeUndefined();
    expect(auc([], [])).toBeUndefined();
  });

  test("is the share of pairs in the right order, whatever the ties", () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = stream(seed);
      const below = (n: number) => (random.next() >>> 0) % n;
      const items = Array.from({ length: 2 + below(40) }, (_, i) => ({
        score: below(8) / 8,
        label: i < 2 ? i : below(2),
      }));
      let [won, pairs] = [0, 0];
      for (const a of items.filter((item) => item.label === 1)) {
        for (const b of items.filter((item) => item.label === 0)) {
          won += a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0;
          pairs++;
        }
      }
      const [score, label] = [items.map((item) => item.score), items.map((item) => item.label)];
      expect(auc(score, label)).toBeCloseTo(won / pairs, 12);
    }
  });
});

describe("dice", () => {
  const floats = (...values: number[]) => Float32Array.from(values);
  test.each([
    ["half of each", floats(0.9, 0.9, 0.1, 0.1), floats(0, 1, 1, 0), 0.5],
    ["the same", floats(0.5, 0.2), floats(1, 0), 1],
    ["apart", floats(0.9, 0.1), floats(0, 1), 0],
    ["two of three", floats(1, 1, 1, 0), floats(1, 1, 0, 0), 4 / 5],
    ["an empty mask", floats(0, 0), floats(1, 0), 0],
    ["both empty", floats(0.4, 0), floats(0, 0), 1],
  ])("%s", (_, mask, target, expected) => {
    expect(dice(mask, target)).toBeCloseTo(expected, 15);
  });
});

describe("an evaluation", () => {
  test("of masks alone has a mean Dice and nothing else", () => {
    expect(evaluation([0.5, 1, 0.75])).toEqual({ images: 3, dice: 0.75 });
  });

  test("of both has everything, and leaves out an AUC that is not defined", () => {
    const both = evaluation([1, 0.5], [0.7, 0.6], [1, 0]);
    expect(both).toEqual({
      images: 2,
      dice: 0.75,
      accuracy: 0.5,
      auc: 1,
      f1: 2 / 3,
      confusion: { tp: 1, fp: 1, fn: 0, tn: 0 },
    });
    const one = evaluation([1], [0.7], [1]);
    expect(one).not.toHaveProperty("auc");
    for (const value of [both, one]) expect(evaluationSchema.parse(value)).toEqual(value);
  });
});
