/** Swin-T (Liu et al. 2021) at any width, depth and image size, named as torchvision's swin_t. */
import { add } from "../../autograd/elementwise.ts";
import { stochasticDepth } from "../../autograd/dropout.ts";
import { relativePositionBias, selfAttention } from "../../autograd/self-attention.ts";
import { globalAvgPool } from "../../autograd/spatial.ts";
import { spaceToDepth, windowPartition, windowReverse } from "../../autograd/tokens.ts";
import { graphOf } from "../../graph/graph.ts";
import { requireTensors, type Tensor } from "../../graph/tensor.ts";
import { requireWhole } from "../../kernels/kernel.ts";
import { fanInUniform, truncatedNormal } from "../../nn/draws.ts";
import { initialValuesBy } from "../../nn/init.ts";
import { Conv2d, LayerNorm, Linear } from "../../nn/layers.ts";
import { Module, Parameter } from "../../nn/module.ts";
import { headsAt, Mlp } from "../shared/transformer.ts";

const WINDOW = 7;
const PATCH = 4;
const EPS = 1e-5;
/** Of the last block's stochastic depth; it grows from 0 in equal steps. */
const MOST_DROPPED = 0.2;

/** How a Swin-T is built. */
export interface SwinOptions {
  /** Factor on the heads of 32 channels, 3 in the first stage and twice as many in each next; default 1. */
  width?: number;
  /** Factor on the 6 blocks of the third stage, which come in pairs; default 1. */
  depth?: number;
  /** Classes K; default 2. */
  classes?: number;
}

class WindowAttention extends Module {
  readonly relative_position_bias_table: Parameter;
  readonly qkv: Linear;
  readonly proj: Linear;
  readonly #heads: number;
  readonly #shifted: boolean;

  constructor(channels: number, heads: number, shifted: boolean) {
    super();
    this.relative_position_bias_table = new Parameter([(2 * WINDOW - 1) ** 2, heads], "vector");
    this.qkv = new Linear(channels, 3 * channels);
    this.proj = new Linear(channels, channels);
    this.#heads = heads;
    this.#shifted = shifted;
  }

