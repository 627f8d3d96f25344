/** Bootstrap intervals: reproducible, by patient, as wide as theory predicts, and absent where undefined. */
import { describe, expect, test } from "vitest";
import { stream } from "../../src/data/random.ts";
import { percentiles, quantile, resample } from "../../src/metrics/bootstrap.ts";
import { fromSecond, type ImagePrediction } from "../../src/metrics/predictions.ts";
import { figureNames, summarise, type Figure } from "../../src/metrics/summary.ts";
import { slow } from "../support/selection.ts";

const intervalOf = (figure: Figure) => (figure.value === null ? undefined : figure.interval);

/** Images whose class is drawn, and that are seen rightly with probability `right`. */
function images(count: number, right: number, seed = 1): ImagePrediction[] {
  const random = stream(seed);
  const share = () => (random.next() >>> 0) / 2 ** 32;
  return Array.from({ length: count }, (_, i) => {
    const label = i % 2 === 0 ? 0 : 1;
    const seen = share() < right ? label : 1 - label;
    const dice = share();
    const probabilities = fromSecond((seen + share()) / 2);
    return {
      image: `${i}`,
      patient: null,
      label,
      probabilities,
      dice,
      iou: dice / (2 - dice),
      outlineDice: 0.9 * dice,
    };
  });
}

describe("resamples", () => {
  test("draw as many groups as there are, the same for the same seed", () => {
    const groups = ["a", "b", "b", "c", "c", "c"];
    const drawn = resample(groups, { seed: 3, resamples: 100 });
    expect(drawn).toEqual(resample(groups, { seed: 3, resamples: 100 }));
    expect(drawn).not.toEqual(resample(groups, { seed: 4, resamples: 100 }));
    for (const w of drawn) {
      expect([w[1], w[3], w[3]]).toEqual([w[2], w[4], w[5]]);
      expect(w[0]! + w[1]! + w[3]!).toBe(3);
    }
    // Each group comes once on average.
    const mean = drawn.reduce((sum, w) => sum + w[0]!, 0) / drawn.length;
    expect(mean).toBeGreaterThan(0.8);
    expect(mean).toBeLessThan(1.2);
  });
});

describe("intervals", () => {
  test("are as wide as the normal approximation's", () => {
    const { figures } = summarise(images(400, 0.8), 0.5, { seed: 5 });
    const { accuracy } = figures;
    const half = 1.96 * Math.sqrt((accuracy.value! * (1 - accuracy.value!)) / 400);
    const [low, high] = intervalOf(accuracy)!;
    expect(low).toBeLessThan(accuracy.value!);
    expect(high).toBeGreaterThan(accuracy.value!);
    expect((high - low) / (2 * half)).toBeGreaterThan(0.9);
    expect((high - low) / (2 * half)).toBeLessThan(1.1);
  });

  test("hold the true value in about 95 of 100 data sets", slow, () => {
    let held = 0;
    for (let seed = 0; seed < 200; seed++) {
      const [low, high] = intervalOf(summarise(images(120, 0.75, seed), 0.5, { resamples: 400 }).figures.accuracy)!;
      if (low <= 0.75 && 0.75 <= high) held++;
    }
    expect(held / 200).toBeGreaterThan(0.9);
    expect(held / 200).toBeLessThan(0.99);
  });

  test("of patients with five equal images each are those of one image each, to the bit", () => {
    const single = images(60, 0.8).map((p, i) => ({ ...p, patient: `p${i}` }));
    const five = single.flatMap((p) => Array.from({ length: 5 }, (_, k) => ({ ...p, image: `${p.image} ${k}` })));
    const [a, b] = [summarise(single, 0.5), summarise(five, 0.5)];
    expect([a.patients, b.patients]).toEqual([60, 60]);
    for (const name of ["accuracy", "auc", "f1", "sensitivity", "npv"] as const) {
      expect(intervalOf(b.figures[name])).toEqual(intervalOf(a.figures[name]));
    }
    // As if they were 300 patients, the interval is narrower.
    const apart = summarise(
      five.map((p) => ({ ...p, patient: null })),
      0.5,
    );
    const width = (figure: Figure) => intervalOf(figure)![1] - intervalOf(figure)![0];
    expect(width(apart.figures.accuracy)).toBeLessThan(0.6 * width(a.figures.accuracy));
  });

  test("are left out where there is one patient, or a figure is seldom defined", () => {
    const one = images(6, 1).map((p) => ({ ...p, patient: "p" }));
    expect(intervalOf(summarise(one, 0.5).figures.accuracy)).toBeNull();
    // A third of all resamples holds no malignant image.
    const lonely = images(30, 1).map(
      (p, i) => ({ ...p, label: i === 1 ? 1 : 0, probabilities: fromSecond(i / 30) }) as const,
    );
    const { figures } = summarise(lonely, 0.5);
    expect(figures.auc).toMatchObject({ interval: null });
    expect(figures.sensitivity).toMatchObject({ value: 0, interval: null });
    expect(intervalOf(figures.specificity)).not.toBeNull();
  });
});

describe("a summary", () => {
  test("of images without classes, or without marked nodules, has reasons in place of figures", () => {
    const none = images(10, 1).map(({ image, patient, label }) => {
      return { image, patient, label, probabilities: null, dice: null, iou: null };
    });
    const found = summarise(none, 0.5);
    expect(found).toMatchObject({ images: 10, classified: 0, positives: 0, patients: null, confusion: null });
    for (const name of figureNames) expect(found.figures[name]).toMatchObject({ value: null });
    expect(found.figures.dice).toEqual({ value: null, reason: "no image has a nodule marked on it" });
    expect(found.figures.outlineDice.value).toBe(null);
    const outlined = none.map((p, i) => (i < 4 ? { ...p, outlineDice: i / 4 } : p));
    expect(summarise(outlined, 0.5).figures.outlineDice.value).toBe(0.375);
  });

  test("knows every figure, and is sound JSON", () => {
    const found = summarise(images(40, 0.9), 0.4);
    expect(Object.keys(found.figures).sort()).toEqual([...figureNames].sort());
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
    for (const name of figureNames) {
      const { value } = found.figures[name];
      const [low, high] = intervalOf(found.figures[name])!;
      expect(value, name).toBeGreaterThanOrEqual(name === "calibrationError" ? 0 : low);
      expect(value, name).toBeLessThanOrEqual(high);
    }
  });
});

test("quantiles interpolate; of one value there are no percentiles", () => {
  expect([0, 0.25, 0.5, 1].map((share) => quantile([1, 2, 3, 5], share))).toEqual([1, 1.75, 2.5, 5]);
  expect(percentiles([1])).toBeNull();
});
