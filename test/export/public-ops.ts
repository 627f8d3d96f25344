/** Every op of the public interface in small networks, called in all its ways, for the tests of exports. */
import "../../src/autograd/methods.ts";
import * as library from "../../src/index.ts";
import * as nn from "../../src/entries/nn.ts";
import { graphOf } from "../../src/graph/graph.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
import { sizeOf } from "../../src/kernels/kernel.ts";
import { initialValues } from "../../src/nn/init.ts";
import { toTorch, torchShape } from "../../src/nn/layout.ts";
import { Module, type GivenState } from "../../src/nn/module.ts";

const { add, sub, mul, div, pow, clamp, permute, reshape, expand, softmax, amax, mean, sum, matmul, flatten } = library;

/** A constant of the network by name; asked for again, the same. */
type Weights = (name: string, ...shape: number[]) => Variable;

export interface OpNetwork {
  readonly name: string;
  /** Of one sample. */
  readonly sample: readonly number[];
  readonly forward: (x: Tensor) => Tensor;
  /** As `stateDict` gives it; whole once `forward` has been called. */
  readonly state: GivenState;
  /** Frees what the network has on a device. */
  readonly variables: () => readonly Variable[];
}

const waves = (size: number, speed: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(speed * i + 0.5));

function networkOf(name: string, sample: readonly number[], f: (x: Tensor, weights: Weights) => Tensor): OpNetwork {
  const made = new Map<string, Variable>();
  const state: GivenState = new Map();
  const weights: Weights = (own, ...shape) => {
    const known = made.get(own);
    if (known) return known;
    const wave = waves(sizeOf(shape), 0.7 + made.size);
    const data = own === "variance" ? wave.map((value) => Math.abs(value) + 0.2) : wave;
    const variable = new Variable(own, shape, data);
    made.set(own, variable);
    (state as Map<string, unknown>).set(own, { shape, data });
    return variable;
  };
  return { name, sample, forward: (x) => f(x, weights), state, variables: () => [...made.values()] };
}

function networkOfModule(
  name: string,
  sample: readonly number[],
  module: Module & { forward(x: Tensor): Tensor },
): OpNetwork {
  // prettier-ignore
  module.finish(initialValues(3));
  const named = [...module.named()];
  for (const [, parameter] of named) {
    // Statistics and biases that are constants at first would hide what reads the wrong ones.
    const values = parameter.initial ?? new Float32Array(parameter.size);
    const stirred = waves(parameter.size, 1.3).map((wave, i) => values[i]! + 0.3 * wave);
    parameter.initial = parameter.notNegative ? stirred.map((value) => Math.abs(value) + 0.1) : stirred;
  }
  const state = new Map(
    named.map(([own, { initial, shape, layout }]) => {
      return [own, { shape: torchShape(shape, layout), data: toTorch(initial!, shape, layout) }];
    }),
  );
  return { name, sample, forward: (x) => module.forward(x), state, variables: () => named.map(([, p]) => p) };
}

type Row = readonly [name: string, sample: readonly number[], f: (x: Tensor, weights: Weights) => Tensor];

/** A map of odd sides, as convolutions leave it: in the export it lies in PyTorch's order. */
const maps = (x: Tensor, w: Weights, channels = 5) =>
  library.conv2d(x, w("conv", 3, 3, x.shape[3]!, channels), undefined, { padding: 1 });
const positive = (x: Tensor) => add(mul(x, x), 0.5);

