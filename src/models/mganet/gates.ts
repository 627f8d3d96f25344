/** The attention blocks that MGA sets itself against, in its places: neither sees the mask. */
import { add, relu, sigmoid } from "../../autograd/elementwise.ts";
import { channelMeanMax, mulChannels, mulMap } from "../../autograd/gating.ts";
import { globalMaxPool } from "../../autograd/pooling.ts";
import { globalAvgPool } from "../../autograd/spatial.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { requireWhole } from "../../kernels/kernel.ts";
import { Conv2d, Linear } from "../../nn/layers.ts";
import { Module } from "../../nn/module.ts";

/** Linear C -> max(C / 16, 4), ReLU, Linear -> C; without biases, which Hu et al. found better on ResNets. */
abstract class Gated extends Module {
  readonly fc1: Linear<false>;
  readonly fc2: Linear<false>;

  constructor(name: string, channels: number) {
    super();
    requireWhole(name, "channels", channels, 1);
    const hidden = Math.max(Math.floor(channels / 16), 4);
    this.fc1 = new Linear(channels, hidden, { bias: false });
    this.fc2 = new Linear(hidden, channels, { bias: false });
  }

  protected gate(pooled: Tensor): Tensor {
    return this.fc2.forward(relu(this.fc1.forward(pooled)));
  }
}

/** Squeeze-and-Excitation (Hu et al. 2018): y = f s, s = sigmoid(gate(mean of f over the pixels)). */
export class SE extends Gated {
  constructor(channels: number) {
    super("SE", channels);
  }

  /** f [N, H, W, C] -> f's shape. */
  forward(f: Tensor): Tensor {
    return this.scoped(f, () => mulChannels(f, sigmoid(this.gate(globalAvgPool(f)))));
  }
}

/**
 * Convolutional Block Attention Module (Woo et al. 2018), by the paper's formulas: f' = f c with
 * c = sigmoid(gate(mean of f) + gate(maximum of f)) over the pixels; y = f' s with s = sigmoid(conv7×7([mean; maximum] of f' over the channels)).
 */
export class CBAM extends Gated {
  readonly conv: Conv2d;

  constructor(channels: number) {
    super("CBAM", channels);
    this.conv = new Conv2d(2, 1, 7, { padding: 3, bias: false });
  }

  /** f [N, H, W, C] -> f's shape. */
  forward(f: Tensor): Tensor {
    return this.scoped(f, () => {
      const c = sigmoid(add(this.gate(globalAvgPool(f)), this.gate(globalMaxPool(f))));
      const scaled = mulChannels(f, c);
      return mulMap(scaled, sigmoid(this.conv.forward(channelMeanMax(scaled))));
    });
  }
}
