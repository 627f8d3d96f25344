/** Enlarging by whole factors. */
import { graphOf } from "../graph/graph.ts";
import { requireTensors, viewOf, type Tensor } from "../graph/tensor.ts";
import { aKind, isList, nhwc, requireShape, requireWhole, showShape } from "../kernels/kernel.ts";
import { broadcastTo, stridedKernel } from "../kernels/strided.ts";
import { sumTo } from "./shape.ts";

/**
 * Each pixel repeated, as PyTorch's interpolate(mode="nearest") with whole factors. `interpolate` enlarges bilinearly.
 * @param x [N, H, W, C]
 * @param factors of height and width
 * @returns [N, factors[0] · H, factors[1] · W, C]
 * @throws ShapeError
 */
export function upsampleNearest(x: Tensor, factors: readonly [number, number]): Tensor {
  requireTensors("upsampleNearest", x);
  const [n, h, w, c] = nhwc("upsampleNearest", x.shape);
  requireShape(
    isList(factors) && (factors as readonly number[]).length === 2,
    () =>
      `upsampleNearest: expected factors [down, across], got ${isList(factors) ? showShape(factors) : aKind(factors)}`,
  );
  const [down, across] = factors;
  for (const factor of factors) requireWhole("upsampleNearest", "a factor", factor, 1);
  if (down === 1 && across === 1) return x;
  // Each axis of pixels as two, of which the second repeats.
  const [pixels, repeated] = [[n, h, 1, w, 1, c], [n, h, down, w, across, c]]; // prettier-ignore
  const kernel = stridedKernel("upsampleNearest", repeated, [broadcastTo(pixels, repeated)], "a");
  return graphOf("upsampleNearest", x).record(kernel, [x], {
    shapes: [[n, h * down, w * across, c]],
    gradient: ([dy]) => [sumTo("upsampleNearest.inputGrad", pixels, [viewOf(dy!, repeated)], "a")],
  })[0]!;
}