/** By the name of the export: what it is called with. Samples have odd sizes; the number of samples is any. */
const rows: Readonly<Record<string, readonly Row[]>> = {
  add: [
    ["tensors", [7, 3], (x) => add(x, mul(x, 3))],
    ["a number behind", [7, 3], (x) => add(x, -2.5)],
    ["a number before", [5], (x) => add(1e-3, x)],
    ["a bias of channels of a map", [5, 3, 2], (x, w) => add(maps(x, w), w("b", 5))],
    ["a map and channels of each sample", [5, 3, 2], (x, w) => add(mean(maps(x, w), [1, 2], true), maps(x, w))],
    ["a map and the means of its rows", [5, 3, 2], (x, w) => add(maps(x, w), mean(maps(x, w), 2, true))],
    ["positions of a map", [5, 3, 2], (x, w) => add(maps(x, w), w("p", 5, 3, 1))],
    ["positions of a map, whole", [5, 3, 2], (x, w) => add(w("p", 1, 5, 3, 5), maps(x, w))],
    ["a single number of the network", [5, 3, 2], (x, w) => add(maps(x, w), w("s", 1))],
    ["leading axes on one side", [4], (x, w) => add(x, w("p", 3, 1, 1))],
    ["both are repeated", [3, 1], (x, w) => add(x, w("p", 1, 5))],
    ["samples by samples", [4], (x) => add(library.unsqueeze(x, 0), library.unsqueeze(x, 1))],
    ["itself", [5], (x) => add(x, x)],
  ],
  sub: [
    ["tensors", [7, 3], (x, w) => sub(x, w("b", 7, 1))],
    ["a number behind", [7, 3], (x) => sub(x, 2.5)],
    ["a number before", [5, 3, 2], (x, w) => sub(1, maps(x, w))],
    ["the tensor of fewer axes first", [5, 3, 2], (x, w) => sub(w("b", 5), maps(x, w))],
  ],
  mul: [
    ["tensors", [7, 3], (x) => mul(x, x)],
    ["a number", [7, 3], (x) => mul(x, -2.5)],
    ["a number before", [7], (x) => mul(1e4, x)],
    ["factors of channels of each sample", [5, 3, 2], (x, w) => mul(maps(x, w), mean(maps(x, w), [1, 2], true))],
    ["factors of samples", [5, 3, 2], (x, w) => mul(maps(x, w), mean(x, [1, 2, 3], true))],
    ["factors of pixels", [5, 3, 2], (x, w) => mul(maps(x, w), mean(maps(x, w), 3, true))],
    ["channels of the network", [5, 3, 2], (x, w) => mul(maps(x, w), w("s", 1, 1, 1, 5))],
    ["columns by rows", [5], (x, w) => mul(reshape(x, [-1, 5, 1]), w("s", 1, 6))],
  ],
  div: [
    ["tensors", [7, 3], (x) => div(x, positive(x))],
    ["a number behind", [7, 3], (x) => div(x, -3)],
    ["a number before", [7, 3], (x) => div(3, positive(x))],
    ["broadcast", [5, 3, 2], (x, w) => div(maps(x, w), positive(mean(x, [1, 2], true).sum(-1, true)))],
  ],
  scale: [["", [3, 5], (x) => library.scale(x, 0.1)]],
  neg: [["", [5, 3, 2], (x, w) => library.neg(maps(x, w))]],
  abs: [["", [7], (x) => library.abs(x)]],
  exp: [["", [7], (x) => library.exp(x.mul(3))]],
  log: [["", [7], (x) => library.log(positive(x))]],
  sqrt: [["", [7], (x) => library.sqrt(positive(x))]],
  tanh: [["", [7], (x) => library.tanh(x.mul(4))]],
  sigmoid: [["", [7], (x) => library.sigmoid(x.mul(6))]],
  relu: [["", [7], (x) => library.relu(x)]],
  gelu: [["", [7], (x) => library.gelu(x.mul(4))]],
  clamp: [
    ["both", [7, 3], (x) => clamp(x, { min: -0.5, max: 0.25 })],
    ["below", [7, 3], (x) => clamp(x, { min: 0.1 })],
    ["above", [7, 3], (x) => clamp(x, { max: 0 })],
  ],
  pow: [
    ["2 of negative numbers", [7], (x) => pow(x, 2)],
    ["3 of negative numbers", [7], (x) => pow(x, 3)],
    ["19 of negative numbers", [7], (x) => pow(mul(x, 1.2), 19)],
    ["-1", [7], (x) => pow(positive(x), -1)],
    ["-3 of negative numbers", [7], (x) => pow(sub(x, 2), -3)],
    ["0", [7], (x) => pow(x, 0)],
    ["0.5", [7], (x) => pow(positive(x), 0.5)],
    ["-0.5", [7], (x) => pow(positive(x), -0.5)],
    ["2.3", [7], (x) => pow(positive(x), 2.3)],
  ],
  sum: [
    ["of all", [3, 2], (x) => sum(x)],
    ["over the samples", [3, 2], (x) => sum(x, 0)],
    ["over the samples, of a map", [5, 3, 2], (x, w) => sum(maps(x, w), 0)],
    ["over the samples and the rows, kept", [5, 3, 2], (x, w) => sum(maps(x, w), [0, 1], true)],
    ["over the last axis", [3, 5], (x) => sum(x, -1)],
    ["over the height of a map", [5, 3, 2], (x, w) => sum(maps(x, w), 1)],
    ["over the width of a map, kept", [5, 3, 2], (x, w) => sum(maps(x, w), -2, true)],
    ["over all but the samples", [5, 3, 2], (x, w) => sum(maps(x, w), [3, 1, 2])],
    ["of a vector", [4], (x) => sum(reshape(x, [-1]), 0)],
    ["of a view", [6], (x) => sum(reshape(x, [-1, 2, 3]), -2)],
  ],
  mean: [
    ["of all", [3, 2], (x) => mean(x)],
    ["over the samples", [3, 2], (x) => mean(x, 0)],
    ["over the pixels", [5, 3, 2], (x, w) => mean(maps(x, w), [1, 2])],
    ["over the pixels, kept", [5, 3, 2], (x, w) => mean(maps(x, w), [-3, -2], true)],
    ["over the channels, kept", [5, 3, 2], (x, w) => mean(maps(x, w), -1, true)],
    ["over all axes, kept", [5, 3], (x) => mean(x, [0, 1, 2], true)],
    ["over the width, and then the rows", [5, 3, 2], (x, w) => mean(mean(maps(x, w), 2), 1)],
  ],
  amax: [
    ["of all", [3, 2], (x) => amax(x)],
    ["of ties", [7], (x) => amax(library.relu(x), 1, true)],
    ["over the height of a map", [5, 3, 2], (x, w) => amax(maps(x, w), 1)],
    ["over the channels, kept", [5, 3, 2], (x, w) => amax(maps(x, w), -1, true)],
    ["over the samples", [3], (x) => amax(x, 0)],
  ],
  softmax: [
    ["of the channels of a map", [5, 3, 2], (x, w) => softmax(maps(x, w), -1)],
    ["of the height of a map", [5, 3, 2], (x, w) => softmax(maps(x, w), 1)],
    ["of tokens", [7, 3], (x) => softmax(x, 1)],
    ["over the samples", [3], (x) => softmax(x, 0)],
  ],
  logSoftmax: [
    ["of the last axis", [7], (x) => library.logSoftmax(mul(x, 20))],
    ["of the channels of a map", [5, 3, 2], (x, w) => library.logSoftmax(maps(x, w), 3)],
  ],
  matmul: [
    ["vectors by a matrix", [7], (x, w) => matmul(x, w("m", 7, 3))],
    ["a map by a matrix", [5, 3, 2], (x, w) => matmul(maps(x, w), w("m", 5, 3))],
    ["tokens by themselves", [5, 3], (x) => matmul(x, library.transpose(x, 1, 2))],
    ["in heads", [5, 6], (x) => {
      const heads = permute(reshape(x, [-1, 5, 2, 3]), [0, 2, 1, 3]);
      return matmul(softmax(matmul(heads, library.transpose(heads, -1, -2)), -1), heads);
    }], // prettier-ignore
    ["one matrix by many", [3, 5], (x, w) => matmul(w("m", 4, 3), x)],
    ["broadcast", [1, 3, 5], (x, w) => matmul(w("m", 2, 4, 3), x)],
    ["samples by samples", [5], (x) => matmul(x, library.transpose(x, 0, 1))],
  ], // prettier-ignore
  permute: [
    ["to channels first", [5, 3, 2], (x, w) => permute(maps(x, w), [0, 3, 1, 2])],
    ["of tokens", [5, 3], (x) => permute(x, [0, -1, 1])],
    ["the samples last", [5, 3], (x) => permute(x, [1, 2, 0])],
    ["five axes", [2, 3, 1, 5], (x) => permute(x, [0, 4, 3, 2, 1])],
    ["of what has size 1", [1, 5], (x) => permute(x, [0, 2, 1])],
  ],
  transpose: [
    ["", [5, 3], (x) => library.transpose(x, -1, -2)],
    ["of a map", [5, 3, 2], (x, w) => library.transpose(maps(x, w), 1, 2)],
  ],
  reshape: [
    ["to a vector", [5, 3, 2], (x, w) => reshape(maps(x, w), [-1, 75])],
    ["with the number of samples", [5, 3, 2], (x, w) => reshape(maps(x, w), [x.shape[0]!, -1])],
    ["into a map", [12], (x, w) => maps(reshape(x, [-1, 3, 2, 2]), w)],
    ["all of one", [5, 3], (x) => reshape(x, [-1])],
    ["samples and tokens together", [5, 3], (x) => reshape(x, [-1, 3])],
    ["and back", [5, 3], (x) => reshape(library.relu(reshape(x, [-1, 3])), [x.shape[0]!, 5, 3])],
    ["of a view", [5, 3, 2], (x, w) => reshape(reshape(maps(x, w), [-1, 25, 3]), [-1, 5, 5, 3])],
    ["of the input", [6], (x) => reshape(x, [-1, 2, 3])],
    ["of a constant", [3, 4], (x, w) => add(x, reshape(w("p", 12), [3, 4]))],
    ["samples twice", [1], (x) => reshape(add(reshape(x, [1, -1]), x), [x.shape[0]!, 1, x.shape[0]!])],
  ],
  flatten: [
    ["of a map, in the order of memory", [5, 3, 2], (x, w) => flatten(maps(x, w), 1)],
    ["of some axes", [5, 3, 2], (x, w) => flatten(maps(x, w), 1, 2)],
    ["of all", [3, 2], (x) => flatten(x)],
    ["behind a permutation, in PyTorch's order", [5, 3, 2], (x, w) => flatten(permute(maps(x, w), [0, 3, 1, 2]), 1)],
  ],
  squeeze: [
    ["a channel", [5, 3, 2], (x, w) => library.squeeze(maps(x, w, 1), -1)],
    ["pixels", [5, 3, 2], (x, w) => library.squeeze(library.squeeze(mean(maps(x, w), [1, 2], true), 1), 1)],
  ],
  unsqueeze: [
    ["a channel", [5, 3], (x, w) => maps(library.unsqueeze(x, -1), w)],
    ["before a map", [5, 3, 2], (x, w) => library.unsqueeze(maps(x, w), 1)],
    ["pixels", [5], (x, w) => maps(library.unsqueeze(library.unsqueeze(x, 1), 1), w)],
  ],
  expand: [
    ["along an axis", [5, 1], (x) => expand(x, [x.shape[0]!, 5, 3])],
    ["along new ones", [3], (x) => expand(x, [2, x.shape[0]!, 3])],
    ["a constant for each sample", [3], (x, w) => add(expand(w("c", 1, 3).mul(x.sum()), [x.shape[0]!, 3]), x)],
    ["a map", [5, 3, 2], (x, w) => expand(mean(maps(x, w), 1, true), [x.shape[0]!, 2, 3, 5])],
  ],
  conv2d: [
    ["stride, padding, bias", [7, 5, 3], (x, w) => library.conv2d(x, w("k", 3, 3, 3, 4), w("b", 4), { stride: 2, padding: 1 })],
    ["groups, dilation", [7, 9, 4], (x, w) => library.conv2d(x, w("k", 3, 3, 2, 6), undefined, { groups: 2, dilation: 2, padding: [2, 1] })],
    ["a weight in another shape", [5, 3, 2], (x, w) => library.conv2d(x, reshape(w("k", 72), [3, 3, 2, 4]))],
    ["a computed weight", [5, 3, 2], (x, w) => library.conv2d(x, mul(w("k", 3, 3, 2, 4), add(x.sum().mul(0), 2)))],
  ], // prettier-ignore
  linear: [
    ["vectors", [7], (x, w) => library.linear(x, w("m", 7, 3), w("b", 3))],
    ["tokens", [5, 7], (x, w) => library.linear(x, w("m", 7, 3))],
    ["pixels", [5, 3, 2], (x, w) => library.linear(maps(x, w), w("m", 5, 3), w("b", 3))],
  ],
  flattenedLinear: [
    ["", [5, 3, 2], (x, w) => library.flattenedLinear(maps(x, w), w("m", 5, 3, 5, 4), w("b", 4))],
    ["a view", [30], (x, w) => library.flattenedLinear(reshape(x, [-1, 5, 3, 2]), w("m", 5, 3, 2, 4))],
  ],
  batchNorm2d: [
    ["", [5, 3, 2], (x, w) => library.batchNorm2d(maps(x, w), { weight: w("g", 5), bias: w("b", 5), runningMean: w("m", 5), runningVar: w("variance", 5) }, { relu: true, residual: maps(x, w) })],
  ], // prettier-ignore
  layerNorm: [
    ["of tokens", [5, 7], (x, w) => library.layerNorm(x, w("g", 7), w("b", 7))],
    ["of a map", [5, 3, 2], (x, w) => library.layerNorm(maps(x, w), w("g", 5), w("b", 5), 1e-3)],
  ],
  maxPool2d: [["", [7, 5, 3], (x) => library.maxPool2d(x, { kernel: 3, stride: 2, padding: 1 })]],
  avgPool2d: [["", [7, 5, 3], (x) => library.avgPool2d(x, { kernel: [3, 2], stride: [2, 1], padding: [1, 0] })]],
  adaptiveAvgPool2d: [["", [7, 5, 3], (x) => library.adaptiveAvgPool2d(x, [3, 2])]],
  globalAvgPool: [
    ["of a map", [5, 3, 2], (x, w) => library.globalAvgPool(maps(x, w))],
    ["of a view", [30], (x) => library.globalAvgPool(reshape(x, [-1, 5, 3, 2]))],
  ],
  globalMaxPool: [["", [5, 3, 2], (x, w) => library.globalMaxPool(maps(x, w))]],
  interpolate: [["", [5, 3, 2], (x) => library.interpolate(x, [7, 2])]],
  upsampleNearest: [["", [5, 3, 2], (x, w) => library.upsampleNearest(maps(x, w), [2, 3])]],
  cat: [["maps", [5, 3, 2], (x, w) => library.cat([maps(x, w), x, reshape(flatten(x, 1), [-1, 5, 3, 2])])]],
  split: [["", [5, 3, 4], (x) => library.split(x, [3, 1])[0]!]],
  mulSamples: [["", [5, 3, 2], (x, w) => library.mulSamples(maps(x, w), mean(x, [1, 2, 3]))]],
  mulChannels: [["", [5, 3, 2], (x, w) => library.mulChannels(maps(x, w), mean(maps(x, w), [1, 2]))]],
  mulMap: [["", [5, 3, 2], (x, w) => library.mulMap(maps(x, w), mean(maps(x, w), 3, true))]],
  channelMeanMax: [["", [5, 3, 2], (x, w) => library.channelMeanMax(maps(x, w))]],
  minMaxNormalize: [
    ["of a map", [5, 3, 2], (x, w) => library.minMaxNormalize(maps(x, w))],
    ["where another axis comes first", [5, 3, 2], (x, w) => library.minMaxNormalize(sum(maps(x, w), 0))],
  ],
  maskGuidedAttention: (["parallel", "serial", "spatial", "channel"] as const).map((fusion) => [
    fusion,
    [5, 3, 4],
    (x, w) => {
      const gate = { weight1: w("w1", 4, 2), bias1: w("b1", 2), weight2: w("w2", 2, 4), bias2: w("b2", 4) };
      const map = library.sigmoid(mean(x, 3, true));
      return library.maskGuidedAttention(x, map, fusion === "spatial" ? undefined : gate, fusion);
    },
  ]),
  selfAttention: [["", [5, 24], (x, w) => library.selfAttention(x, { heads: 2, bias: w("b", 2, 5, 5) })]],
  selfAttentionWithWeights: [
    ["what it makes", [5, 24], (x) => library.selfAttentionWithWeights(x, 2).y],
    ["its weights, by head", [5, 24], (x) => library.headMean(library.selfAttentionWithWeights(x, 2).weights, 2)],
  ],
  headMean: [["", [5, 3], (x) => library.headMean(reshape(x, [-1, 5, 1]), 1)]],
  headsApart: [["", [5, 6], (x) => library.headsApart(x, 3)]],
  headsTogether: [["", [5, 6], (x) => library.headsTogether(library.relu(library.headsApart(x, 3)), 3)]],
  relativePositionBias: [
    ["", [4, 4], (x, w) => add(x, mean(library.relativePositionBias(w("t", 9, 3), 2, graphOf(x)), 0))],
  ],
  prependToken: [
    ["to pixels", [3, 2, 5], (x, w) => library.prependToken(x, w("t", 5), w("p", 7, 5))],
    ["to a view", [30], (x, w) => library.prependToken(reshape(x, [-1, 6, 5]), w("t", 1, 1, 5), w("p", 7, 5))],
  ],
  firstToken: [["", [5, 3], (x) => library.firstToken(x)]],
  windowPartition: [["", [5, 3, 4], (x) => library.windowPartition(x, { window: 2, shift: [1, 1] })]],
  windowReverse: [
    ["", [5, 3, 4], (x) => library.windowReverse(library.relu(library.windowPartition(x, { window: 2, shift: [1, 0] })), x.shape, { window: 2, shift: [1, 0] })],
  ], // prettier-ignore
  spaceToDepth: [["", [6, 4, 3], (x) => library.spaceToDepth(x)]],
  dropout: [["drops nothing", [5, 3], (x) => library.relu(library.dropout(x, { p: 0.5, layer: 0, seed: 0 }))]],
  stochasticDepth: [["drops nothing", [5], (x) => library.relu(library.stochasticDepth(x, { p: 0.5, layer: 0, seed: 0 }))]], // prettier-ignore
  mseLoss: [
    ["each", [5, 3], (x) => library.mseLoss(x, library.tanh(x), { reduction: "none" })],
    ["the mean", [5, 3, 2], (x, w) => library.mseLoss(maps(x, w), library.tanh(maps(x, w)))],
  ],
  l1Loss: [["the mean of each sample", [5, 3], (x) => mean(library.l1Loss(x, library.tanh(x), { reduction: "none" }), [1, 2])]], // prettier-ignore
  bceWithLogits: [["", [5, 3], (x) => library.bceWithLogits(mul(x, 3), library.sigmoid(x))]],
  diceLoss: [
    ["of maps", [5, 3, 2], (x, w) => library.diceLoss(library.sigmoid(maps(x, w)), library.sigmoid(maps(mul(x, 2), w)))],
    ["of single values", [1], (x) => library.diceLoss(library.sigmoid(reshape(x, [-1])), library.sigmoid(reshape(mul(x, 2), [-1])), 0.5)],
  ], // prettier-ignore
};

