/** Matrix products of tensors of any rank, and softmax along any axis, as PyTorch's. */
import { graphOf } from "../graph/graph.ts";
import { requireTensors, viewOf, type Tensor } from "../graph/tensor.ts";
import { requireShape, showShape, sizeOf } from "../kernels/kernel.ts";
import { broadcastShape } from "../kernels/strided.ts";
import { linear } from "./conv2d.ts";
import { matmul as batched, softmax as alongLast } from "./matmul.ts";
import { axisOf, expandIn, transpose } from "./shape.ts";

/**
 * The matrix product over the last two axes; those before them are broadcast.
 * @param a [..., M, K]
 * @param b [..., K, N]
 * @returns [..., M, N]
 * @throws ShapeError; for vectors, too: make them matrices with `unsqueeze`
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  requireTensors("matmul", a, b);
  const [m, k] = a.shape.slice(-2);
  const [depth, n] = b.shape.slice(-2);
  requireShape(
    a.shape.length > 1 && b.shape.length > 1,
    () =>
      `matmul: ${showShape(a.shape)} and ${showShape(b.shape)} are no matrices; unsqueeze a vector to [1, K] or [K, 1]`,
  );
  requireShape(k === depth, () => `matmul: ${showShape(a.shape)} and ${showShape(b.shape)} do not match`);
  // One matrix for all rows is a linear layer's, which has more ways to be computed.
  if (sizeOf(b.shape.slice(0, -2)) === 1 && b.shape.length <= a.shape.length) return linear(a, viewOf(b, [k!, n!]));
  const batch = broadcastShape("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  const graph = graphOf("matmul", a, b);
  const whole = (x: Tensor) => {
    const matrix = x.shape.slice(-2);
    return viewOf(expandIn(graph, x, [...batch, ...matrix]), [sizeOf(batch), ...matrix]);
  };
  return viewOf(batched(whole(a), whole(b)), [...batch, m!, n!]);
}

/** softmax along an axis. @throws ShapeError */
export function softmax(x: Tensor, dim: number): Tensor {
  requireTensors("softmax", x);
  const axis = axisOf("softmax", dim, x.shape.length);
  const last = x.shape.length - 1;
  return axis === last ? alongLast(x) : transpose(alongLast(transpose(x, axis, last)), axis, last);
}
