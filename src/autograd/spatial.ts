/** Pooling, resizing and channel concatenation. Activations [N, H, W, C]. */
import { spreadKernel } from "../kernels/attention.ts";
import { spatialSumKernel } from "../kernels/reduce.ts";
import {
  concatKernel,
  interpolateGradKernel,
  interpolateKernel,
  maxPoolGradKernel,
  maxPoolKernel,
  sliceKernel,
  type MaxPoolOptions,
} from "../kernels/spatial.ts";
import { graphOf } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Max pooling; of equal maxima in a window the first, row by row, gets the gradient, as in PyTorch. */
export function maxPool2d(x: Tensor, options: MaxPoolOptions): Tensor {
  const graph = graphOf(x);
  const outputs = graph.record(maxPoolKernel(x.shape, options), [x], {
    gradient: ([dy]) => graph.record(maxPoolGradKernel(x.shape, options), [dy!, outputs[1]!]),
  });
  return outputs[0]!;
}

/** Bilinear resize to [N, size[0], size[1], C] with half-pixel centres (align_corners=False, no antialiasing). */
export function interpolate(x: Tensor, size: readonly [number, number]): Tensor {
  const graph = graphOf(x);
  return graph.record(interpolateKernel(x.shape, size), [x], {
    gradient: ([dy]) => graph.record(interpolateGradKernel(x.shape, size), [dy!]),
  })[0]!;
}

/** Concatenation along the channels of tensors that agree in N, H and W. */
export function cat(tensors: readonly Tensor[]): Tensor {
  const graph = graphOf(...tensors);
  const kernel = concatKernel(tensors.map((t) => t.shape));
  return graph.record(kernel, tensors, {
    gradient: ([dy], wanted) => {
      let offset = 0;
      return tensors.map((t, i) => {
        const begin = offset;
        offset += t.shape[3]!;
        return wanted[i] ? narrow(dy!, begin, t.shape[3]!) : undefined;
      });
    },
  })[0]!;
}

/** The channels [offset, offset + length) of x. It has no gradient of its own. */
export const narrow = (x: Tensor, offset: number, length: number): Tensor =>
  graphOf(x).record(sliceKernel(x.shape, offset, length), [x])[0]!;

/** The mean over the pixels, [N, C]. */
export function globalAvgPool(x: Tensor): Tensor {
  const graph = graphOf(x);
  const factor = 1 / (x.shape[1]! * x.shape[2]!);
  return graph.record(spatialSumKernel("globalAvgPool", x.shape, "none", factor), [x], {
    gradient: ([dy]) => graph.record(spreadKernel(x.shape, factor), [dy!]),
  })[0]!;
}
