/** Sums, means and maxima over some of the axes, or all. */
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { aKind, isList, requireShape, sizeOf } from "../kernels/kernel.ts";
import { broadcastTo, reduceKernel, stridedKernel } from "../kernels/strided.ts";
import { literal, type ReductionSettings, type SumSettings } from "./elementwise.ts";
import { axisOf } from "./shape.ts";

/** One axis or several; negative ones count from the end. Undefined: all of them. */
export type Dims = number | readonly number[];

/** @throws ShapeError */
function axesOf(op: string, { shape }: Tensor, dim: Dims | undefined): ReadonlySet<number> {
  if (dim === undefined) return new Set(shape.keys());
  const dims = isList(dim) ? (dim as readonly number[]) : [dim as number];
  requireShape(dims.length > 0, () => `${op}: no axes were given; leave dim out for all of them`);
  const axes = dims.map((each) => axisOf(op, each, shape.length));
  requireShape(new Set(axes).size === axes.length, () => `${op}: dim [${dims.join(", ")}] names an axis twice`);
  return new Set(axes);
}

/** The shapes of a result: with the axes at size 1, and as it is returned; [1] where no axis is left. */
function shapesOf(op: string, { shape }: Tensor, axes: ReadonlySet<number>, keepdim: unknown) {
  requireShape(typeof keepdim === "boolean", () => `${op}: keepdim must be true or false, got ${aKind(keepdim)}`);
  const kept = shape.map((size, i) => (axes.has(i) ? 1 : size));
  const left = shape.filter((_, i) => !axes.has(i));
  return { kept, result: keepdim ? kept : left.length > 0 ? left : [1] };
}

function total(op: string, x: Tensor, dim: Dims | undefined, keepdim: boolean, averages: boolean): Tensor {
  requireTensors(op, x);
  const axes = axesOf(op, x, dim);
  const { kept, result } = shapesOf(op, x, axes, keepdim);
  const factor = averages ? sizeOf(kept) / x.size : 1;
  const graph = graphOf(op, x);
  const kernel = reduceKernel(op, x.shape, axes, [broadcastTo(x.shape, x.shape)], "a", { factor });
  const spread = () => stridedKernel("spread", x.shape, [broadcastTo(kept, x.shape)], `a * ${literal(factor)}`);
  return graph.record(kernel, [x], {
    shapes: [result],
    settings: { mean: averages, axes: [...axes], keepdim } satisfies SumSettings,
    gradient: ([dy]) => graph.record(spread(), [dy!]),
  })[0]!;
}

/**
 * The sum over some axes, or all.
 * @param keepdim whether these axes stay, with size 1
 * @returns the other axes; [1] where there are none (PyTorch: a scalar)
 * @throws ShapeError
 */
export const sum = (x: Tensor, dim?: Dims, keepdim = false): Tensor => total("sum", x, dim, keepdim, false);

/** The mean over some axes, or all; otherwise as `sum`. */
export const mean = (x: Tensor, dim?: Dims, keepdim = false): Tensor => total("mean", x, dim, keepdim, true);

/**
 * The maximum over some axes, or all; otherwise as `sum`. Equal maxima share the gradient evenly, as in PyTorch's `amax`, and its `max` over
 * all axes. (PyTorch's `max` over one axis returns indices, too, and gives the gradient to one of them.)
 */
export function amax(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  requireTensors("amax", x);
  const axes = axesOf("amax", x, dim);
  const { kept, result } = shapesOf("amax", x, axes, keepdim);
  const graph = graphOf("amax", x);
  const [whole, most] = [broadcastTo(x.shape, x.shape), broadcastTo(kept, x.shape)];
  const outputs = graph.record(reduceKernel("amax", x.shape, axes, [whole], "a", { how: "max" }), [x], {
    shapes: [result],
    settings: { axes: [...axes], keepdim } satisfies ReductionSettings,
    gradient([dy]) {
      const [y] = outputs;
      const count = reduceKernel("amax.count", x.shape, axes, [whole, most], "select(T(), T(1.0), a == b)");
      const shares = stridedKernel("amax.grad", x.shape, [most, whole, most, most], "select(T(), a / d, b == c)");
      const [counted] = graph.record(count, [x, y!]);
      return graph.record(shares, [dy!, x, y!, counted!]);
    },
  });
  return outputs[0]!;
}
