/** The layers that the models are made of. */
import { batchNorm2d } from "../autograd/batchnorm.ts";
import { conv2d, linear, type Conv2dOptions } from "../autograd/conv2d.ts";
import { graphOf } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { Module, Parameter } from "./module.ts";

export interface Conv2dLayerOptions extends Conv2dOptions {
  /** Initial value of the bias; no bias where undefined. */
  bias?: number;
}

/** Convolution over [N, H, W, in]; square kernel. */
export class Conv2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly #options: Conv2dOptions;

  constructor(channelsIn: number, channelsOut: number, kernel: number, options: Conv2dLayerOptions = {}) {
    super();
    const { bias, ...rest } = options;
    this.weight = new Parameter([kernel, kernel, channelsIn / (rest.groups ?? 1), channelsOut], "conv");
    this.bias = bias === undefined ? undefined : new Parameter([channelsOut], "vector", { fill: bias });
    this.#options = rest;
  }

  forward(x: Tensor): Tensor {
    return graphOf(x).scope(this.path, () => conv2d(x, this.weight, this.bias, this.#options));
  }
}

/** Batch normalisation over [N, H, W, C], with residual and ReLU fused on request. */
export class BatchNorm2d extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly running_mean: Parameter;
  readonly running_var: Parameter;

  constructor(channels: number) {
    super();
    this.weight = new Parameter([channels], "vector", { fill: 1 });
    this.bias = new Parameter([channels], "vector");
    this.running_mean = new Parameter([channels], "vector", { trainable: false });
    this.running_var = new Parameter([channels], "vector", { trainable: false, fill: 1 });
  }

  forward(x: Tensor, options: { relu?: boolean; residual?: Tensor } = {}): Tensor {
    const parameters = {
      weight: this.weight,
      bias: this.bias,
      runningMean: this.running_mean,
      runningVar: this.running_var,
    };
    return graphOf(x).scope(this.path, () => batchNorm2d(x, parameters, options));
  }
}

/** x [N, in] -> [N, out]. */
export class Linear extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(featuresIn: number, featuresOut: number) {
    super();
    this.weight = new Parameter([featuresIn, featuresOut], "linear");
    this.bias = new Parameter([featuresOut], "vector");
  }

  forward(x: Tensor): Tensor {
    return graphOf(x).scope(this.path, () => linear(x, this.weight, this.bias));
  }
}
