/** Layers that pool and resize activations [N, H, W, C]. */
import { adaptiveAvgPool2d, avgPool2d, type AvgPool2dOptions } from "../autograd/pooling.ts";
import { globalAvgPool, interpolate, maxPool2d, type MaxPool2dOptions } from "../autograd/spatial.ts";
import { upsampleNearest } from "../autograd/upsample.ts";
import { requireTensors, viewOf, type Tensor } from "../graph/tensor.ts";
import { isList, nhwc, requireKnown, requireShape, requireWhole, showShape } from "../kernels/kernel.ts";
import { Module } from "./module.ts";

/** A number stands for height and width. */
type Sides = number | readonly [number, number];

function pair(op: string, name: string, sides: Sides): readonly [number, number] {
  const both = isList(sides) ? (sides as readonly number[]) : [sides as number, sides as number];
  requireShape(both.length === 2, () => `${op}: ${name} must be one number or two, got ${showShape(both)}`);
  for (const side of both) requireWhole(op, name, side, 1);
  return both as readonly [number, number];
}

/** The maximum over windows. */
export class MaxPool2d extends Module {
  readonly #options: MaxPool2dOptions;

  /**
   * @param kernel the window's side
   * @param options `stride`: `kernel` by default, as in PyTorch; `padding`: 0 by default
   * @throws ShapeError
   */
  constructor(kernel: number, options: Omit<MaxPool2dOptions, "kernel"> = {}) {
    super();
    requireKnown("MaxPool2d", options, ["stride", "padding"]);
    requireWhole("MaxPool2d", "kernel", kernel, 1);
    this.#options = { ...options, kernel };
  }

  /** [N, H, W, C] -> [N, OH, OW, C]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    requireTensors("MaxPool2d", x);
    return this.scoped(x, () => maxPool2d(x, this.#options));
  }
}

/** The mean over windows; zeros of the padding count. */
export class AvgPool2d extends Module {
  readonly #options: AvgPool2dOptions;

  /**
   * @param kernel the window's side, or its height and width
   * @param options `stride`: `kernel` by default, as in PyTorch; `padding`: 0 by default
   * @throws ShapeError
   */
  constructor(kernel: Sides, options: Omit<AvgPool2dOptions, "kernel"> = {}) {
    super();
    requireKnown("AvgPool2d", options, ["stride", "padding"]);
    this.#options = { ...options, kernel: pair("AvgPool2d", "kernel", kernel) };
  }

  /** [N, H, W, C] -> [N, OH, OW, C]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    requireTensors("AvgPool2d", x);
    return this.scoped(x, () => avgPool2d(x, this.#options));
  }
}

/** The means over windows that cover the image: [N, H, W, C] -> [N, OH, OW, C]. */
export class AdaptiveAvgPool2d extends Module {
  readonly #size: readonly [number, number];

  /** @param size of the result: its side, or its height and width. @throws ShapeError */
  constructor(size: Sides) {
    super();
    this.#size = pair("AdaptiveAvgPool2d", "size", size);
  }

  /** [N, H, W, C] -> [N, OH, OW, C]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    requireTensors("AdaptiveAvgPool2d", x);
    const [n, , , c] = nhwc("AdaptiveAvgPool2d", x.shape);
    const one = this.#size.every((side) => side === 1);
    return this.scoped(x, () => (one ? viewOf(globalAvgPool(x), [n, 1, 1, c]) : adaptiveAvgPool2d(x, this.#size)));
  }
}

/** The mean over all pixels, [N, H, W, C] -> [N, C]: PyTorch's AdaptiveAvgPool2d(1) and Flatten. */
export class GlobalAvgPool2d extends Module {
  /** [N, H, W, C] -> [N, C]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    requireTensors("GlobalAvgPool2d", x);
    nhwc("GlobalAvgPool2d", x.shape);
    return this.scoped(x, () => globalAvgPool(x));
  }
}

/** As PyTorch's Upsample: a size or a factor, and how pixels between are found. */
export interface UpsampleOptions {
  /** Height and width of the result, or the factors on them: one of both. */
  size?: Sides;
  scaleFactor?: Sides;
  /** "nearest" (the default, as in PyTorch) takes whole factors; "bilinear" has half-pixel centres (align_corners=False). */
  mode?: "nearest" | "bilinear";
}

/** Enlarges, or with "bilinear" also shrinks, activations. */
export class Upsample extends Module {
  readonly #options: UpsampleOptions;

  /** @throws ShapeError */
  constructor(options: UpsampleOptions) {
    super();
    requireKnown("Upsample", options, ["size", "scaleFactor", "mode"]);
    const { size, scaleFactor, mode = "nearest" } = options;
    requireShape(
      (size === undefined) !== (scaleFactor === undefined),
      () => "Upsample: give either size or scaleFactor",
    );
    requireShape(
      ["nearest", "bilinear"].includes(mode),
      () => `Upsample: mode must be nearest or bilinear, got ${mode as string}`,
    );
    if (size !== undefined) pair("Upsample", "size", size);
    this.#options = { ...options, mode };
  }

  /** @throws ShapeError where the result's sides are no whole numbers, or "nearest" has no whole factors */
  forward(x: Tensor): Tensor {
    requireTensors("Upsample", x);
    const [, h, w] = nhwc("Upsample", x.shape);
    const { size, scaleFactor, mode } = this.#options;
    const [down, across] = isList(scaleFactor)
      ? (scaleFactor as readonly [number, number])
      : [scaleFactor, scaleFactor];
    const [oh, ow] =
      size === undefined ? [h * (down as number), w * (across as number)] : pair("Upsample", "size", size);
    requireShape(
      [oh, ow].every((side) => Number.isSafeInteger(side) && side > 0),
      () => `Upsample: ${showShape(x.shape)} cannot be resized to ${oh}×${ow}`,
    );
    if (mode === "bilinear") return this.scoped(x, () => interpolate(x, [oh, ow]));
    requireShape(
      oh % h === 0 && ow % w === 0,
      () => `Upsample: nearest takes whole factors, not ${oh / h} and ${ow / w}; use mode "bilinear"`,
    );
    return this.scoped(x, () => upsampleNearest(x, [oh / h, ow / w]));
  }
}
