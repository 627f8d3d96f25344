/** What the transformers share: heads at a width, and the two linear layers of a block. */
import { gelu } from "../../autograd/elementwise.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { Linear } from "../../nn/layers.ts";
import { Module } from "../../nn/module.ts";
import { eights } from "./width.ts";

/** Heads and channels at a width: whole heads of `headChannels`; below one head, one narrower head. */
export function headsAt(heads: number, headChannels: number, width: number): { heads: number; channels: number } {
  const count = Math.round(heads * width);
  if (heads * width >= 1) return { heads: count, channels: count * headChannels };
  return { heads: 1, channels: Math.min(headChannels, eights(heads * headChannels, width)) };
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
