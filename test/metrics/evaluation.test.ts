/** Metrics against hand-computed values, undefined metrics, and the record of an evaluation. */
import { describe, expect, test } from "vitest";
import { stream } from "../../src/data/random.ts";
import { brier, calibrationError, reliability } from "../../src/metrics/calibration.ts";
import { confusion, rates } from "../../src/metrics/confusion.ts";
import { auc, averagePrecision, prCurve, rocCurve } from "../../src/metrics/curves.ts";
import { delong, delongAuc, delongReason } from "../../src/metrics/delong.ts";
import { evaluation, evaluationSchema } from "../../src/metrics/evaluation.ts";
import { maskScore } from "../../src/metrics/mask.ts";
import { chooseThreshold } from "../../src/metrics/threshold.ts";

const cases = (score: number[], label: number[]) => ({ score, label });

describe("confusion", () => {
  test("counts at the threshold, which itself predicts malignant", () => {
    const counts = confusion(cases([0.9, 0.5, 0.49, 0.1, 0.8, 0.2], [1, 1, 1, 0, 0, 0]));
    expect(counts).toEqual({ tp: 2, fn: 1, fp: 1, tn: 2 });
    expect(confusion(cases([0.9, 0.5], [1, 0]), 0.95)).toEqual({ tp: 0, fn: 1, fp: 0, tn: 1 });
  });

  test("counts an image as often as its weight says", () => {
    const weighted = { ...cases([0.9, 0.1, 0.2], [1, 0, 1]), weight: [3, 0, 2] };
    expect(confusion(weighted)).toEqual({ tp: 3, fn: 2, fp: 0, tn: 0 });
  });

  test("a probability that is not a number predicts benign", () => {
    expect(confusion(cases([NaN, NaN], [1, 0]))).toEqual({ tp: 0, fn: 1, fp: 0, tn: 1 });
  });
});

describe("what is not defined has a reason and no value", () => {
  test.each([
    [{ tp: 0, fp: 0, fn: 0, tn: 0 }, ["accuracy", "f1", "sensitivity", "specificity", "ppv", "npv"]],
    [{ tp: 0, fp: 0, fn: 0, tn: 4 }, ["f1", "sensitivity", "ppv"]],
    [{ tp: 0, fp: 0, fn: 3, tn: 4 }, ["ppv"]],
    [{ tp: 3, fp: 0, fn: 0, tn: 0 }, ["specificity", "npv"]],
    [{ tp: 3, fp: 2, fn: 0, tn: 0 }, ["npv"]],
    [{ tp: 1, fp: 1, fn: 1, tn: 1 }, []],
  ])("rates of %o", (counts, missing) => {
    const all = Object.entries(rates(counts));
    expect(all.filter(([, m]) => m.value === null).map(([name]) => name)).toEqual(missing);
    for (const [, m] of all)
      expect(m).toEqual(m.value === null ? { value: null, reason: m.reason } : { value: m.value });
    expect(JSON.stringify(all)).not.toMatch(/NaN|Infinity/);
  });

  test("AUC, curves and thresholds unless both classes occur", () => {
    expect(auc(cases([0.1, 0.9], [1, 1]))).toEqual({ value: null, reason: "no image is benign" });
    expect(auc(cases([0.1], [0]))).toEqual({ value: null, reason: "no image is malignant" });
    expect(auc(cases([], []))).toEqual({ value: null, reason: "no image has a class" });
    expect(auc({ ...cases([0.1, 0.9], [0, 1]), weight: [2, 0] }).value).toBeNull();
    expect(averagePrecision(cases([0.1], [0])).value).toBeNull();
    expect(rocCurve(cases([0.1], [0]))).toEqual([]);
    expect(prCurve(cases([0.1], [0]))).toEqual([]);
    expect(brier(cases([], [])).value).toBeNull();
    expect(calibrationError(cases([], [])).value).toBeNull();
    expect(chooseThreshold(cases([0.1], [1]), "f1")).toEqual({ value: null, reason: "no image is benign" });
  });

  test("variances of AUCs from fewer than two images of a class", () => {
    expect(delongReason([1, 1, 0])).toBe("the variance of an AUC needs two images of each class, and 1 are benign");
    expect(delongReason([1, 1, 0, 0])).toBeUndefined();
    expect(() => delongAuc(cases([0.1, 0.2], [0, 1]))).toThrow(RangeError);
    expect(() => delong([0, 1], [0.1], [0.1, 0.2])).toThrow(RangeError);
  });

  test("DeLong's z, where two models put the same images above each other", () => {
    const label = [0, 1, 0, 1, 1, 0];
    const a = [0.1, 0.7, 0.8, 0.9, 0.3, 0.2];
    // Another scale, the same order.
    const found = delong(label, a, a.map((v) => v / 3 + 0.1)); // prettier-ignore
    expect(found).toMatchObject({ difference: 0, interval: [0, 0], z: null, p: null });
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
    expect(auc(cases(score, label))).toEqual({ value: expected });
  });

  test("is the share of pairs in the right order, whatever the ties and the weights", () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = stream(seed);
      const below = (n: number) => (random.next() >>> 0) % n;
      const items = Array.from({ length: 2 + below(40) }, (_, i) => ({
        score: below(8) / 8,
        label: i < 2 ? i : below(2),
        weight: i < 2 ? 1 : below(4),
      }));
      let [won, pairs] = [0, 0];
      for (const a of items.filter((item) => item.label === 1)) {
        for (const b of items.filter((item) => item.label === 0)) {
          won += a.weight * b.weight * (a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0);
          pairs += a.weight * b.weight;
        }
      }
      const [score, label, weight] = (["score", "label", "weight"] as const).map((key) => items.map((i) => i[key]));
      expect(auc({ score: score!, label: label!, weight }).value).toBeCloseTo(won / pairs, 12);
    }
  });
});

