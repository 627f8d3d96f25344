/** Maps each op of cases.json to our call and operand layouts. */
import { graphOf } from "../../src/graph/graph.ts";
import { maskGuidedAttention, minMaxNormalize } from "../../src/autograd/attention.ts";
import { batchNorm2d } from "../../src/autograd/batchnorm.ts";
import { classActivation } from "../../src/autograd/class-activation.ts";
import { conv2d, linear } from "../../src/autograd/conv2d.ts";
import { add, bceWithLogits, gelu, mean, mul, relu, scale, sigmoid, sum } from "../../src/autograd/elementwise.ts";
import { dropout, dropScale, stochasticDepth } from "../../src/autograd/dropout.ts";
import { channelMeanMax, mulChannels, mulMap, mulSamples } from "../../src/autograd/gating.ts";
import { crossEntropy, diceLoss } from "../../src/autograd/losses.ts";
import { matmul, softmax } from "../../src/autograd/matmul.ts";
import {
  headMean,
  relativePositionBias,
  selfAttention,
  selfAttentionWithWeights,
  type Shifted,
} from "../../src/autograd/self-attention.ts";
import { adaptiveAvgPool2d, avgPool2d, globalMaxPool } from "../../src/autograd/pooling.ts";
import { cat, globalAvgPool, interpolate, maxPool2d } from "../../src/autograd/spatial.ts";
import {
  firstToken,
  headsApart,
  headsTogether,
  layerNorm,
  prependToken,
  spaceToDepth,
  windowPartition,
  windowReverse,
} from "../../src/autograd/tokens.ts";
import type { Tensor, Variable } from "../../src/graph/tensor.ts";
import { permute } from "../../src/nn/layout.ts";

type Operands = Record<string, Tensor>;

const dropOf = ({ p, layer, seed }: Record<string, never>, step: Tensor | undefined) => {
  return { p: p!, layer: layer!, seed: seed!, step: step! };
};

export interface OpUnderTest {
  /** Records the op. `state` holds the inputs that are persistent, such as running statistics. */
  apply(operands: Operands, params: Record<string, never>, state: Record<string, Variable>): Tensor;
  /** Persistent inputs. */
  state?: readonly string[];
  /** Inputs without a gradient. */
  constant?: readonly string[];
  /** Its values have to be the reference's, bit for bit. */
  exact?: boolean;
  /** Inputs that are weights with these layouts; other 4-D inputs are activations. */
  layouts?: Record<string, "conv" | "linear">;
}

