/** What the transformers share: counts at a width, layer norm, and the two linear layers of a block. */
import { gelu } from "../../autograd/elementwise.ts";
import { layerNorm } from "../../autograd/tokens.ts";
import { graphOf } from "../../graph/graph.ts";
import { requireTensors, type Tensor } from "../../graph/tensor.ts";
import { Linear } from "../../nn/layers.ts";
import { Module, Parameter } from "../../nn/module.ts";

/** A channel count at a width: the nearest multiple of 8, at least 8. */
export const eights = (channels: number, width: number): number => Math.max(8, 8 * Math.round((channels * width) / 8));

/** Heads and channels at a width: whole heads of `headChannels`; below one head, one narrower head. */
export function headsAt(heads: number, headChannels: number, width: number): { heads: number; channels: number } {
  const count = Math.round(heads * width);
  if (heads * width >= 1) return { heads: count, channels: count * headChannels };
  return { heads: 1, channels: Math.min(headChannels, eights(heads * headChannels, width)) };
}

/** Layer normalisation over the last axis, named as PyTorch's. */
export class LayerNorm extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly #eps: number;

  constructor(channels: number, eps: number) {
    super();
    this.weight = new Parameter([channels], "vector", { fill: 1 });
    this.bias = new Parameter([channels], "vector");
    this.#eps = eps;
  }

  forward(x: Tensor): Tensor {
    requireTensors("LayerNorm", x);
    return graphOf(x).scope(this.path, () => layerNorm(x, this.weight, this.bias, this.#eps));
  }
}

/** Linear C -> 4 C, GELU, Linear -> C, numbered as in torchvision, whose dropout (p = 0) takes the numbers between. */
export class Mlp extends Module {
  readonly 0: Linear;
  readonly 3: Linear;

  constructor(channels: number) {
    super();
    this[0] = new Linear(channels, 4 * channels);
    this[3] = new Linear(4 * channels, channels);
  }

  forward(x: Tensor): Tensor {
    return this[3].forward(gelu(this[0].forward(x)));
  }
}
