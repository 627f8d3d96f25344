/** ViT-B/16 (Dosovitskiy et al. 2021) at any width, depth and image size, named as torchvision's vit_b_16. */
import { linear } from "../../autograd/conv2d.ts";
import { add } from "../../autograd/elementwise.ts";
import { selfAttention, selfAttentionWithWeights } from "../../autograd/self-attention.ts";
import { firstToken, prependToken } from "../../autograd/tokens.ts";
import { graphOf } from "../../graph/graph.ts";
import { requireTensors, type Tensor } from "../../graph/tensor.ts";
import { requireShape, requireWhole } from "../../kernels/kernel.ts";
import { constant, fanInUniform, normal, truncatedNormal, xavierUniform } from "../../nn/draws.ts";
import { initialValuesBy } from "../../nn/init.ts";
import { Conv2d, LayerNorm, Linear } from "../../nn/layers.ts";
import { Module, Parameter } from "../../nn/module.ts";
import { headsAt, Mlp } from "../shared/transformer.ts";
import type { Attended } from "../spec.ts";

const PATCH = 16;
const EPS = 1e-6;
const BLOCKS = 12;

/** How a ViT-B/16 is built. */
export interface ViTOptions {
  /** Factor on the 12 heads of 64 channels; default 1. */
  width?: number;
  /** Factor on the 12 blocks; default 1. */
  depth?: number;
  /** Height and width of the images, multiples of 16: each size has positions of its own. */
  size: readonly [number, number];
  /** Classes K; default 2. */
  classes?: number;
}

/** Named as PyTorch's MultiheadAttention. */
class SelfAttention extends Module {
  readonly in_proj_weight: Parameter;
  readonly in_proj_bias: Parameter;
  readonly out_proj: Linear;
  readonly #heads: number;

  constructor(channels: number, heads: number) {
    super();
    this.in_proj_weight = new Parameter([channels, 3 * channels], "linear");
    this.in_proj_bias = new Parameter([3 * channels], "vector");
    this.out_proj = new Linear(channels, channels);
    this.#heads = heads;
  }

  /** @param seen gets the weights, [N · heads, T, T] */
  forward(x: Tensor, seen?: Tensor[]): Tensor {
    const y = this.scoped(x, () => {
      const qkv = linear(x, this.in_proj_weight, this.in_proj_bias);
      if (!seen) return selfAttention(qkv, { heads: this.#heads });
      const { y, weights } = selfAttentionWithWeights(qkv, this.#heads);
      seen.push(weights);
      return y;
    });
    return this.out_proj.forward(y);
  }
}

class EncoderBlock extends Module {
  readonly ln_1: LayerNorm;
  readonly self_attention: SelfAttention;
  readonly ln_2: LayerNorm;
  readonly mlp: Mlp;

  constructor(channels: number, heads: number) {
    super();
    this.ln_1 = new LayerNorm(channels, EPS);
    this.self_attention = new SelfAttention(channels, heads);
    this.ln_2 = new LayerNorm(channels, EPS);
    this.mlp = new Mlp(channels);
  }

  forward(x: Tensor, seen?: Tensor[]): Tensor {
    const y = add(x, this.self_attention.forward(this.ln_1.forward(x), seen));
    return add(y, this.mlp.forward(this.ln_2.forward(y)));
  }
}

class Encoder extends Module {
  readonly pos_embedding: Parameter;
  readonly layers: Readonly<Record<string, EncoderBlock>>;
  readonly ln: LayerNorm;

  constructor(tokens: number, channels: number, heads: number, blocks: number) {
    super();
    this.pos_embedding = new Parameter([1, tokens, channels], "vector");
    const numbered = Array.from({ length: blocks }, (_, i) => [
      `encoder_layer_${i}`,
      new EncoderBlock(channels, heads),
    ]);
    this.layers = Object.fromEntries(numbered) as Record<string, EncoderBlock>;
    this.ln = new LayerNorm(channels, EPS);
  }
}

/** ViT-B/16 (Dosovitskiy et al. 2021), named as in torchvision. */
export class ViT extends Module {
  readonly class_token: Parameter;
  readonly conv_proj: Conv2d;
  readonly encoder: Encoder;
  readonly heads: { readonly head: Linear };

  /** @throws ShapeError, RangeError for options from which no network can be built */
  constructor({ width = 1, depth = 1, size, classes = 2 }: ViTOptions, seed = 0) {
    requireWhole("ViT", "classes", classes, 2);
    requireShape(
      size.every((side) => side % PATCH === 0 && side > 0),
      () => `ViT: sides must be multiples of ${PATCH}, got ${size.join("×")}`,
    );
    super();
    const { heads, channels } = headsAt(12, 64, width);
    const tokens = 1 + (size[0] / PATCH) * (size[1] / PATCH);
    this.class_token = new Parameter([1, 1, channels], "vector");
    this.conv_proj = new Conv2d(3, channels, PATCH, { stride: PATCH, bias: true });
    this.encoder = new Encoder(tokens, channels, heads, Math.max(1, Math.round(BLOCKS * depth)));
    this.heads = { head: new Linear(channels, classes) };
    this.finish(initialValues(seed));
  }

  /** Image [N, H, W, 3] -> class logits [N, K]. */
  forward(x: Tensor): { logits: Tensor } {
    requireTensors("ViT", x);
    return { logits: this.#classify(this.conv_proj.forward(x)) };
  }

  /** The same, with the attention of each block and the size of the grid of patches. */
  attend(x: Tensor): Attended {
    requireTensors("ViT", x);
    const patches = this.conv_proj.forward(x);
    const attention: Tensor[] = [];
    const [, rows, columns] = patches.shape as [number, number, number];
    return { logits: this.#classify(patches, attention), attention, grid: [rows, columns] };
  }

  /** Tokens are the class token, then the patches row by row. */
  #classify(patches: Tensor, seen?: Tensor[]): Tensor {
    const { layers, ln, pos_embedding } = this.encoder;
    let y = graphOf(patches).scope("encoder", () => prependToken(patches, this.class_token, pos_embedding));
    for (const block of Object.values(layers)) y = block.forward(y, seen);
    // The other tokens are not used: what is done to each token alone may be done to the first only.
    return this.heads.head.forward(ln.forward(firstToken(y)));
  }
}

/** torchvision's: positions normal, projections Xavier's, the head 0. */
const initialValues = (seed: number) =>
  initialValuesBy(seed, (name) => {
    if (name === "conv_proj.weight") return truncatedNormal(Math.sqrt(1 / (3 * PATCH ** 2)));
    if (name === "encoder.pos_embedding") return normal(0.02);
    if (name.endsWith("in_proj_weight")) return xavierUniform;
    if (name.endsWith("out_proj.weight")) return fanInUniform;
    if (/\.mlp\.\d\.weight$/.test(name)) return xavierUniform;
    if (/\.mlp\.\d\.bias$/.test(name)) return normal(1e-6);
    // Norms keep their layer's 1 and 0; everything else begins at 0.
    return name.includes("ln") ? undefined : constant(0);
  });
