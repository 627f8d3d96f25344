/** MGA-Net's losses in its two stages. */
import { add, bceWithLogits, scale } from "../../autograd/elementwise.ts";
import { crossEntropy, diceLoss } from "../../autograd/losses.ts";
import { requireNumber, requireShape } from "../../kernels/kernel.ts";
import type { Tensor } from "../../graph/tensor.ts";

export const maskLosses = ["dice", "bce", "dice+bce"] as const;
export type MaskLoss = (typeof maskLosses)[number];

/** The weight of the segmentation loss in the joint stage, as in the paper. */
export const ALPHA = 0.5;

/** The loss of the segmentation branch, [1]: logits, their sigmoid and target [N, H, W, 1]. */
export function segmentationLoss(kind: MaskLoss, logits: Tensor, mask: Tensor, target: Tensor): Tensor {
  requireShape(
    maskLosses.includes(kind),
    () => `segmentationLoss: there is no ${kind} loss; there are ${maskLosses.join(", ")}`,
  );
  if (kind === "dice") return diceLoss(mask, target);
  const bce = bceWithLogits(logits, target);
  return kind === "bce" ? bce : add(bce, diceLoss(mask, target));
}

/** total = cls + alpha seg, and both terms, each [1]; `weight`: class weights, if they differ. */
export function jointLoss(
  output: { logits: Tensor; segLogits: Tensor; mask: Tensor },
  label: Tensor,
  target: Tensor,
  { kind = "dice", alpha = ALPHA, weight }: { kind?: MaskLoss; alpha?: number; weight?: readonly number[] } = {},
): { total: Tensor; cls: Tensor; seg: Tensor } {
  requireNumber("jointLoss", "alpha", alpha);
  const cls = crossEntropy(output.logits, label, weight);
  const seg = segmentationLoss(kind, output.segLogits, output.mask, target);
  return { total: add(cls, scale(seg, alpha)), cls, seg };
}
