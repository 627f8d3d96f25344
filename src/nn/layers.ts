/** The layers that the models are made of. */
import { batchNorm2d } from "../autograd/batchnorm.ts";
import { conv2d, linear, type Conv2dOptions } from "../autograd/conv2d.ts";
import { layerNorm } from "../autograd/tokens.ts";
import { requireConv2dOptions } from "../kernels/conv2d.ts";
import { isList, requireKnown, requireNumber, requireShape, requireWhole } from "../kernels/kernel.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { Module, Parameter } from "./module.ts";

/** Those of the op `conv2d`, and a bias. */
export interface Conv2dLayerOptions extends Conv2dOptions {
  /** true, the default: a bias initialised as in PyTorch; a number: a bias that starts there; false: none. */
  bias?: boolean | number;
}

/** Convolution over [N, H, W, in] -> [N, OH, OW, out]. */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly #options: Conv2dOptions;

  /**
   * @param kernel its side, or its height and width
   * @throws ShapeError for invalid sizes and options
   */
  constructor(
    channelsIn: number,
    channelsOut: number,
    kernel: number | readonly [number, number],
    options: Conv2dLayerOptions = {},
  ) {
    super();
    requireKnown("Conv2d", options, ["stride", "padding", "dilation", "groups", "bias"]);
    const { bias = true, ...rest } = options;
    const { groups } = requireConv2dOptions("Conv2d", rest);
    const sides = isList(kernel) ? (kernel as readonly number[]) : [kernel as number, kernel as number];
    requireShape(sides.length === 2, () => `Conv2d: kernel must be one number or two, got [${sides.join(", ")}]`);
    for (const [name, count] of Object.entries({ channelsIn, channelsOut })) requireWhole("Conv2d", name, count, 1);
    for (const side of sides) requireWhole("Conv2d", "kernel", side, 1);
    const [kh, kw] = sides as [number, number];
    requireShape(
      channelsIn % groups === 0 && channelsOut % groups === 0,
      () => `Conv2d: channelsIn ${channelsIn} and channelsOut ${channelsOut} must be divisible by groups ${groups}`,
    );
    const shape = [kh, kw, channelsIn / groups, channelsOut];
    this.weight = new Parameter(shape, "conv");
    const fanIn = kh * kw * shape[2]!;
    if (bias === true) this.bias = new Parameter([channelsOut], "vector", { fanIn, uniform: 1 / Math.sqrt(fanIn) });
    else this.bias = bias === false ? undefined : new Parameter([channelsOut], "vector", { fanIn, fill: bias });
    this.#options = rest;
  }

  /** [N, H, W, in] -> [N, OH, OW, out]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    requireTensors("Conv2d", x);
    return this.scoped(x, () => conv2d(x, this.weight, this.bias, this.#options));
  }
}

/** How a batch normalisation begins. */
export interface BatchNorm2dLayerOptions {
  /** Added to the variance; default 1e-5. */
  eps?: number;
  /** How far the running statistics move towards each batch's; default 0.1. */
  momentum?: number;
}

/** Batch normalisation over [N, H, W, C], with an optional fused residual and ReLU. */
export class BatchNorm2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly running_mean: Parameter;
  readonly running_var: Parameter;
  readonly #options: BatchNorm2dLayerOptions;

  /** @throws ShapeError unless `channels` is a whole number above 0, and for invalid options */
  constructor(channels: number, options: BatchNorm2dLayerOptions = {}) {
    super();
    requireKnown("BatchNorm2d", options, ["eps", "momentum"]);
    requireWhole("BatchNorm2d", "channels", channels, 1);
    const { eps = 1e-5, momentum = 0.1 } = options;
    for (const [name, value] of Object.entries({ eps, momentum })) requireNumber("BatchNorm2d", name, value, 0);
    this.weight = new Parameter([channels], "vector", { fill: 1 });
    this.bias = new Parameter([channels], "vector");
    this.running_mean = new Parameter([channels], "vector", { trainable: false });
    this.running_var = new Parameter([channels], "vector", { trainable: false, fill: 1, notNegative: "variance" });
    this.#options = { eps, momentum };
  }

  /** [N, H, W, C] -> the same, plus `residual` of that shape, then ReLU where `relu` is true. @throws ShapeError */
  forward(x: Tensor, options: { relu?: boolean; residual?: Tensor } = {}): Tensor {
    const parameters = {
      weight: this.weight,
      bias: this.bias,
      runningMean: this.running_mean,
      runningVar: this.running_var,
    };
    requireTensors("BatchNorm2d", x);
    requireKnown("BatchNorm2d", options, ["relu", "residual"]);
    return this.scoped(x, () => batchNorm2d(x, parameters, { ...options, ...this.#options }));
  }
}

/** How a linear layer is built. */
export interface LinearOptions {
  /** Default true; it starts at 0. */
  bias?: boolean;
}

/** x [..., in] -> [..., out]: of each vector along the last axis. `B` is false for a layer without bias. */
export class Linear<B extends boolean = true> extends Module {
  readonly weight: Parameter;
  readonly bias: B extends true ? Parameter : Parameter | undefined;

  /** @throws ShapeError unless both are whole numbers above 0, and for invalid options */
  constructor(featuresIn: number, featuresOut: number, options: LinearOptions & { bias?: B } = {}) {
    super();
    requireKnown("Linear", options, ["bias"]);
    for (const [name, count] of Object.entries({ featuresIn, featuresOut })) requireWhole("Linear", name, count, 1);
    const bias: unknown = options.bias ?? true;
    requireShape(typeof bias === "boolean", () => `Linear: bias must be true or false, got ${String(bias)}`);
    this.weight = new Parameter([featuresIn, featuresOut], "linear");
    // Undefined where B is not true, which the compiler cannot follow.
    this.bias = (bias ? new Parameter([featuresOut], "vector", { fanIn: featuresIn }) : undefined) as typeof this.bias;
  }

  /** [..., in] -> [..., out]. @throws ShapeError */
  forward(x: Tensor): Tensor {
    requireTensors("Linear", x);
    return this.scoped(x, () => linear(x, this.weight, this.bias));
  }
}

/** Layer normalisation over the last axis of x [..., C]. */
export class LayerNorm extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #eps: number;

  /** @throws ShapeError unless `channels` is a whole number above 0 and `eps` a number of at least 0 */
  constructor(channels: number, eps = 1e-5) {
    super();
    requireWhole("LayerNorm", "channels", channels, 1);
    requireNumber("LayerNorm", "eps", eps, 0);
    this.weight = new Parameter([channels], "vector", { fill: 1 });
    this.bias = new Parameter([channels], "vector");
    this.#eps = eps;
  }

  /** [..., C] -> the same. @throws ShapeError */
  forward(x: Tensor): Tensor {
    requireTensors("LayerNorm", x);
    return this.scoped(x, () => layerNorm(x, this.weight, this.bias, this.#eps));
  }
}
