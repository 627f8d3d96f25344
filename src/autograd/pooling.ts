/** Average pooling over windows, adaptive average pooling, and the maximum over all pixels. Activations [N, H, W, C]. */
import { graphOf } from "../graph/graph.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { aKind, isList, requireKnown, requireShape, showShape } from "../kernels/kernel.ts";
import {
  adaptiveAvgPoolGradKernel,
  adaptiveAvgPoolKernel,
  avgPoolGradKernel,
  avgPoolKernel,
  globalMaxPoolGradKernel,
  globalMaxPoolKernel,
  type AvgPoolOptions,
} from "../kernels/pooling.ts";

/** A number stands for height and width. */
type Sides = number | readonly [number, number];

/** As in PyTorch's avg_pool2d. */
export interface AvgPool2dOptions {
  /** Of the window. */
  kernel: Sides;
  /** Default: `kernel`. */
  stride?: Sides;
  /** Zeros around the image, at most half of `kernel`; default 0. They count: each sum is divided by the size of a whole window. */
  padding?: Sides;
}

function pair(op: string, name: string, sides: Sides): readonly [number, number] {
  const both = isList(sides) ? (sides as readonly number[]) : [sides as number, sides as number];
  requireShape(both.length === 2, () => `${op}: ${name} must be one number or two, got ${showShape(both)}`);
  return both as readonly [number, number];
}

/**
 * Average pooling of x [N, H, W, C] (count_include_pad=True).
 * @returns [N, OH, OW, C] with OH = floor((H + 2 padding - kernel) / stride) + 1
 * @throws ShapeError
 */
export function avgPool2d(x: Tensor, given: AvgPool2dOptions): Tensor {
  requireTensors("avgPool2d", x);
  requireKnown("avgPool2d", given, ["kernel", "stride", "padding"]);
  const { kernel, stride = kernel, padding = 0 } = given;
  const options = {
    kernel: pair("avgPool2d", "kernel", kernel),
    stride: pair("avgPool2d", "stride", stride),
    padding: pair("avgPool2d", "padding", padding),
  };
  const graph = graphOf("avgPool2d", x);
  return graph.record(avgPoolKernel(x.shape, options), [x], {
    settings: options satisfies AvgPoolOptions,
    gradient: ([dy]) => graph.record(avgPoolGradKernel(x.shape, options), [dy!]),
  })[0]!;
}

/**
 * The means over OH by OW windows that cover the image, of pixels floor(i H / OH) to ceil((i + 1) H / OH) - 1 for window i; where the
 * result is larger than x, windows repeat pixels.
 * @param x [N, H, W, C]
 * @param size [OH, OW]
 * @returns [N, OH, OW, C]
 * @throws ShapeError
 */
export function adaptiveAvgPool2d(x: Tensor, size: readonly [number, number]): Tensor {
  requireTensors("adaptiveAvgPool2d", x);
  requireShape(
    isList(size) && (size as readonly number[]).length === 2,
    () => `adaptiveAvgPool2d: size must be [height, width], got ${isList(size) ? showShape(size) : aKind(size)}`,
  );
  const graph = graphOf("adaptiveAvgPool2d", x);
  return graph.record(adaptiveAvgPoolKernel(x.shape, size), [x], {
    gradient: ([dy]) => graph.record(adaptiveAvgPoolGradKernel(x.shape, size), [dy!]),
  })[0]!;
}

/**
 * The maximum over the pixels; of equal ones the first, row by row, gets the gradient.
 * @param x [N, H, W, C]
 * @returns [N, C]
 * @throws ShapeError
 */
export function globalMaxPool(x: Tensor): Tensor {
  requireTensors("globalMaxPool", x);
  const graph = graphOf("globalMaxPool", x);
  const outputs = graph.record(globalMaxPoolKernel(x.shape), [x], {
    gradient: ([dy]) => graph.record(globalMaxPoolGradKernel(x.shape), [dy!, outputs[1]!]),
  });
  return outputs[0]!;
}
