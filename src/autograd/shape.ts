/** Tensors in another shape: views, which cost nothing, and axes in another order or repeated. */
import { graphOf, type Graph } from "../graph/graph.ts";
import { requireTensors, viewOf, type Tensor } from "../graph/tensor.ts";
import { aKind, isList, requireShape, requireSizes, showShape, sizeOf } from "../kernels/kernel.ts";
import { broadcastTo, reduceKernel, stridedKernel, stridesOf } from "../kernels/strided.ts";

/** An axis, counted from the end where it is negative, from 0. @throws ShapeError where there is none */
export function axisOf(op: string, dim: unknown, rank: number): number {
  requireShape(
    Number.isSafeInteger(dim) && (dim as number) >= -rank && (dim as number) < rank,
    () =>
      `${op}: dim must be a whole number from ${-rank} to ${rank - 1}, got ${isList(dim) ? "an Array" : String(dim)}`,
  );
  return ((dim as number) + rank) % rank;
}

/**
 * The same values in the same order, in another shape. It costs nothing: no kernel runs.
 * @param shape one size may be -1: what is left
 * @throws ShapeError if it has another number of elements
 */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  requireTensors("reshape", x);
  requireShape(isList(shape), () => `reshape: a shape is an array of sizes, got ${aKind(shape)}`);
  const open = shape.filter((size) => size === -1).length;
  requireShape(open < 2, () => `reshape: only one size of ${showShape(shape)} can be -1`);
  const known = sizeOf(shape.filter((size) => size !== -1));
  const whole = shape.map((size) => (size === -1 ? x.size / known : size));
  requireShape(
    sizeOf(whole) === x.size && whole.every((size) => Number.isSafeInteger(size) && size > 0),
    () => `reshape: ${showShape(x.shape)} has ${x.size} elements, which do not make ${showShape(shape)}`,
  );
  return viewOf(x, whole);
}

/**
 * Axes `startDim` to `endDim` as one, as PyTorch's flatten; a view, in the order in which values lie in memory.
 *
 * An activation is [N, H, W, C] here and [N, C, H, W] in PyTorch, so that `flatten(x, 1)` has another order than PyTorch's: a linear layer
 * behind it learns as well, but weights that PyTorch trained do not fit it. For those, use the layer `Flatten`, which has PyTorch's order, or
 * `flattenedLinear`.
 * @throws ShapeError
 */
export function flatten(x: Tensor, startDim = 0, endDim = -1): Tensor {
  requireTensors("flatten", x);
  const { shape } = x;
  const [from, to] = [axisOf("flatten", startDim, shape.length), axisOf("flatten", endDim, shape.length)];
  requireShape(from <= to, () => `flatten: dim ${startDim} comes after ${endDim} in ${showShape(shape)}`);
  return viewOf(x, [...shape.slice(0, from), sizeOf(shape.slice(from, to + 1)), ...shape.slice(to + 1)]);
}

/** The same without axis `dim`, whose size is 1; a view. @throws ShapeError if it is not, or nothing would be left */
export function squeeze(x: Tensor, dim: number): Tensor {
  requireTensors("squeeze", x);
  const axis = axisOf("squeeze", dim, x.shape.length);
  requireShape(
    x.shape[axis] === 1 && x.shape.length > 1,
    () => `squeeze: axis ${dim} of ${showShape(x.shape)} cannot be left out`,
  );
  return viewOf(x, x.shape.toSpliced(axis, 1));
}

/** The same with one more axis of size 1, which comes to lie at `dim`; a view. @throws ShapeError */
export function unsqueeze(x: Tensor, dim: number): Tensor {
  requireTensors("unsqueeze", x);
  return viewOf(x, x.shape.toSpliced(axisOf("unsqueeze", dim, x.shape.length + 1), 0, 1));
}

/**
 * Repeated along axes of size 1, and along new ones before the first, as PyTorch's expand; laid out in memory. Operands of arithmetic need not
 * be expanded: `add` and its like do so without laying anything out.
 * @throws ShapeError
 */
export const expand = (x: Tensor, shape: readonly number[]): Tensor => expandIn(undefined, x, shape);

/** The same, recorded in a graph that is given where x is a parameter, which belongs to none. */
export function expandIn(given: Graph | undefined, x: Tensor, shape: readonly number[]): Tensor {
  requireTensors("expand", x);
  requireSizes("expand", shape);
  const ahead = shape.length - x.shape.length;
  requireShape(
    ahead >= 0 && x.shape.every((size, i) => size === 1 || size === shape[ahead + i]),
    () => `expand: ${showShape(x.shape)} cannot be repeated to ${showShape(shape)}`,
  );
  if (x.size === sizeOf(shape)) return viewOf(x, shape);
  const graph = given ?? graphOf("expand", x);
  return graph.record(stridedKernel("expand", shape, [broadcastTo(x.shape, shape)], "a"), [x], {
    gradient: ([dy]) => [sumTo("expand.inputGrad", x.shape, [dy!], "a")],
  })[0]!;
}

/**
 * The sum of an expression over operands of one shape, or broadcast to it, along those axes along which `shape` is repeated to it.
 * @param operands called a, b, ...; the first has the whole shape
 */
export function sumTo(name: string, shape: readonly number[], operands: readonly Tensor[], expression: string): Tensor {
  const whole = operands[0]!.shape;
  const ahead = whole.length - shape.length;
  const repeated = whole.flatMap((size, i) => (size !== (shape[i - ahead] ?? 1) ? [i] : []));
  const read = operands.map((operand) => broadcastTo(operand.shape, whole));
  const kernel = reduceKernel(name, whole, new Set(repeated), read, expression);
  return graphOf(name, ...operands).record(kernel, operands, { shapes: [shape] })[0]!;
}

export interface PermuteSettings {
  /** For each axis of the result, the operand's. */
  readonly order: readonly number[];
}

/**
 * The axes in another order: axis i of the result is axis `dims[i]` of x. Laid out in memory, unless only axes of size 1 move.
 * @throws ShapeError unless `dims` names each axis once
 */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  requireTensors("permute", x);
  const rank = x.shape.length;
  requireShape(isList(dims), () => `permute: expected an array of axes, got ${aKind(dims)}`);
  const order = dims.map((dim) => axisOf("permute", dim, rank));
  requireShape(
    order.length === rank && new Set(order).size === rank,
    () => `permute: [${dims.join(", ")}] does not name each of the ${rank} axes of ${showShape(x.shape)} once`,
  );
  const shape = order.map((axis) => x.shape[axis]!);
  const moved = order.filter((axis) => x.shape[axis] !== 1);
  if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!)) return viewOf(x, shape);
  const strides = stridesOf(x.shape);
  const kernel = stridedKernel(
    "permute",
    shape,
    [{ shape: x.shape, strides: order.map((axis) => strides[axis]!) }],
    "a",
  );
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return graphOf("permute", x).record(kernel, [x], {
    settings: { order } satisfies PermuteSettings,
    gradient: ([dy]) => [permute(dy!, inverse)],
  })[0]!;
}

/** Two axes exchanged. @throws ShapeError */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  requireTensors("transpose", x);
  const rank = x.shape.length;
  const [first, second] = [axisOf("transpose", dim0, rank), axisOf("transpose", dim1, rank)];
  const order = x.shape.map((_, axis) => (axis === first ? second : axis === second ? first : axis));
  return permute(x, order);
}
