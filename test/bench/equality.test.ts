import { expect, test } from "vitest";
import { namedError, relativeError, requireBelow, stepErrors } from "../../bench/equality.ts";
import type { LossAndGradients, StepImplementation } from "../../bench/peers/peer.ts";
import type { Batch } from "../../src/data/sample.ts";

const computing = (loss: number, gradients: Record<string, number[]>) =>
  ({
    lossAndGradients: (): Promise<LossAndGradients> => {
      return Promise.resolve({
        loss,
        gradients: new Map(Object.entries(gradients).map(([k, v]) => [k, Float32Array.from(v)])),
      });
    },
  }) as unknown as StepImplementation;

test("one wrong gradient among large right ones shows, one that is next to nothing does not", async () => {
  const ours = computing(2, { large: [300, 400], small: [0.6, 0.8], nothing: [1e-4] });
  const theirs = computing(2.002, { large: [300, 400], small: [-0.6, -0.8], nothing: [-1e-4] });
  const errors = await stepErrors(ours, theirs, {} as Batch);
  expect(errors.loss).toBeCloseTo(1e-3);
  expect(errors.gradients).toBeCloseTo(2 / 500);
  expect(errors.worst.name).toBe("small");
  expect(errors.worst.error).toBeCloseTo(2);
});

test("what is missing, of another size or not finite is not equal", () => {
  const expected = new Map([["a", [1, 2]]]);
  expect(() => namedError(new Map(), expected)).toThrow("a was not computed");
  expect(() => namedError(new Map([["a", [1]]]), expected)).toThrow("a was not computed, or in another size");
  expect(
    relativeError([
      [
        [1, NaN],
        [1, 2],
      ],
    ]),
  ).toBe(Infinity);
  expect(() => requireBelow("peer", "loss", Infinity, 1)).toThrow("peer does not compute the same");
  expect(() => requireBelow("peer", "loss", NaN, 1)).toThrow("peer does not compute the same");
  expect(() => requireBelow("peer", "loss", 1, 1)).not.toThrow();
});
