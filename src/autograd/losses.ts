/** Classification and segmentation losses, averaged over the batch. */
import { crossEntropyGradKernel, crossEntropyKernel, diceGradKernel, diceKernel } from "../kernels/losses.ts";
import { requireNumber } from "../kernels/kernel.ts";
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { mean } from "./elementwise.ts";
import { checkClasses, checkShares, requireNoMore } from "./given.ts";

/**
 * Mean softmax cross-entropy of logits [N, K] against class indices u32 [N] below K, [1]. Where they are an input, a run rejects
 * any others.
 *
 * With `weight` [K], the mean is weighted by the samples' classes, sum w l / sum w, as in PyTorch's
 * `cross_entropy(weight=...)`.
 */
export function crossEntropy(logits: Tensor, label: Tensor, weight?: readonly number[]): Tensor;
export function crossEntropy(logits: Tensor, label: Tensor, weight?: readonly number[], ...more: unknown[]): Tensor {
  requireNoMore("crossEntropy", more);
  requireTensors("crossEntropy", logits, label);
  const graph = graphOf("crossEntropy", logits, label);
  const outputs = graph.record(crossEntropyKernel(logits.shape, label.shape, weight), [logits, label], {
    gradient: ([dl]) => [
      graph.record(crossEntropyGradKernel(logits.shape, weight), [outputs[1]!, label, dl!])[0],
      undefined,
    ],
  });
  checkClasses("crossEntropy", label, logits.shape[1]!);
  return mean(outputs[0]!);
}

export interface DiceSettings {
  readonly smooth: number;
}

/**
 * Soft Dice: the mean over the samples of 1 - (2 sum p t + smooth) / (sum p + sum t + smooth), [1]. prob and target
 * [N, ...] in [0, 1]; no gradient for the target. Where the target is an input, a run rejects other values.
 */
export function diceLoss(prob: Tensor, target: Tensor, smooth = 1): Tensor {
  requireNumber("diceLoss", "smooth", smooth, 0);
  requireTensors("diceLoss", prob, target);
  const graph = graphOf("diceLoss", prob, target);
  const outputs = graph.record(diceKernel(prob.shape, target.shape, smooth), [prob, target], {
    settings: { smooth } satisfies DiceSettings,
    gradient: ([dl]) => [graph.record(diceGradKernel(prob.shape, smooth), [target, outputs[1]!, dl!])[0], undefined],
  });
  checkShares("diceLoss", target);
  return mean(outputs[0]!);
}
