/** Activations multiplied by factors that several of their values share; mean and maximum over the channels. */
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import {
  channelDotKernel,
  channelMeanMaxGradKernel,
  channelMeanMaxKernel,
  mulChannelsKernel,
  mulMapKernel,
  mulSamplesKernel,
} from "../kernels/gating.ts";
import type { Kernel } from "../kernels/kernel.ts";
import { spatialSumKernel } from "../kernels/reduce.ts";

/** y = x s by `kernel`; `sum` makes ds from x and dy. */
function multiply(op: string, x: Tensor, s: Tensor, kernel: Kernel, sum: () => Kernel): Tensor {
  const graph = graphOf(op, x, s);
  return graph.record(kernel, [x, s], {
    gradient: ([dy], [wantsX, wantsS]) => [
      wantsX ? graph.record(kernel, [dy!, s])[0] : undefined,
      wantsS ? graph.record(sum(), [x, dy!], { shapes: [s.shape] })[0] : undefined,
    ],
  })[0]!;
}

/**
 * Each sample times a factor of its own.
 * @param x [N, ...]
 * @param s [N]
 * @returns [N, ...]
 * @throws ShapeError
 */
export function mulSamples(x: Tensor, s: Tensor): Tensor {
  requireTensors("mulSamples", x, s);
  const n = x.shape[0]!;
  // All values of a sample as pixels of one channel.
  const sum = () => spatialSumKernel("mulSamples.factorGrad", [n, x.size / n, 1, 1], "product", 1);
  return multiply("mulSamples", x, s, mulSamplesKernel(x.shape, s.shape), sum);
}

/**
 * Each channel of each sample times a factor of its own.
 * @param x [N, H, W, C]
 * @param s [N, C]
 * @returns [N, H, W, C]
 * @throws ShapeError
 */
export function mulChannels(x: Tensor, s: Tensor): Tensor {
  requireTensors("mulChannels", x, s);
  const sum = () => spatialSumKernel("mulChannels.factorGrad", x.shape, "product", 1);
  return multiply("mulChannels", x, s, mulChannelsKernel(x.shape, s.shape), sum);
}

/**
 * Each pixel times a factor of its own.
 * @param x [N, H, W, C]
 * @param m [N, H, W, 1]
 * @returns [N, H, W, C]
 * @throws ShapeError
 */
export function mulMap(x: Tensor, m: Tensor): Tensor {
  requireTensors("mulMap", x, m);
  const sum = () => channelDotKernel("mulMap.mapGrad", x.shape);
  return multiply("mulMap", x, m, mulMapKernel(x.shape, m.shape), sum);
}

/**
 * Mean (first) and maximum over the channels; of equal maxima the first gets the gradient.
 * @param x [N, H, W, C]
 * @returns [N, H, W, 2]
 * @throws ShapeError
 */
export function channelMeanMax(x: Tensor): Tensor {
  requireTensors("channelMeanMax", x);
  const graph = graphOf("channelMeanMax", x);
  const outputs = graph.record(channelMeanMaxKernel(x.shape), [x], {
    gradient: ([dy]) => graph.record(channelMeanMaxGradKernel(x.shape), [dy!, outputs[1]!]),
  });
  return outputs[0]!;
}
