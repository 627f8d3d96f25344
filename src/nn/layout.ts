/** Weight layouts here and in PyTorch. */
import { sizeOf } from "../kernels/kernel.ts";

/**
 * vector: as it is. conv: HWIO here, OIHW in PyTorch. linear: [in, out] here, [out, in] in PyTorch. flattened: the weight of a
 * linear layer after a map [C, H, W] was flattened, [out, C H W] in PyTorch; here the convolution that covers the map, HWIO.
 */
export type Layout = "vector" | "conv" | "linear" | "flattened";

/** For each of PyTorch's axes, ours; of "flattened" before it is flattened. */
export const axes: Record<Layout, readonly number[] | undefined> = {
  vector: undefined,
  conv: [3, 2, 0, 1],
  linear: [1, 0],
  flattened: [3, 2, 0, 1],
};

/** For each axis of a tensor [..] in PyTorch, ours; of "flattened" before it is flattened. */
export const torchOrder = (shape: readonly number[], layout: Layout): readonly number[] =>
  axes[layout] ?? shape.map((_, axis) => axis);

/** Our shape, with PyTorch's order of axes. */
const reordered = (shape: readonly number[], layout: Layout): number[] =>
  axes[layout]?.map((axis) => shape[axis]!) ?? [...shape];

export function torchShape(shape: readonly number[], layout: Layout): number[] {
  const all = reordered(shape, layout);
  return layout === "flattened" ? [all[0]!, sizeOf(all.slice(1))] : all;
}

/** Our values in PyTorch's order. */
export function toTorch(data: Float32Array, shape: readonly number[], layout: Layout): Float32Array {
  const order = axes[layout];
  return order ? permute(data, shape, order) : data;
}

/** A tensor as a safetensors file holds it. */
export interface SavedTensor {
  dtype: "F32";
  shape: number[];
  data: Float32Array;
}

/** Our values of a parameter, as PyTorch has them. */
export const savedTensor = (
  data: Float32Array,
  { shape, layout }: { readonly shape: readonly number[]; readonly layout: Layout },
): SavedTensor => ({ dtype: "F32", shape: torchShape(shape, layout), data: toTorch(data, shape, layout) });

/** PyTorch's values in our order. */
export function fromTorch(data: Float32Array, shape: readonly number[], layout: Layout): Float32Array {
  const order = axes[layout];
  if (!order) return data;
  const inverse = shape.map((_, axis) => order.indexOf(axis));
  return permute(data, reordered(shape, layout), inverse);
}

/** y with y.shape[i] = shape[order[i]]. */
export function permute(data: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const outShape = order.map((axis) => shape[axis]!);
  const outStrides = order.map((axis) => strides[axis]!);
  const result = new Float32Array(data.length);
  const index = outShape.map(() => 0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    result[to] = data[from]!;
    for (let axis = outShape.length - 1; axis >= 0; axis--) {
      from += outStrides[axis]!;
      if (++index[axis]! < outShape[axis]!) break;
      from -= outStrides[axis]! * outShape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