export const opNetworks: Readonly<Record<string, readonly OpNetwork[]>> = Object.fromEntries(
  Object.entries(rows).map(([op, all]) => [op, all.map(([name, sample, f]) => networkOf(name, sample, f))]),
);

/** By the name of the layer. */
export const layerNetworks: Readonly<Record<string, readonly OpNetwork[]>> = Object.fromEntries(
  Object.entries({
    AdaptiveAvgPool2d: [[[7, 5, 3], () => new nn.AdaptiveAvgPool2d([3, 2])], [[5, 3, 2], () => new nn.AdaptiveAvgPool2d(1)]],
    AvgPool2d: [[[7, 5, 3], () => new nn.AvgPool2d(2)]],
    BatchNorm2d: [[[5, 3, 2], () => new nn.BatchNorm2d(2)]],
    Conv2d: [[[5, 3, 2], () => new nn.Conv2d(2, 3, [3, 1], { bias: true })]],
    Dropout: [[[5], () => new nn.Sequential(new nn.Dropout(0.5), new nn.ReLU())]],
    Flatten: [
      [[5, 3, 2], () => new nn.Sequential(new nn.Conv2d(2, 4, 3), new nn.Flatten(), new nn.Linear(12, 3))],
      [[5, 3], () => new nn.Flatten()],
      [[5, 3, 2, 2], () => new nn.Flatten(1, 2)],
    ],
    GELU: [[[5], () => new nn.GELU()]],
    GlobalAvgPool2d: [[[5, 3, 2], () => new nn.GlobalAvgPool2d()]],
    Identity: [[[5], () => new nn.Identity()]],
    LayerNorm: [[[5, 3], () => new nn.LayerNorm(3)]],
    Linear: [[[5, 3], () => new nn.Linear(3, 4)], [[3], () => new nn.Linear(3, 4, { bias: false })]],
    MaxPool2d: [[[5, 3, 2], () => new nn.MaxPool2d(2)]],
    ReLU: [[[5], () => new nn.ReLU()]],
    Sequential: [[[5], () => new nn.Sequential((x) => x.mul(2), new nn.Linear(5, 2))]],
    Sigmoid: [[[5], () => new nn.Sigmoid()]],
    Softmax: [[[5, 3, 2], () => new nn.Softmax(-1)], [[5, 3], () => new nn.Softmax(1)]],
    Tanh: [[[5], () => new nn.Tanh()]],
    Upsample: [
      [[5, 3, 2], () => new nn.Upsample({ scaleFactor: 2 })],
      [[5, 3, 2], () => new nn.Upsample({ size: [7, 2], mode: "bilinear" })],
    ],
  } satisfies Record<string, readonly (readonly [number[], () => Module & { forward(x: Tensor): Tensor }])[]>).map(
    ([layer, all]) => [layer, all.map(([sample, make], i) => networkOfModule(String(i), sample, make()))],
  ),
); // prettier-ignore
