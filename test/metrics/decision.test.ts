/** Decisions from class probabilities. */
import { expect, test } from "vitest";
import { benignMalignant } from "../../src/data/classes.ts";
import { DEFAULT_THRESHOLD, mostProbable, predictedClass, shownClass } from "../../src/metrics/decision.ts";

const three = { names: ["a", "b", "c"], positive: 1 };
const positiveFirst = { names: ["sick", "well"], positive: 0 };

test("the threshold that people know", () => {
  expect(DEFAULT_THRESHOLD).toBe(0.5);
});

test("of equally probable classes the first is the most probable", () => {
  expect([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [1], [0, 0, 0]].map(mostProbable)).toEqual([0, 1, 0, 0]);
});

test("of two classes the positive one is predicted from the threshold on, wherever it stands", () => {
  const malignant = [0.49, 0.5, 0.51].map((p) => predictedClass([1 - p, p], benignMalignant));
  expect(malignant).toEqual([0, 1, 1]);
  const sick = [0.49, 0.5, 0.51].map((p) => predictedClass([p, 1 - p], positiveFirst));
  expect(sick).toEqual([1, 0, 0]);
  expect([0.19, 0.2].map((p) => predictedClass([1 - p, p], benignMalignant, 0.2))).toEqual([0, 1]);
});

test("of three the most probable one is, whatever the threshold", () => {
  expect([0.1, 0.9].map((threshold) => predictedClass([0.3, 0.36, 0.34], three, threshold))).toEqual([1, 1]);
});

test("shown is the positive one of two, and the most probable one of three", () => {
  expect([shownClass([0.9, 0.1], benignMalignant), shownClass([0.1, 0.9], positiveFirst)]).toEqual([1, 0]);
  expect(shownClass([0.2, 0.2, 0.6], three)).toBe(2);
});
