/** The Mask-Guided Attention module. */
import { attentions, maskGuidedAttention, minMaxNormalize, type Fusion, type Gate } from "../../autograd/attention.ts";
import { interpolate } from "../../autograd/spatial.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { requireShape, requireWhole } from "../../kernels/kernel.ts";
import { Linear } from "../../nn/layers.ts";
import { Module } from "../../nn/module.ts";

/**
 * m = minmax(resize(mask)) per sample, a = sigmoid(fc2(relu(fc1(mean of f m)))); the features become f (1 + m + a) in
 * parallel fusion, f (1 + m a) in serial, f (1 + m) in spatial, f (1 + a) in channel fusion.
 */
export class MGA extends Module {
  readonly fc1: Linear | undefined;
  readonly fc2: Linear | undefined;
  readonly #fusion: Fusion;

  constructor(channels: number, fusion: Fusion) {
    super();
    requireWhole("MGA", "channels", channels, 1);
    requireShape(
      attentions.includes(fusion),
      () => `MGA: there is no ${fusion} fusion; there are ${attentions.join(", ")}`,
    );
    this.#fusion = fusion;
    if (fusion === "spatial") return;
    const hidden = Math.max(Math.floor(channels / 16), 4);
    this.fc1 = new Linear(channels, hidden);
    this.fc2 = new Linear(hidden, channels);
  }

  /** f [N, H, W, C], mask [N, h, w, 1] of probabilities -> f's shape. */
  forward(f: Tensor, mask: Tensor): Tensor {
    return this.scoped(f, () => {
      const m = minMaxNormalize(interpolate(mask, [f.shape[1]!, f.shape[2]!]));
      return maskGuidedAttention(f, m, this.#gate(), this.#fusion);
    });
  }

  #gate(): Gate | undefined {
    const { fc1, fc2 } = this;
    return fc1 && fc2 && { weight1: fc1.weight, bias1: fc1.bias, weight2: fc2.weight, bias2: fc2.bias };
  }
}
