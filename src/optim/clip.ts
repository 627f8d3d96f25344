/** The norm of all gradients together, and the factor that clips them to one. */
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { gradientNormKernel, gradientSquaresKernel, partialsOf, type Stretch } from "../kernels/gradient-norm.ts";

/** Gradients that lie behind each other in one tensor, and where. */
export interface Packed {
  readonly gradient: Tensor;
  readonly tensors: readonly Stretch[];
}

/** norm [1] of all of them, and factor [1] = min(1, clip / (norm + 1e-6)). */
export function clipTo(graph: Graph, packed: readonly Packed[], clip: number): { norm: Tensor; factor: Tensor } {
  const offsets: number[] = [];
  let partials = 0;
  const parts = packed.map(({ gradient, tensors }) => {
    offsets.push(partials);
    partials += partialsOf(tensors);
    return graph.record(gradientSquaresKernel(gradient.size, tensors), [gradient])[0]!;
  });
  const all = parts.length === 1 ? parts[0]! : graph.pack(parts, offsets, partials);
  const [norm, factor] = graph.record(gradientNormKernel(partials, clip), [all]);
  return { norm: norm!, factor: factor! };
}
