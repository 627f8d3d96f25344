/** The bias of attention within windows by relative position. */
import { positionBias, positionBiasFields, positionBiasGrad } from "../../shaders/position_bias.wgsl.ts";
import { f32, requireShape, requireWhole, showShape, type Kernel } from "./kernel.ts";
import { perThread } from "./per-thread.ts";

/** @throws ShapeError */
function sizesOf(table: readonly number[], window: number) {
  requireWhole("relativePositionBias", "window", window, 1);
  const [rows, heads] = table;
  requireShape(
    table.length === 2 && rows === (2 * window - 1) ** 2,
    () =>
      `relativePositionBias: a window of ${window} needs a table [${(2 * window - 1) ** 2}, heads], got ${showShape(table)}`,
  );
  const values = { heads: heads!, window };
  const side = window * window;
  return { bias: [heads!, side, side], params: positionBiasFields.map((field) => values[field]) };
}

/** bias [H, w², w²] from table [(2 w - 1)², H]. */
export function positionBiasKernel(table: readonly number[], window: number): Kernel {
  const { bias, params } = sizesOf(table, window);
  const kernel = { name: "relativePositionBias", inputs: [f32(...table)], outputs: [f32(...bias)] };
  return perThread(
    kernel,
    bias.reduce((a, b) => a * b),
    ({ threads }) => positionBias(threads),
    params,
  );
}

/** The table's gradient from the bias's. */
export function positionBiasGradKernel(table: readonly number[], window: number): Kernel {
  const { bias, params } = sizesOf(table, window);
  const kernel = { name: "relativePositionBias.grad", inputs: [f32(...bias)], outputs: [f32(...table)] };
  return perThread(kernel, table[0]! * table[1]!, ({ threads }) => positionBiasGrad(threads), params);
}