export const ops: Record<string, OpUnderTest> = {
  conv2d: {
    apply: ({ x, weight, bias }, params) => conv2d(x!, weight!, bias, params),
    layouts: { weight: "conv" },
  },
  conv2d_cat: {
    apply({ weight, bias, ...sources }, { enlarge, padding }) {
      const names = Object.keys(sources).sort();
      const parts = names.map((name, i): Tensor => {
        const [, h, w] = sources[name]!.shape as [number, number, number];
        return (enlarge as unknown as readonly boolean[])[i]
          ? interpolate(sources[name]!, [2 * h, 2 * w])
          : sources[name]!;
      });
      return conv2d(parts.length > 1 ? cat(parts) : parts[0]!, weight!, bias, { padding: padding! });
    },
    layouts: { weight: "conv" },
  },
  batch_norm: {
    apply: ({ x, weight, bias, residual }, params, { running_mean, running_var }) => {
      // The graph decides whether it trains.
      const { training, ...options } = params as Record<string, unknown>;
      if (training !== undefined && training !== graphOf(x!).training)
        throw new Error("the graph is of the other mode");
      const parameters = { weight: weight!, bias: bias!, runningMean: running_mean!, runningVar: running_var! };
      return batchNorm2d(x!, parameters, { ...options, residual });
    },
    state: ["running_mean", "running_var"],
  },
  relu: { apply: ({ x }) => relu(x!) },
  sigmoid: { apply: ({ x }) => sigmoid(x!) },
  add: { apply: ({ a, b }) => add(a!, b!) },
  mul: { apply: ({ a, b }) => mul(a!, b!) },
  scale: { apply: ({ x }, { factor }) => scale(x!, factor!) },
  max_pool2d: {
    apply: ({ x }, { kernel_size, stride, padding }) =>
      maxPool2d(x!, { kernel: kernel_size!, stride: stride!, padding: padding! }),
  },
  interpolate: { apply: ({ x }, { size }) => interpolate(x!, size!) },
  cat: {
    apply: (operands) =>
      cat(
        Object.keys(operands)
          .sort()
          .map((name) => operands[name]!),
      ),
  },
  global_avg_pool: { apply: ({ x }) => globalAvgPool(x!) },
  avg_pool2d: {
    apply: ({ x }, { kernel_size, stride, padding }) =>
      avgPool2d(x!, { kernel: kernel_size!, stride: stride!, padding: padding! }),
  },
  adaptive_avg_pool2d: { apply: ({ x }, { size }) => adaptiveAvgPool2d(x!, size!) },
  global_max_pool: { apply: ({ x }) => globalMaxPool(x!) },
  linear: { apply: ({ x, weight, bias }) => linear(x!, weight!, bias), layouts: { weight: "linear" } },
  minmax_normalize: { apply: ({ x }, { eps }) => minMaxNormalize(x!, eps) },
  mga: {
    apply({ f, m, weight1, bias1, weight2, bias2 }, { fusion }) {
      const gate = weight1 && { weight1, bias1: bias1!, weight2: weight2!, bias2: bias2! };
      return maskGuidedAttention(f!, m!, gate, fusion!);
    },
    layouts: { weight1: "linear", weight2: "linear" },
  },
  class_activation: { apply: ({ f, a }, { relu }) => classActivation(f!, a!, { relu: relu! }) },
  drop_scale: {
    apply: ({ step }, { n, features, ...drop }) => dropScale(n!, features!, dropOf(drop, step)),
    constant: ["step"],
    exact: true,
  },
  dropout: { apply: ({ x, step }, drop) => dropout(x!, dropOf(drop, step)), constant: ["step"] },
  stochastic_depth: { apply: ({ x, step }, drop) => stochasticDepth(x!, dropOf(drop, step)), constant: ["step"] },
  channel_mean_max: { apply: ({ x }) => channelMeanMax(x!) },
  mul_samples: { apply: ({ x, s }) => mulSamples(x!, s!) },
  mul_channels: { apply: ({ x, s }) => mulChannels(x!, s!) },
  mul_map: { apply: ({ x, m }) => mulMap(x!, m!) },
  cross_entropy: { apply: ({ logits, label }) => crossEntropy(logits!, label!), constant: ["label"] },
  dice_loss: { apply: ({ prob, target }, { smooth }) => diceLoss(prob!, target!, smooth), constant: ["target"] },
  bce_with_logits: { apply: ({ x, target }) => bceWithLogits(x!, target!), constant: ["target"] },
  gelu: { apply: ({ x }) => gelu(x!) },
  layer_norm: { apply: ({ x, weight, bias }, { eps }) => layerNorm(x!, weight!, bias!, eps) },
  space_to_depth: { apply: ({ x }) => spaceToDepth(x!) },
  window_partition: { apply: ({ x }, { window, shift }) => windowPartition(x!, { window: window!, shift: shift! }) },
  window_reverse: {
    apply({ x }, params) {
      const { size, window, shift } = params as unknown as Shifted;
      const windows = size.reduce((n, side) => n * Math.ceil(side / window), 1);
      return windowReverse(x!, [x!.shape[0]! / windows, ...size, x!.shape[2]!], { window, shift });
    },
  },
  prepend_token: { apply: ({ x, token, positions }) => prependToken(x!, token!, positions!) },
  first_token: { apply: ({ x }) => firstToken(x!) },
  heads_apart: { apply: ({ x }, { heads }) => headsApart(x!, heads!) },
  heads_together: { apply: ({ x }, { heads }) => headsTogether(x!, heads!) },
  head_mean: { apply: ({ x }, { heads }) => headMean(x!, heads!) },
  matmul: {
    apply: ({ a, b }, { transpose_a, transpose_b }) =>
      matmul(a!, b!, { transposeA: transpose_a!, transposeB: transpose_b! }),
  },
  softmax: { apply: ({ x, bias }, { scale }) => softmax(x!, { scale: scale!, ...(bias ? { bias } : {}) }) },
  self_attention: {
    apply({ x, bias }, params) {
      const { heads, shifted } = params as unknown as { heads: number; shifted: Shifted | null };
      return selfAttention(x!, { heads, bias, ...(shifted ? { shifted } : {}) });
    },
  },
  /** Of no case of its own: what self_attention computes, in single steps. */
  self_attention_with_weights: {
    apply: ({ x }, { heads }) => selfAttentionWithWeights(x!, heads!).y,
  },
  relative_position_bias: { apply: ({ table }, { window }) => relativePositionBias(table!, window!) },
  sum: { apply: ({ x }) => sum(x!) },
  mean: { apply: ({ x }) => mean(x!) },
};

/** Maps our axes to PyTorch's. */
function order(op: OpUnderTest, name: string, rank: number): number[] | undefined {
  const layout = op.layouts?.[name];
  if (layout === "conv") return [2, 3, 1, 0];
  if (layout === "linear") return [1, 0];
  return rank === 4 ? [0, 2, 3, 1] : undefined;
}

/** Converts an operand's shape and values from PyTorch's layout to ours. A number becomes [1]. */
export function fromTorch(op: OpUnderTest, name: string, shape: readonly number[], data: Float32Array) {
  const axes = order(op, name, shape.length);
  if (!axes) return { shape: shape.length === 0 ? [1] : [...shape], data };
  return { shape: axes.map((axis) => shape[axis]!), data: permute(data, shape, axes) };
}

/** Converts our values to PyTorch's order, given our shape. */
export function toTorch(op: OpUnderTest, name: string, shape: readonly number[], data: Float32Array): Float32Array {
  const axes = order(op, name, shape.length);
  if (!axes) return data;
  return permute(
    data,
    shape,
    axes.map((_, axis) => axes.indexOf(axis)),
  );
}
