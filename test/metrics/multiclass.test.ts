/** Metrics for more than two classes against scikit-learn, against the binary ones, and where they are undefined. */
import { describe, expect, test } from "vitest";
import { benignMalignant, classesOf } from "../../src/data/classes.ts";
import { evaluation, evaluationSchema } from "../../src/metrics/evaluation.ts";
import type { Measure } from "../../src/metrics/measure.ts";
import {
  type ClassCases,
  confusionMatrix,
  confusionMatrixSchema,
  multiclassFigures,
  reliabilityByClass,
} from "../../src/metrics/multiclass.ts";
import { notableCases } from "../../src/metrics/notable-cases.ts";
import type { ImagePrediction } from "../../src/metrics/predictions.ts";
import { summarise } from "../../src/metrics/summary.ts";
import { expectClose, reference } from "./reference.ts";

const named = (count: number) => classesOf(Array.from({ length: count }, (_, i) => `class ${i}`));

/** A value is expected to be scikit-learn's; what is not defined here is null there, or 0 by `zero_division`. */
function expectMeasure(measure: Measure, expected: number | null, notDefined: number | null = null): void {
  if (measure.value !== null) expectClose([measure.value], [expected!], 1e-9);
  else expect(expected).toBe(notDefined);
}

describe.each(reference.multiclass)("of $name,", (its) => {
  const classes = named(its.byClass.length);
  const cases: ClassCases = { classes, probabilities: its.probabilities, label: its.label };
  const { overall, byClass } = multiclassFigures(cases);
  const complete = its.byClass.every(({ images }) => images > 0);

  test("the confusion matrix and the figures of all classes are scikit-learn's", () => {
    expect(confusionMatrix(cases)).toEqual(its.confusion);
    expectClose([overall.accuracy.value!, overall.weightedF1.value!], [its.accuracy, its.weightedF1], 1e-9);
    expectClose([overall.brier.value!], [its.brier], 1e-9);
    expectMeasure(overall.macroAuc, its.macroAuc);
    expectMeasure(overall.macroAveragePrecision, its.macroAveragePrecision);
    // With a class of no image it is not defined here; scikit-learn counts that class's as 0, as a training's epochs do.
    if (complete) expectClose([overall.macroF1.value!], [its.macroF1], 1e-9);
    else expect(overall.macroF1).toMatchObject({ value: null, reason: /^no image is class \d$/ });
  });

  test("the figures of each class against the rest are scikit-learn's", () => {
    for (const [c, expected] of its.byClass.entries()) {
      const found = byClass[c]!;
      for (const name of ["precision", "recall", "f1"] as const) expectMeasure(found[name], expected[name], 0);
      expect(found.precision.value === null).toBe(expected.predicted === 0);
      expect(found.recall.value === null).toBe(expected.images === 0);
      expectMeasure(found.auc, expected.auc);
      expectMeasure(found.averagePrecision, expected.averagePrecision);
      expectClose(
        [found.brier.value!, found.calibrationError.value!],
        [expected.brier, expected.calibrationError],
        1e-9,
      );
    }
  });

  test("the reliability curve of each class is scikit-learn's", () => {
    for (const [c, bins] of reliabilityByClass(cases).entries()) {
      const expected = its.byClass[c]!.reliability;
      expect(bins.map((b) => b.images)).toEqual(expected.images);
      for (const key of ["observed", "predicted"] as const) expectClose(bins.map((b) => b[key]), expected[key], 1e-9); // prettier-ignore
    }
  });

  test("an evaluation of a training has scikit-learn's macro F1, whatever classes lack an image", () => {
    if (classes.names.length === 2) return;
    const found = evaluation([], cases);
    expectClose([found.accuracy!, found.f1!], [its.accuracy, its.macroF1], 1e-9);
    expect(found.auc === undefined).toBe(its.macroAuc === null);
    expectClose(found.byClass!.map(({ f1 }) => f1), its.byClass.map(({ f1 }) => f1), 1e-9); // prettier-ignore
    expect(found.byClass!.map(({ name, images }) => [name, images])).toEqual(
      its.byClass.map(({ images }, c) => [`class ${c}`, images]),
    );
    expect(found.matrix).toEqual(its.confusion);
    expect(found).not.toHaveProperty("confusion");
    expect(evaluationSchema.parse(JSON.parse(JSON.stringify(found)))).toEqual(found);
  });
});

const three = classesOf(["benign", "malignant", "normal"]);
function said<L extends number | null, P extends number[] | null>(
  label: L,
  probabilities: P,
  patient: string | null = null,
  name = "",
): ImagePrediction & { label: L; probabilities: P } {
  const image = `${name}${label} ${probabilities?.join()}`;
  return { image, patient, label, probabilities, dice: null, iou: null };
}

