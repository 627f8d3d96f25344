/** The metrics against scikit-learn, SciPy, DeLong's test by its definition in NumPy, and R's pROC. */
import { describe, expect, test } from "vitest";
import { percentiles } from "../../src/metrics/bootstrap.ts";
import { brier, calibrationError, reliability } from "../../src/metrics/calibration.ts";
import { confusion, rateNames, rates } from "../../src/metrics/confusion.ts";
import { auc, averagePrecision, prCurve, rocCurve } from "../../src/metrics/curves.ts";
import { delong, delongAuc } from "../../src/metrics/delong.ts";
import { maskScore } from "../../src/metrics/mask.ts";
import { overRuns, pairedOverRuns } from "../../src/metrics/runs.ts";
import { chooseThreshold } from "../../src/metrics/threshold.ts";
import { byProc, expectClose, reference } from "./reference.ts";

describe.each(reference.cases)("of the case $name,", (its) => {
  const cases = { score: its.score, label: its.label };

  test("AUC, average precision and Brier score are scikit-learn's", () => {
    const given = [auc(cases), averagePrecision(cases), brier(cases)].map((m) => m.value!);
    expectClose(given, [its.auc, its.averagePrecision, its.brier], 1e-9);
  });

  test("the ROC curve is scikit-learn's", () => {
    const points = rocCurve(cases);
    const column = (key: "fpr" | "tpr") => points.map((p) => p[key]);
    expectClose(column("fpr"), its.roc.fpr, 1e-9);
    expectClose(column("tpr"), its.roc.tpr, 1e-9);
    expect(points[0]!.threshold).toBeNull();
    expect(points.slice(1).map((p) => p.threshold)).toEqual(its.roc.threshold);
  });

  test("the precision-recall curve is scikit-learn's, which runs the other way", () => {
    const points = prCurve(cases).reverse();
    const { precision, recall, threshold } = its.pr;
    expectClose(
      points.map((p) => p.precision),
      precision,
      1e-9,
    );
    expectClose(
      points.map((p) => p.recall),
      recall,
      1e-9,
    );
    expect(points.slice(0, -1).map((p) => p.threshold)).toEqual(threshold);
  });

  test("the reliability curve is scikit-learn's, and the calibration error follows from it", () => {
    const bins = reliability(cases);
    expect(bins.map((b) => b.images)).toEqual(its.reliability.images);
    for (const key of ["observed", "predicted"] as const) {
      expectClose(
        bins.map((b) => b[key]),
        its.reliability[key],
        1e-9,
      );
    }
    expectClose([calibrationError(cases).value!], [its.calibrationError], 1e-9);
  });

  test.each(Object.entries(its.rates))("rates at the threshold %s are scikit-learn's", (threshold, expected) => {
    const counts = confusion(cases, Number(threshold));
    expect(counts).toEqual(expected.confusion);
    const given = rates(counts);
    for (const name of rateNames) {
      // What scikit-learn calls 0 for want of a denominator is not defined here.
      if (given[name].value === null) expect(expected[name]).toBe(0);
      else expectClose([given[name].value], [expected[name]], 1e-9);
    }
  });

  test("the chosen thresholds are as good as any", () => {
    const best = (rule: "youden" | "f1") => rates(confusion(cases, chooseThreshold(cases, rule).value!));
    const { sensitivity, specificity } = best("youden");
    expectClose([sensitivity.value! + specificity.value! - 1], [its.youden], 1e-9);
    expectClose([best("f1").f1.value!], [its.bestF1], 1e-9);
  });

  test("no score lies on a chosen threshold", () => {
    for (const rule of ["youden", "f1"] as const) expect(its.score).not.toContain(chooseThreshold(cases, rule).value);
  });

  test("DeLong's test is that of its definition, and pROC's", () => {
    const found = delong(its.label, its.score, its.other);
    const numbers = (d: typeof found) => [
      ...[d.a.auc, d.b.auc, d.z!, d.p!],
      // Variances are small: their size is what must agree.
      ...[d.a.variance, d.b.variance, d.covariance].map((v) => v * 1e3),
    ];
    const expected = (d: Pick<typeof its.delong, "auc" | "z" | "p" | "variance" | "covariance">) => [
      ...[...d.auc, d.z, d.p],
      ...[...d.variance, d.covariance].map((v) => v * 1e3),
    ];
    expectClose(numbers(found), expected(its.delong), 1e-9);
    expectClose([found.difference, ...found.interval], [its.delong.difference, ...its.delong.interval], 1e-9);
    const proc = byProc.find(({ name }) => name === its.name)!;
    expectClose(numbers(found), expected(proc), 1e-9);
    expectClose(found.a.interval, proc.interval, 1e-9);
    expect(delongAuc({ score: its.score, label: its.label })).toEqual(found.a);
  });
});

describe("over runs,", () => {
  test.each(reference.runs)("the interval of $values.length is SciPy's", ({ values, mean, deviation, interval }) => {
    const found = overRuns(values);
    expectClose([found.mean, found.deviation!], [mean, deviation], 1e-12);
    // Cephes' quantiles of Student's t are right to eight or nine digits.
    expectClose(found.interval!, interval, 1e-8);
    expect(found.runs).toBe(values.length);
  });

  test("the paired difference is SciPy's", () => {
    const { a, b, p, mean, interval } = reference.paired;
    const found = pairedOverRuns(a, b);
    expectClose([found.mean, ...found.interval!, found.p!], [mean, ...interval, p], 1e-8);
  });

  test("one run has a mean and no interval; none has nothing; unequal numbers make no pairs", () => {
    expect(overRuns([0.9])).toEqual({ runs: 1, mean: 0.9, deviation: null, interval: null });
    expect(() => overRuns([])).toThrow(RangeError);
    expect(() => pairedOverRuns([1], [1, 2])).toThrow("1 and 2 runs do not make pairs");
    expect(pairedOverRuns([0.5, 0.25], [0.75, 0.5])).toEqual({
      ...{ runs: 2, mean: 0.25, deviation: 0, interval: [0.25, 0.25], p: null },
    });
  });
});

test("percentiles are NumPy's", () => {
  const { values, interval } = reference.percentiles;
  expectClose(percentiles([...values].reverse())!, interval, 1e-12);
});

test("Dice and IoU of a mask are scikit-learn's F1 and Jaccard score", () => {
  const { mask, target, dice, iou } = reference.mask;
  const found = maskScore(mask, target);
  expectClose([found.dice, found.iou], [dice, iou], 1e-12);
});
