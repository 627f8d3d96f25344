import { expect, test } from "vitest";
import { classNotes } from "../../src/data/class-notes.ts";
import { classLossOf, heldOutLoss, maskLossOf } from "../../src/metrics/held-out-loss.ts";

test("the loss of a mask is that of training: soft Dice with smoothing 1, cross-entropy, or both", () => {
  const [mask, target] = [
    [0.5, 0.25, 1, 0],
    [1, 0, 1, 0],
  ];
  const dice = 1 - (2 * 1.5 + 1) / (1.75 + 2 + 1);
  const entropy = -(Math.log(0.5) + Math.log(0.75) + Math.log(1) + Math.log(1)) / 4;
  expect(maskLossOf(mask, target, "dice")).toBeCloseTo(dice, 12);
  expect(maskLossOf(mask, target, "bce")).toBeCloseTo(entropy, 12);
  expect(maskLossOf(mask, target, "dice+bce")).toBeCloseTo(dice + entropy, 12);
  expect(maskLossOf([1], [0], "bce")).toBeLessThan(20);
});

test("images without a class count for the mask only", () => {
  const terms = { maskLoss: "dice", alpha: 2 } as const;
  const images = [
    { probabilities: [0.2, 0.8], label: 1, maskLoss: 0.1 },
    { probabilities: [0.5, 0.5], label: undefined, maskLoss: 0.3 },
  ];
  expect(heldOutLoss(images, terms)).toBeCloseTo(-Math.log(0.8) + 2 * 0.2, 12);
  expect(heldOutLoss(images.slice(1), terms)).toBeCloseTo(2 * 0.3, 12);
  expect(classLossOf(0.2)).toBeCloseTo(-Math.log(0.2), 12);
});

test("sides that lack a class are told", () => {
  const side = (...labels: (0 | 1 | undefined)[]) => labels.map((label) => ({ label }));
  expect(classNotes(side(0, 1), side(1, 0))).toEqual([]);
  expect(classNotes(side(0, 0, undefined), side(0, 1))).toEqual([
    "No training image is malignant: a classifier that has seen only one class predicts it for every image",
  ]);
  expect(classNotes(side(0, 1), side(1))).toEqual([
    "No held-out image is benign: F1 and AUC say nothing there, and the best epoch is chosen by the loss",
  ]);
  expect(classNotes(side(0, 1), side(undefined))).toEqual([
    "No held-out image has a class: F1 and AUC say nothing there, and the best epoch is chosen by the loss",
  ]);
});
