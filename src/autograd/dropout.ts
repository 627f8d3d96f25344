/**
 * Dropout whose masks anyone can compute again: they depend on seed, step, layer, sample and value alone, not on the adapter, on how
 * work is cut up, or on what was drawn before.
 */
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { dropScaleKernel } from "../kernels/dropout.ts";
import { requireKnown, requireShape, showSpec } from "../kernels/kernel.ts";
import { mul } from "./elementwise.ts";
import { mulSamples } from "./gating.ts";

/** One drop of a network. */
export interface Drop {
  /** The probability of a value to be dropped, at least 0 and below 1. */
  readonly p: number;
  /** Its number among the network's drops, in order of definition, from 0. */
  readonly layer: number;
  /** Its lowest 32 bits count. */
  readonly seed: number;
  /** The number of the training step, from 1: u32 [1]. Undefined: nothing is dropped. */
  readonly step?: Tensor | undefined;
}

/**
 * Factors of 0, for what is dropped, and 1 / (1 - p), [n, features]. No gradient.
 * @param features values of a sample, in NHWC order
 * @throws ShapeError
 */
export function dropScale(n: number, features: number, drop: Drop & { readonly step: Tensor }): Tensor {
  return factors([n, features], n, features, drop);
}

/**
 * x with each value dropped with probability p, and the others divided by 1 - p. In graphs that do not train it is x, as it is where p is
 * 0 or there is no step.
 * @param x [N, ...]
 * @throws ShapeError
 */
export function dropout(x: Tensor, drop: Drop): Tensor {
  if (!isOn("dropout", x, drop)) return x;
  const n = x.shape[0]!;
  return mul(x, factors(x.shape, n, x.size / n, drop));
}

/** The same with whole samples dropped (torchvision's StochasticDepth, mode "row"). */
export function stochasticDepth(x: Tensor, drop: Drop): Tensor {
  if (!isOn("stochasticDepth", x, drop)) return x;
  const n = x.shape[0]!;
  return mulSamples(x, factors([n], n, 1, drop));
}

type Driven = Drop & { readonly step: Tensor };

/** Whether anything is dropped. Checks the drop either way. */
function isOn(op: string, x: Tensor, drop: Drop): drop is Driven {
  requireTensors(op, x);
  requireKnown(op, drop, ["p", "layer", "seed", "step"]);
  // Throws for numbers that cannot be.
  dropScaleKernel(1, 1, drop);
  const { p, step } = drop;
  if (step === undefined) return false;
  return p > 0 && graphOf(op, x, step).follow(op);
}

function factors(shape: readonly number[], n: number, features: number, drop: Driven): Tensor {
  const { step } = drop;
  requireTensors("dropScale", step);
  requireShape(step.dtype === "u32" && step.size === 1, () => `dropScale: step must be u32 [1], got ${showSpec(step)}`);
  return graphOf("dropScale", step).record(dropScaleKernel(n, features, drop), [step], { shapes: [shape] })[0]!;
}
