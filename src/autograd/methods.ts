/**
 * The ops as methods of tensors, by PyTorch's names: `x.mul(2).add(y).relu()`. Importing this file adds them; each calls the function of its
 * name, which says more.
 */
import { Tensor } from "../graph/tensor.ts";
import { isList, ShapeError } from "../kernels/kernel.ts";
import { add, div, mul, sub, type Operand } from "./arithmetic.ts";
import { gelu, relu, sigmoid } from "./elementwise.ts";
import { abs, clamp, exp, log, neg, pow, sqrt, tanh, type ClampOptions } from "./math.ts";
import { matmul, softmax } from "./products.ts";
import { amax, mean, sum, type Dims } from "./reductions.ts";
import { expand, flatten, permute, reshape, squeeze, transpose, unsqueeze } from "./shape.ts";

/** Sizes or axes, one by one or in an array. */
type Numbers = readonly number[] | readonly [readonly number[]];

declare module "../graph/tensor.ts" {
  interface Tensor {
    /** This plus a number, or a tensor with broadcasting. */
    add(other: Operand): Tensor;
    /** This minus a number, or a tensor with broadcasting. */
    sub(other: Operand): Tensor;
    /** This times a number, or a tensor with broadcasting. */
    mul(other: Operand): Tensor;
    /** This divided by a number, or a tensor with broadcasting. */
    div(other: Operand): Tensor;
    /** Minus this. */
    neg(): Tensor;
    /** To the power of a number. */
    pow(exponent: number): Tensor;
    /** e to the power of each element. */
    exp(): Tensor;
    /** The natural logarithm. */
    log(): Tensor;
    /** The square root. */
    sqrt(): Tensor;
    /** The absolute value. */
    abs(): Tensor;
    /** The hyperbolic tangent. */
    tanh(): Tensor;
    /** 1 / (1 + exp(-x)). */
    sigmoid(): Tensor;
    /** max(x, 0). */
    relu(): Tensor;
    /** x Phi(x), the exact function. */
    gelu(): Tensor;
    /** No less than `min`, no more than `max`; undefined: no bound. */
    clamp(min?: number, max?: number): Tensor;
    /** The sum over axes; all by default, which gives [1]. */
    sum(dim?: Dims, keepdim?: boolean): Tensor;
    /** The mean over axes; all by default, which gives [1]. */
    mean(dim?: Dims, keepdim?: boolean): Tensor;
    /** The maximum over axes; all by default, which gives [1]. */
    amax(dim?: Dims, keepdim?: boolean): Tensor;
    /** The maximum of all elements, [1]; along an axis it is `amax`. */
    max(): Tensor;
    /** Softmax along an axis; the channels of an activation are -1. */
    softmax(dim: number): Tensor;
    /** The matrix product over the last two axes. */
    matmul(other: Tensor): Tensor;
    /** In another shape, of which one size may be -1; costs nothing. */
    reshape(...shape: Numbers): Tensor;
    /** As `reshape`. */
    view(...shape: Numbers): Tensor;
    /** Axes as one, in the order of memory: of an activation NHWC, not PyTorch's order (see `flatten`). */
    flatten(startDim?: number, endDim?: number): Tensor;
    /** Without an axis of size 1. */
    squeeze(dim: number): Tensor;
    /** With one more axis of size 1, which comes to lie at `dim`. */
    unsqueeze(dim: number): Tensor;
    /** Repeated along axes of size 1, and along new ones before the first. */
    expand(...shape: Numbers): Tensor;
    /** With axes in another order. */
    permute(...dims: Numbers): Tensor;
    /** With two axes exchanged. */
    transpose(dim0: number, dim1: number): Tensor;
  }
}

const listed = (numbers: Numbers): readonly number[] =>
  (numbers.length === 1 && isList(numbers[0]) ? numbers[0] : numbers) as readonly number[];

const methods: Record<string, (this: Tensor, ...args: never[]) => Tensor> = {
  clamp(min?: number, max?: number) {
    const bounds: ClampOptions = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
    return clamp(this, bounds);
  },
  max(...dims: unknown[]) {
    if (dims.length === 0) return amax(this);
    throw new ShapeError("max: along an axis there are no indices here as PyTorch's max gives; use amax(dim, keepdim)");
  },
  reshape(...shape: Numbers) {
    return reshape(this, listed(shape));
  },
  view(...shape: Numbers) {
    return reshape(this, listed(shape));
  },
  expand(...shape: Numbers) {
    return expand(this, listed(shape));
  },
  permute(...dims: Numbers) {
    return permute(this, listed(dims));
  },
};

const functions = {
  ...{ add, sub, mul, div, neg, pow, exp, log, sqrt, abs, tanh, sigmoid, relu, gelu },
  ...{ sum, mean, amax, softmax, matmul, flatten, squeeze, unsqueeze, transpose },
};
for (const [name, op] of Object.entries(functions) as [string, (x: Tensor, ...args: never[]) => Tensor][]) {
  methods[name] = function (...args) {
    return op(this, ...args);
  };
}
for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
}
