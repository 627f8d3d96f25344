/** Nothing is timed that does not compute the same. */
import type { Batch } from "../src/data/sample.ts";
import type { StepImplementation } from "./peers/peer.ts";

/** Two implementations disagree. */
export class EqualityError extends Error {
  override name = "EqualityError";
}

/** The relative L2 error that a loss, or all gradients as one vector, may have. */
export const BAR = 1e-3;

/**
 * How far apart the gradients of two right implementations can be where float32 decides on which side of its kink a ReLU
 * of the last layers lies: the gradient jumps there, and one of a few dozen values under it changes. With the quick
 * preset's network on noise, a change of the image by 2e-7 of itself moves nine gradients out of ten by up to 2e-2.
 */
export const JUMP_BAR = 5e-2;

/** The same for each parameter's gradient by itself: a jump spoils few of a tensor's values, a wrong gradient most of them. */
export const TENSOR_BAR = 0.5;

/** The same for Adam's first update, in which every gradient counts alike, however small. */
export const UPDATE_BAR = 0.2;

export interface StepErrors {
  loss: number;
  gradients: number;
  /** Of the gradient that differs most, among those that are not next to nothing. */
  worst: { name: string; error: number };
}

/** Relative L2 errors of a peer's loss and gradients, ours being the standard. */
export async function stepErrors(
  ours: StepImplementation,
  peer: StepImplementation,
  batch: Batch,
): Promise<StepErrors> {
  const expected = await ours.lossAndGradients(batch);
  const actual = await peer.lossAndGradients(batch);
  return {
    loss: relativeError([[[actual.loss], [expected.loss]]]),
    gradients: namedError(actual.gradients, expected.gradients),
    worst: worstOf(actual.gradients, expected.gradients),
  };
}

/** What is smaller than this, next to all gradients together, counts as nothing: rounding alone may decide it. */
const NOTHING = 1e-5;

function worstOf(actual: Named, expected: Named): StepErrors["worst"] {
  const total = Math.sqrt([...expected.values()].reduce((sum, values) => sum + squares(values), 0));
  const errors = [...expected]
    .filter(([, values]) => Math.sqrt(squares(values)) > NOTHING * total)
    .map(([name, values]) => ({ name, error: namedError(actual, new Map([[name, values]])) }));
  return errors.reduce((a, b) => (b.error > a.error ? b : a));
}

const squares = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return sum;
};

/**
 * Requires that a peer's loss agrees with ours on every batch that is tried, and its gradients on one of them. One is
 * enough: a wrong gradient is wrong on every batch, a right one only jumps on some.
 * @throws EqualityError
 */
export async function requireSameGradients(
  name: string,
  ours: StepImplementation,
  peer: StepImplementation,
  batches: readonly Batch[],
): Promise<StepErrors> {
  const tried: StepErrors[] = [];
  for (const batch of batches) {
    const errors = await stepErrors(ours, peer, batch);
    requireBelow(name, "loss", errors.loss, BAR);
    if (errors.gradients <= BAR) return errors;
    tried.push(errors);
  }
  const [least] = tried.sort((a, b) => a.gradients - b.gradients);
  requireBelow(name, "gradients", least!.gradients, BAR);
  return least!;
}

/** @throws EqualityError if the error is above the bar, or not a number */
export function requireBelow(name: string, what: string, error: number, bar: number): void {
  if (error <= bar) return;
  throw new EqualityError(
    `${name} does not compute the same as we do (${what}: relative error ${error.toExponential(1)}, allowed ` +
      `${bar.toExponential(0)}), so there is nothing to compare`,
  );
}

type Named = ReadonlyMap<string, ArrayLike<number>>;

/**
 * Relative L2 error over all tensors of `expected` as one vector.
 * @throws EqualityError if one is missing, or of another size
 */
export function namedError(actual: Named, expected: Named): number {
  return relativeError(
    [...expected].map(([name, values]) => {
      const other = actual.get(name);
      if (other?.length !== values.length) throw new EqualityError(`${name} was not computed, or in another size`);
      return [other, values];
    }),
  );
}

/** Pairs of actual and expected tensors -> |actual - expected| / |expected|; infinite when a value is not finite. */
export function relativeError(pairs: readonly (readonly [ArrayLike<number>, ArrayLike<number>])[]): number {
  let difference = 0;
  let norm = 0;
  for (const [actual, expected] of pairs) {
    for (let i = 0; i < expected.length; i++) {
      difference += (actual[i]! - expected[i]!) ** 2;
      norm += expected[i]! ** 2;
    }
  }
  const error = Math.sqrt(difference / norm);
  return Number.isFinite(error) ? error : Infinity;
}