  /** x [N, H, W, C] -> [N, H, W, C]. */
  forward(x: Tensor): Tensor {
    const [, h, w] = x.shape as [number, number, number];
    // No shift along a side that is a single window.
    const shift = [h, w].map((side) => (this.#shifted && side > WINDOW ? Math.floor(WINDOW / 2) : 0)) as [
      number,
      number,
    ];
    const windows = { window: WINDOW, shift };
    const graph = graphOf(x);
    return this.scoped(x, () => {
      // The padding is zero before qkv, so a padded token's query, key and value are the biases; it is attended to as any other.
      const tokens = windowPartition(x, windows);
      const bias = relativePositionBias(this.relative_position_bias_table, WINDOW, graph);
      const shifted = { size: [h, w] as const, ...windows };
      const y = selfAttention(this.qkv.forward(tokens), { heads: this.#heads, bias, shifted });
      return windowReverse(this.proj.forward(y), x.shape, windows);
    });
  }
}

/** How often a sample's branch is left out, and the numbers of its drops. */
interface Depth {
  p: number;
  layer: number;
  seed: number;
}

class SwinBlock extends Module {
  readonly norm1: LayerNorm;
  readonly attn: WindowAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly #depth: Depth;

  constructor(channels: number, heads: number, shifted: boolean, depth: Depth) {
    super();
    this.norm1 = new LayerNorm(channels, EPS);
    this.attn = new WindowAttention(channels, heads, shifted);
    this.norm2 = new LayerNorm(channels, EPS);
    this.mlp = new Mlp(channels);
    this.#depth = depth;
  }

  forward(x: Tensor, step?: Tensor): Tensor {
    const { p, layer, seed } = this.#depth;
    const left = (branch: Tensor, use: number) =>
      this.scoped(branch, () => stochasticDepth(branch, { p, seed, step, layer: layer + use }));
    const y = add(x, left(this.attn.forward(this.norm1.forward(x)), 0));
    return add(y, left(this.mlp.forward(this.norm2.forward(y)), 1));
  }
}

/** Each 2×2 pixels become one, with twice the channels. */
class PatchMerging extends Module {
  readonly reduction: Linear<false>;
  readonly norm: LayerNorm;

  constructor(channels: number) {
    super();
    this.reduction = new Linear(4 * channels, 2 * channels, { bias: false });
    this.norm = new LayerNorm(4 * channels, EPS);
  }

  forward(x: Tensor): Tensor {
    const squares = this.scoped(x, () => spaceToDepth(x));
    return this.reduction.forward(this.norm.forward(squares));
  }
}

/** The patches' convolution and norm, numbered as in torchvision, which permutes between. */
interface Embedding {
  readonly 0: Conv2d;
  readonly 2: LayerNorm;
}

/** Swin-T (Liu et al. 2021), named as in torchvision. */
export class Swin extends Module {
  readonly features: readonly (Embedding | readonly SwinBlock[] | PatchMerging)[];
  readonly norm: LayerNorm;
  readonly head: Linear;

  /** @throws ShapeError for options from which no network can be built */
  constructor({ width = 1, depth = 1, classes = 2 }: SwinOptions = {}, seed = 0) {
    requireWhole("Swin", "classes", classes, 2);
    super();
    const { heads, channels } = headsAt(3, 32, width);
    const blocks = [2, 2, Math.max(2, 2 * Math.round(3 * depth)), 2];
    const total = blocks.reduce((a, b) => a + b);
    let block = 0;
    const stage = (i: number) =>
      Array.from({ length: blocks[i]! }, (_, j) => {
        const drop = { p: (MOST_DROPPED * block) / (total - 1), layer: 2 * block, seed };
        block++;
        return new SwinBlock(channels * 2 ** i, heads * 2 ** i, j % 2 === 1, drop);
      });
    this.features = [
      { 0: new Conv2d(3, channels, PATCH, { stride: PATCH, bias: true }), 2: new LayerNorm(channels, EPS) },
      stage(0),
      ...[1, 2, 3].flatMap((i) => [new PatchMerging(channels * 2 ** (i - 1)), stage(i)]),
    ];
    this.norm = new LayerNorm(8 * channels, EPS);
    this.head = new Linear(8 * channels, classes);
    this.finish(initialValues(seed));
  }

  /**
   * Image [N, H, W, 3] -> class logits [N, K]; the mean [N, C] of the last features, which they are a linear function of; the features of the
   * four stages, [N, H / 2^(i+2), W / 2^(i+2), C 2^i].
   * @param step the number of the training step, for stochastic depth; without it nothing is left out
   */
  forward(x: Tensor, step?: Tensor): { logits: Tensor; pooled: Tensor; scales: Tensor[] } {
    requireTensors("Swin", x);
    const scales: Tensor[] = [];
    let y = x;
    for (const part of this.features) {
      if (part instanceof PatchMerging) y = part.forward(y);
      else if ("length" in part) {
        for (const block of part) y = block.forward(y, step);
        scales.push(y);
      } else y = part[2].forward(part[0].forward(y));
    }
    scales[3] = this.norm.forward(scales[3]!);
    const pooled = globalAvgPool(scales[3]);
    return { logits: this.head.forward(pooled), pooled, scales };
  }
}

/** torchvision's: every linear weight and the tables of positions with deviation 0.02; the patches' convolution PyTorch's. */
const initialValues = (seed: number) =>
  initialValuesBy(seed, (name, { layout }) => {
    if (name.startsWith("features.0.0.")) return fanInUniform;
    if (layout === "linear" || name.endsWith("bias_table")) return truncatedNormal(0.02);
    return undefined;
  });
