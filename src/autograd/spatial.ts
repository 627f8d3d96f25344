/** Pooling, resizing and channel concatenation. Activations [N, H, W, C]. */
import { spreadKernel } from "../kernels/spread.ts";
import { aKind, isList, requireKnown, requireShape, showShape } from "../kernels/kernel.ts";
import { pointwiseKernel } from "../kernels/pointwise.ts";
import { spatialSumKernel } from "../kernels/reduce.ts";
import {
  concatKernel,
  interpolateGradKernel,
  interpolateKernel,
  maxPoolGradKernel,
  maxPoolKernel,
  offsetsOf,
  sliceKernel,
  type MaxPoolOptions,
} from "../kernels/spatial.ts";
import { requireNoMore } from "./given.ts";
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";

/** As in PyTorch's max_pool2d. */
export interface MaxPool2dOptions {
  /** Height and width of the window. */
  kernel: number;
  /** Default: `kernel`. */
  stride?: number;
  /** At most half of `kernel`; default 0. */
  padding?: number;
}

/**
 * Max pooling of x [N, H, W, C]; of equal maxima in a window the first, row by row, gets the gradient, as in PyTorch.
 * @returns [N, OH, OW, C] with OH = floor((H + 2 padding - kernel) / stride) + 1
 * @throws ShapeError
 */
export function maxPool2d(x: Tensor, given: MaxPool2dOptions): Tensor {
  requireTensors("maxPool2d", x);
  requireKnown("maxPool2d", given, ["kernel", "stride", "padding"]);
  const { kernel, stride = kernel, padding = 0 } = given;
  const options: MaxPoolOptions = { kernel, stride, padding };
  const graph = graphOf("maxPool2d", x);
  const outputs = graph.record(maxPoolKernel(x.shape, options), [x], {
    settings: options,
    gradient: ([dy]) => graph.record(maxPoolGradKernel(x.shape, options), [dy!, outputs[1]!]),
  });
  return outputs[0]!;
}

/** Bilinear resize (PyTorch's default is nearest, which is `upsampleNearest`) to [N, size[0], size[1], C] with half-pixel centres (align_corners=False, no antialiasing). */
export function interpolate(x: Tensor, size: readonly [number, number]): Tensor;
export function interpolate(x: Tensor, size: readonly [number, number], ...more: unknown[]): Tensor {
  requireNoMore("interpolate", more, ": it is bilinear; upsampleNearest repeats pixels");
  requireTensors("interpolate", x);
  requireShape(
    isList(size) && (size as readonly number[]).length <= 2,
    () => `interpolate: size must be [height, width], got ${isList(size) ? showShape(size) : aKind(size)}`,
  );
  const graph = graphOf("interpolate", x);
  return graph.record(interpolateKernel(x.shape, size), [x], {
    gradient: ([dy]) => graph.record(interpolateGradKernel(x.shape, size), [dy!]),
  })[0]!;
}

const AXIS = ": channels are the last axis of [N, H, W, C]; permute and reshape for another";

/** Concatenation along the channels of tensors that agree in N, H and W. */
export function cat(tensors: readonly Tensor[]): Tensor;
export function cat(tensors: readonly Tensor[], ...more: unknown[]): Tensor {
  requireNoMore("cat", more, AXIS);
  requireShape(isList(tensors), () => `cat: expected an array of tensors, got ${aKind(tensors)}`);
  requireTensors("cat", ...tensors);
  const kernel = concatKernel(tensors.map((t) => t.shape));
  const graph = graphOf("cat", ...tensors);
  return graph.record(kernel, tensors, {
    gradient: ([dy], wanted) =>
      offsetsOf(tensors.map((t) => t.shape[3]!)).map((part, i) =>
        wanted[i] ? graph.record(sliceKernel(dy!.shape, [part]), [dy!])[0] : undefined,
      ),
  })[0]!;
}

/**
 * The channels of x cut into consecutive parts of these sizes, which add up to C.
 * @throws ShapeError
 */
export function split(x: Tensor, sizes: readonly number[]): readonly Tensor[];
export function split(x: Tensor, sizes: readonly number[], ...more: unknown[]): readonly Tensor[] {
  requireNoMore("split", more, AXIS);
  requireTensors("split", x);
  requireShape(isList(sizes), () => `split: expected an array of channel counts, got ${aKind(sizes)}`);
  const graph = graphOf("split", x);
  const total = sizes.reduce((a, b) => a + b, 0);
  requireShape(
    x.shape.length === 4,
    () => `split: expected [N, H, W, C], whose channels are split, got ${showShape(x.shape)}: reshape it`,
  );
  requireShape(
    total === x.shape[3],
    () => `split: channel counts [${sizes.join(", ")}] do not add up to the ${x.shape[3]} of ${showShape(x.shape)}`,
  );
  const outputs: readonly Tensor[] = graph.record(sliceKernel(x.shape, offsetsOf(sizes)), [x], {
    // A part that the loss does not depend on has gradient zero.
    gradient: (dys) => [cat(dys.map((dy, i) => dy ?? graph.record(zeros(outputs[i]!.shape), [])[0]!))],
  });
  return outputs;
}

const zeros = (shape: readonly number[]) => pointwiseKernel("zeros", shape, 0, "vec4f()");

/** The mean over the pixels, [N, C]. */
export function globalAvgPool(x: Tensor): Tensor {
  requireTensors("globalAvgPool", x);
  const graph = graphOf("globalAvgPool", x);
  const factor = 1 / (x.shape[1]! * x.shape[2]!);
  return graph.record(spatialSumKernel("globalAvgPool", x.shape, "none", factor), [x], {
    gradient: ([dy]) => graph.record(spreadKernel(x.shape, factor), [dy!]),
  })[0]!;
}
