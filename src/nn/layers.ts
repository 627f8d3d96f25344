/** The layers that the models are made of. */
import { batchNorm2d } from "../autograd/batchnorm.ts";
import { conv2d, linear, type Conv2dOptions } from "../autograd/conv2d.ts";
import { graphOf } from "../graph/graph.ts";
import { requireConv2dOptions } from "../kernels/conv2d.ts";
import { requireKnown, requireShape, requireWhole } from "../kernels/kernel.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { Module, Parameter } from "./module.ts";

export interface Conv2dLayerOptions extends Conv2dOptions {
  /** true: a bias initialised as in PyTorch; a number: a bias that starts there. No bias by default. */
  bias?: boolean | number;
}

/** Convolution over [N, H, W, in]; square kernel. @throws ShapeError for invalid sizes and options */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly #options: Conv2dOptions;

  constructor(channelsIn: number, channelsOut: number, kernel: number, options: Conv2dLayerOptions = {}) {
    super();
    requireKnown("Conv2d", options, ["stride", "padding", "dilation", "groups", "bias"]);
    const { bias = false, ...rest } = options;
    const { groups } = requireConv2dOptions("Conv2d", rest);
    for (const [name, count] of Object.entries({ channelsIn, channelsOut, kernel }))
      requireWhole("Conv2d", name, count, 1);
    requireShape(
      channelsIn % groups === 0 && channelsOut % groups === 0,
      () => `Conv2d: channelsIn ${channelsIn} and channelsOut ${channelsOut} must be divisible by groups ${groups}`,
    );
    const shape = [kernel, kernel, channelsIn / groups, channelsOut];
    this.weight = new Parameter(shape, "conv");
    if (bias === true) {
      const uniform = 1 / Math.sqrt(kernel * kernel * shape[2]!);
      this.bias = new Parameter([channelsOut], "vector", { uniform });
    } else this.bias = bias === false ? undefined : new Parameter([channelsOut], "vector", { fill: bias });
    this.#options = rest;
  }

  forward(x: Tensor): Tensor {
    requireTensors("Conv2d", x);
    return graphOf(x).scope(this.path, () => conv2d(x, this.weight, this.bias, this.#options));
  }
}

/** Batch normalisation over [N, H, W, C], with an optional fused residual and ReLU. */
export class BatchNorm2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly running_mean: Parameter;
  readonly running_var: Parameter;

  /** @throws ShapeError unless `channels` is a whole number above 0 */
  constructor(channels: number, ...more: readonly never[]) {
    super();
    requireShape(more.length === 0, () => "BatchNorm2d takes channels only; pass eps and momentum to batchNorm2d");
    requireWhole("BatchNorm2d", "channels", channels, 1);
    this.weight = new Parameter([channels], "vector", { fill: 1 });
    this.bias = new Parameter([channels], "vector");
    this.running_mean = new Parameter([channels], "vector", { trainable: false });
    this.running_var = new Parameter([channels], "vector", { trainable: false, fill: 1, notNegative: "variance" });
  }

  forward(x: Tensor, options: { relu?: boolean; residual?: Tensor } = {}): Tensor {
    const parameters = {
      weight: this.weight,
      bias: this.bias,
      runningMean: this.running_mean,
      runningVar: this.running_var,
    };
    requireTensors("BatchNorm2d", x);
    return graphOf(x).scope(this.path, () => batchNorm2d(x, parameters, options));
  }
}

/** x [N, in] -> [N, out]. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  /** @throws ShapeError unless both are whole numbers above 0 */
  constructor(featuresIn: number, featuresOut: number, ...more: readonly never[]) {
    super();
    requireShape(more.length === 0, () => "Linear takes featuresIn and featuresOut only; it always has a bias");
    for (const [name, count] of Object.entries({ featuresIn, featuresOut })) requireWhole("Linear", name, count, 1);
    this.weight = new Parameter([featuresIn, featuresOut], "linear");
    this.bias = new Parameter([featuresOut], "vector");
  }

  forward(x: Tensor): Tensor {
    requireTensors("Linear", x);
    return graphOf(x).scope(this.path, () => linear(x, this.weight, this.bias));
  }
}
