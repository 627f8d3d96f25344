/** Elementwise ops, and sums over all elements. */
import { BELL_HEIGHT, normalFunctions } from "../../shaders/lib/normal.ts";
import { rectified } from "../../shaders/lib/vec.ts";
import { pointwiseKernel } from "../kernels/pointwise.ts";
import { requireSame, sumAll } from "../kernels/reduce.ts";
import { requireNumber } from "../kernels/kernel.ts";
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { checkShares, requireNoMore } from "./given.ts";

/** A number as WGSL's f32. */
export const literal = (value: number): string => `f32(${value.toExponential()})`;

/** y = expression over tensors of one shape (a, b, ... as vec4f), which may call WGSL `functions`. */
export function apply(
  name: string,
  inputs: readonly Tensor[],
  expression: string,
  gradient?: (dy: Tensor, y: Tensor, wanted: readonly boolean[]) => readonly (Tensor | undefined)[],
  functions = "",
  settings?: object,
): Tensor {
  requireTensors(name, ...inputs);
  for (const t of inputs.slice(1)) requireSame(name, inputs[0]!.shape, t.shape);
  const kernel = pointwiseKernel(name, inputs[0]!.shape, inputs.length, expression, { functions });
  const outputs = graphOf(name, ...inputs).record(kernel, inputs, {
    ...(gradient ? { gradient: ([dy], wanted) => gradient(dy!, outputs[0]!, wanted) } : {}),
    ...(settings ? { settings } : {}),
  });
  return outputs[0]!;
}

/** max(x, 0); the gradient at 0 is 0. */
export const relu = (x: Tensor): Tensor =>
  apply("relu", [x], rectified("a", "vec4f"), (dy, y) => [
    apply("relu.grad", [dy, y], "select(vec4f(), a, b > vec4f())"),
  ]);

/** 1 / (1 + exp(-x)). */
export const sigmoid = (x: Tensor): Tensor =>
  apply("sigmoid", [x], "1.0 / (1.0 + exp(select(-a, vec4f(80.0), a < vec4f(-80.0))))", (dy, y) => [
    apply("sigmoid.grad", [dy, y], "a * b * (1.0 - b)"),
  ]);

/** x Phi(x), exactly (not the tanh approximation), Phi being the normal distribution function. */
export function gelu(x: Tensor): Tensor;
export function gelu(x: Tensor, ...more: unknown[]): Tensor {
  requireNoMore("gelu", more, ": it is exact");
  return apply(
    "gelu",
    [x],
    "a * normalCdf(a, bell(a))",
    (dy) => {
      const slope = `a * (normalCdf(b, bell(b)) + b * (${BELL_HEIGHT} * bell(b)))`;
      return [apply("gelu.grad", [dy, x], slope, undefined, normalFunctions)];
    },
    normalFunctions,
  );
}

/** a + b, of equal shapes. */
export const add = (a: Tensor, b: Tensor): Tensor => apply("add", [a, b], "a + b", (dy) => [dy, dy]);

/** a * b, of equal shapes. */
export const mul = (a: Tensor, b: Tensor): Tensor =>
  apply("mul", [a, b], "a * b", (dy, _, [wantsA, wantsB]) => [
    wantsA ? apply("mul.grad", [dy, b], "a * b") : undefined,
    wantsB ? apply("mul.grad", [dy, a], "a * b") : undefined,
  ]);

export interface ScaleSettings {
  readonly factor: number;
}

/** Of an op on a tensor and a number: which it is, and on which side it stands. */
export type NumberSettings = { readonly left: number } | { readonly right: number };

/** Of what is made of the elements along some axes. */
export interface ReductionSettings {
  readonly axes: readonly number[];
  /** Whether the axes stay, with size 1. */
  readonly keepdim: boolean;
}

/** Of a sum. `mean`: divided by the number of elements. */
export interface SumSettings extends ReductionSettings {
  readonly mean: boolean;
}

/** factor * x. */
export function scale(x: Tensor, factor: number): Tensor {
  requireNumber("scale", "factor", factor);
  const settings = { factor } satisfies ScaleSettings;
  return apply("scale", [x], `${literal(factor)} * a`, (dy) => [scale(dy, factor)], "", settings);
}

/** The sum of all elements, [1]. */
export const sum = (x: Tensor): Tensor => total("sum", x, () => 1);

/** The mean of all elements, [1]. */
export const mean = (x: Tensor): Tensor => total("mean", x, () => 1 / x.size);

function total(name: string, x: Tensor, of: () => number): Tensor {
  requireTensors(name, x);
  const [graph, factor] = [graphOf("sum", x), of()];
  const spread = pointwiseKernel("spread", x.shape, 0, `vec4f(s * ${literal(factor)})`, { scalar: true });
  return graph.record(sumAll(x.shape, factor), [x], {
    settings: { mean: name === "mean", axes: [...x.shape.keys()], keepdim: false } satisfies SumSettings,
    gradient: ([dy]) => graph.record(spread, [dy!]),
  })[0]!;
}

/**
 * The mean binary cross-entropy of logits x against targets t in [0, 1] of the same shape, [1]; no gradient for t. Where t is an
 * input, a run rejects values outside that range.
 */
export function bceWithLogits(x: Tensor, t: Tensor): Tensor;
export function bceWithLogits(x: Tensor, t: Tensor, ...more: unknown[]): Tensor {
  requireNoMore("bceWithLogits", more, ": it is the mean, unweighted");
  requireTensors("bceWithLogits", x, t);
  checkShares("bceWithLogits", t);
  const each = apply("bceWithLogits", [x, t], "max(a, vec4f()) - a * b + log(1.0 + exp(-abs(a)))", (dy) => [
    apply("bceWithLogits.grad", [dy, x, t], "a * (1.0 / (1.0 + exp(min(-b, vec4f(80.0)))) - c)"),
    undefined,
  ]);
  return mean(each);
}
