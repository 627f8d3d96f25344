/** Answers that cannot be right are told from those that can. */
import { expect, test } from "vitest";
import { doubtOf } from "../../src/runs/doubt.ts";

test("of a network whose activations overflow", () => {
  const mask = Float32Array.of(0.1, 0.2, 0.2);
  expect(doubtOf({ probabilities: [0.5, 0.5], mask })).toBeUndefined();
  expect(doubtOf({ probabilities: [0.5, 0.5], mask: undefined })).toBeUndefined();
  expect(doubtOf({ probabilities: undefined, mask })).toBeUndefined();
  expect(doubtOf({ probabilities: [NaN, NaN], mask })?.isNone).toBe(true);
  expect(doubtOf({ probabilities: [0.5, 0.5], mask: Float32Array.of(0.1, Infinity) })?.isNone).toBe(true);
  // What is not a number has become 0 on its way.
  expect(doubtOf({ probabilities: [0.5, 0.5], mask: Float32Array.of(1, 1, 1) })).toEqual({
    text: "the mask has the same value at every pixel, as where activations overflow: the answer cannot be relied on",
    isNone: false,
  });
});
