/** Enlarging by whole factors. */
import { requireTensors, viewOf, type Tensor } from "../graph/tensor.ts";
import { nhwc, requireWhole } from "../kernels/kernel.ts";
import { expand } from "./shape.ts";

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
  const [down, across] = factors;
  for (const factor of factors) requireWhole("upsampleNearest", "a factor", factor, 1);
  const repeated = expand(viewOf(x, [n, h, 1, w, 1, c]), [n, h, down, w, across, c]);
  return viewOf(repeated, [n, h * down, w * across, c]);
}
