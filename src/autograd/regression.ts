/** Losses of values against targets of the same shape. */
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { requireKnown, requireShape } from "../kernels/kernel.ts";
import { apply, mean, sum } from "./elementwise.ts";

/** What becomes of the losses of single values: their mean [1] (the default), their sum [1], or all of them. */
export type Reduction = "mean" | "sum" | "none";

/** How the losses of elements become one number. */
export interface LossOptions {
  reduction?: Reduction;
}

/** @throws ShapeError for an unknown reduction */
export function reduced(op: string, each: Tensor, options: LossOptions): Tensor {
  requireKnown(op, options, ["reduction"]);
  const { reduction = "mean" } = options;
  requireShape(
    ["mean", "sum", "none"].includes(reduction),
    () => `${op}: reduction must be mean, sum or none, got ${reduction as string}`,
  );
  return reduction === "mean" ? mean(each) : reduction === "sum" ? sum(each) : each;
}

/** (x - target)², averaged unless told otherwise. Shapes are not broadcast. @throws ShapeError */
export function mseLoss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  requireTensors("mseLoss", x, target);
  const each = apply("mseLoss", [x, target], "(a - b) * (a - b)", (dy, _, [wantsX, wantsTarget]) => [
    wantsX ? apply("mseLoss.grad", [dy, x, target], "2.0 * a * (b - c)") : undefined,
    wantsTarget ? apply("mseLoss.grad", [dy, x, target], "2.0 * a * (c - b)") : undefined,
  ]);
  return reduced("mseLoss", each, options);
}

/** |x - target|, averaged unless told otherwise; the gradient is 0 where they are equal. Shapes are not broadcast. @throws ShapeError */
export function l1Loss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  requireTensors("l1Loss", x, target);
  const each = apply("l1Loss", [x, target], "abs(a - b)", (dy, _, [wantsX, wantsTarget]) => [
    wantsX ? apply("l1Loss.grad", [dy, x, target], "a * sign(b - c)") : undefined,
    wantsTarget ? apply("l1Loss.grad", [dy, x, target], "a * sign(c - b)") : undefined,
  ]);
  return reduced("l1Loss", each, options);
}