describe("a summary of three classes", () => {
  const images = Array.from({ length: 60 }, (_, i) => {
    const label = i % 3;
    const p = [0.2, 0.2, 0.2];
    p[i % 5 === 0 ? (label + 1) % 3 : label]! += 0.4;
    return said(label, p, `${i >> 1}`, `${i} `);
  });

  test("has the binary figures of the positive class against the rest, and all classes' with intervals", () => {
    const found = summarise(images, 0.5, { classes: three, resamples: 300 });
    const binary = images.map((p) => {
      const malignant = p.probabilities[1]!;
      return { ...p, label: p.label === 1 ? 1 : 0, probabilities: [1 - malignant, malignant] };
    });
    const { figures, confusion, positives } = summarise(binary, 0.5, { classes: benignMalignant, resamples: 300 });
    expect([found.figures, found.confusion, found.positives]).toEqual([figures, confusion, positives]);
    const { multiclass } = found;
    expect(multiclass!.byClass.map(({ name, images }) => [name, images])).toEqual(
      three.names.map((name) => [name, 20]),
    );
    const { overall, byClass } = multiclassFigures({
      classes: three,
      probabilities: images.map((p) => p.probabilities),
      label: images.map((p) => p.label),
    });
    for (const name of ["accuracy", "macroF1", "weightedF1", "macroAuc", "macroAveragePrecision", "brier"] as const) {
      const figure = multiclass!.figures[name];
      expect(figure.value).toBe(overall[name].value);
      const [low, high] = "interval" in figure ? figure.interval! : [];
      expect(low!).toBeLessThan(figure.value!);
      expect(high!).toBeGreaterThan(figure.value!);
    }
    expect(multiclass!.byClass.map((own) => own.auc.value)).toEqual(byClass.map((own) => own.auc.value));
    expect(summarise(images, 0.5, { classes: three, resamples: 300 })).toEqual(found);
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  });

  test("of one patient has no intervals; of no class no figures; of two classes nothing of the kind", () => {
    const one = summarise(images.map((p) => ({ ...p, patient: "1" })), 0.5, { classes: three }); // prettier-ignore
    expect(one.multiclass!.figures.macroF1).toMatchObject({ interval: null });
    const none = summarise([said(null, [0.5, 0.25, 0.25]), said(1, null)], 0.5, { classes: three });
    expect(none.multiclass!.confusion).toBeNull();
    for (const figure of Object.values(none.multiclass!.figures)) expect(figure.value).toBeNull();
    expect(JSON.stringify(none)).not.toMatch(/NaN|undefined/);
    expect(summarise([said(1, [0.5, 0.5])], 0.5)).not.toHaveProperty("multiclass");
  });

  test("says what is not defined by the classes' names", () => {
    const { figures, multiclass } = summarise([said(0, [0.7, 0.2, 0.1]), said(2, [0.2, 0.2, 0.6])], 0.5, {
      classes: three,
    });
    expect(figures.sensitivity).toEqual({ value: null, reason: "no image is malignant" });
    expect(figures.ppv).toEqual({ value: null, reason: "no image was predicted malignant at the threshold 0.5" });
    expect(multiclass!.byClass[1]!.precision).toEqual({ value: null, reason: "no image was predicted malignant" });
    expect(multiclass!.figures.macroAuc).toEqual({ value: null, reason: "no image is malignant" });
    const all = summarise([said(1, [0, 1, 0]), said(1, [0, 1, 0])], 0.5, { classes: three });
    expect(all.figures.specificity).toEqual({ value: null, reason: "no image is of a class other than malignant" });
    expect(all.figures.npv).toEqual({
      value: null,
      reason: "no image was predicted of a class other than malignant at the threshold 0.5",
    });
  });
});

test("what counts twice is as if it were there twice", () => {
  const p = [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]]; // prettier-ignore
  const label = [0, 1, 2, 1];
  const weight = [2, 1, 3, 0];
  const times = <T>(values: T[]) => values.flatMap((value, i) => Array.from({ length: weight[i]! }, () => value));
  const weighted = multiclassFigures({ classes: three, probabilities: p, label, weight });
  const repeated = multiclassFigures({ classes: three, probabilities: times(p), label: times(label) });
  const values = ({ overall, byClass }: typeof weighted) =>
    [overall, ...byClass].flatMap((figures) => Object.values(figures).map(({ value }) => value!));
  expectClose(values(weighted), values(repeated), 1e-14);
});

test("a matrix has to be square", () => {
  expect(confusionMatrixSchema.safeParse([[1, 2], [3, 4]]).success).toBe(true); // prettier-ignore
  for (const wrong of [[[1, 2], [3]], [[1, 2]], [[1, -2], [3, 4]], []]) expect(confusionMatrixSchema.safeParse(wrong).success).toBe(false); // prettier-ignore
});

test("notable cases of three classes: right and certain of each class, furthest from the truth, nearly two classes", () => {
  const images = [
    said(0, [0.9, 0.05, 0.05]),
    said(0, [0.8, 0.1, 0.1]),
    said(1, [0.1, 0.6, 0.3]),
    said(2, [0.1, 0.2, 0.7]),
    said(2, [0.7, 0.2, 0.1]),
    said(1, [0.45, 0.44, 0.11]),
    said(null, [0.4, 0.4, 0.2]),
  ];
  const { best, worst, uncertain } = notableCases(images, 0.5, 3, three);
  expect(best).toEqual([images[2], images[0], images[3]]);
  expect(worst).toEqual([images[4], images[5]]);
  expect(uncertain[0]).toBe(images[5]);
});
