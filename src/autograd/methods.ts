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
    neg(): Tensor;
    /** To the power of a number. */
    pow(exponent: number): Tensor;
    exp(): Tensor;
    log(): Tensor;
    sqrt(): Tensor;
    abs(): Tensor;
    tanh(): Tensor;
    sigmoid(): Tensor;
    relu(): Tensor;
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
    softmax(dim: number): Tensor;
    /** The matrix product over the last two axes. */
    matmul(other: Tensor): Tensor;
    /** In another shape, of which one size may be -1; costs nothing. */
    reshape(...shape: Numbers): Tensor;
    /** As `reshape`. */
    view(...shape: Numbers): Tensor;
    /** Axes as one, in the order of memory: of an activation NHWC, not PyTorch's order (see `flatten`). */
    flatten(startDim?: number, endDim?: number): Tensor;
    squeeze(dim: number): Tensor;
    unsqueeze(dim: number): Tensor;
    expand(...shape: Numbers): Tensor;
    permute(...dims: Numbers): Tensor;
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