test("what counts twice is as if it were there twice", () => {
  const [score, label, weight] = [[0.2, 0.4, 0.4, 0.9, 0.75], [0, 1, 0, 1, 0], [1, 2, 0, 3, 2]]; // prettier-ignore
  const times = (values: number[]) => values.flatMap((value, i) => Array.from({ length: weight[i]! }, () => value));
  const [weighted, repeated] = [{ score, label, weight }, cases(times(score), times(label))];
  for (const metric of [auc, averagePrecision, brier, calibrationError]) {
    expect(metric(weighted).value, metric.name).toBeCloseTo(metric(repeated).value!, 14);
  }
  expect(reliability(weighted)).toEqual(reliability(repeated));
});

test("chosen thresholds lie halfway between scores, of equally good ones nearest to 0.5", () => {
  expect(chooseThreshold(cases([0.1, 0.3, 0.7, 0.9], [0, 0, 1, 1]), "youden")).toEqual({ value: 0.5 });
  // Any of 0.2 < t <= 0.6 is as good by F1; and for what follows 0.85 as 0.35 by Youden's index.
  expect(chooseThreshold(cases([0.2, 0.6], [0, 1]), "f1")).toEqual({ value: 0.4 });
  expect(chooseThreshold(cases([0.1, 0.6, 0.8, 0.9], [0, 1, 0, 1]), "youden").value).toBeCloseTo(0.35, 12);
  // Everything is malignant from below the lowest score on.
  expect(chooseThreshold(cases([0.2, 0.9, 0.8], [1, 0, 0]), "f1")).toEqual({ value: 0.1 });
});

test("a threshold between two neighbouring numbers is the upper one", () => {
  const low = 0.5;
  const high = 0.5 + Number.EPSILON / 2;
  expect(high).toBeGreaterThan(low);
  const found = chooseThreshold(cases([low, high], [0, 1]), "youden").value!;
  expect(confusion(cases([low, high], [0, 1]), found)).toEqual({ tp: 1, fp: 0, fn: 0, tn: 1 });
});

describe("dice and IoU", () => {
  const floats = (...values: number[]) => Float32Array.from(values);
  test.each([
    ["half of each", floats(0.9, 0.9, 0.1, 0.1), floats(0, 1, 1, 0), 0.5, 1 / 3],
    ["the same", floats(0.5, 0.2), floats(1, 0), 1, 1],
    ["apart", floats(0.9, 0.1), floats(0, 1), 0, 0],
    ["two of three", floats(1, 1, 1, 0), floats(1, 1, 0, 0), 4 / 5, 2 / 3],
    ["an empty mask", floats(0, 0), floats(1, 0), 0, 0],
    ["both empty", floats(0.4, 0), floats(0, 0), 1, 1],
  ])("%s", (_, mask, target, dice, iou) => {
    const found = maskScore(mask, target);
    expect(found.dice).toBeCloseTo(dice, 15);
    expect(found.iou).toBeCloseTo(iou, 15);
  });
});

describe("an evaluation", () => {
  const masks = [
    { dice: 1, iou: 1 },
    { dice: 0.5, iou: 0.25 },
  ];

  test("of masks alone has mean Dice and IoU and nothing else", () => {
    expect(evaluation(masks)).toEqual({ images: 2, dice: 0.75, iou: 0.625 });
    const outlined = [{ ...masks[0]!, outlineDice: 0.25 }, masks[1]!];
    expect(evaluation(outlined)).toMatchObject({ dice: 0.75, outlineDice: 0.25 });
    expect(evaluation(masks, cases([], []))).toEqual(evaluation(masks));
  });

  test("of both has everything, and leaves out an AUC that is not defined", () => {
    const both = evaluation(masks, cases([0.7, 0.6], [1, 0]));
    expect(both).toEqual({
      images: 2,
      dice: 0.75,
      iou: 0.625,
      accuracy: 0.5,
      auc: 1,
      f1: 2 / 3,
      confusion: { tp: 1, fp: 1, fn: 0, tn: 0 },
    });
    const one = evaluation(masks.slice(0, 1), cases([0.7], [1]));
    expect(one).not.toHaveProperty("auc");
    for (const value of [both, one]) expect(evaluationSchema.parse(value)).toEqual(value);
  });

  test("has F1 0, not none, where nothing is or was taken for malignant; and older ones without IoU are read", () => {
    expect(evaluation(masks.slice(0, 1), cases([0.1], [0]))).toMatchObject({ f1: 0, accuracy: 1 });
    expect(evaluationSchema.parse({ images: 3, dice: 0.75 })).toEqual({ images: 3, dice: 0.75 });
  });
});
