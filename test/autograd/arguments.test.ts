/** Invalid arguments to every op and layer: each error is a sentence that names the op and what is wrong. */
import { describe, expect, test } from "vitest";
import {
  add,
  batchNorm2d,
  bceWithLogits,
  cat,
  conv2d,
  crossEntropy,
  diceLoss,
  globalAvgPool,
  gradients,
  Graph,
  interpolate,
  linear,
  maskGuidedAttention,
  maxPool2d,
  mean,
  minMaxNormalize,
  mul,
  relu,
  scale,
  ShapeError,
  sigmoid,
  split,
  sum,
  Variable,
  type Tensor,
  upsampleNearest,
  div,
  gelu,
  sub,
} from "../../src/index.ts";
import { Slab } from "../../src/graph/storage.ts";
import {
  BasicBlock,
  jointLoss,
  MGA,
  MGANet,
  paperOptions,
  ResNet,
  segmentationLoss,
  UNet,
} from "../../src/entries/models.ts";
import {
  BatchNorm2d,
  Conv2d,
  initialValues,
  Linear,
  Parameter,
  type Conv2dLayerOptions,
  type Module,
} from "../../src/entries/nn.ts";

let inputs = 0;
const t = (graph: Graph, ...shape: number[]): Tensor => graph.input(`input ${inputs++}`, shape);
const u = (graph: Graph, ...shape: number[]): Tensor => graph.input(`input ${inputs++}`, shape, "u32");
/** An activation. */
const a = (graph: Graph, c = 4): Tensor => t(graph, 2, 8, 8, c);
const w = (graph: Graph): Tensor => t(graph, 3, 3, 4, 8);
const stats = (c = 4) => {
  const v = () => new Variable("v", [c]);
  return { weight: v(), bias: v(), runningMean: v(), runningVar: v() };
};
const finished = <M extends Module>(module: M): M => {
  module.finish(initialValues(0));
  return module;
};
/** What TypeScript would not let through. */
const untyped = (value: unknown) => value as never;
/** An op, called as JavaScript may. */
const called = (f: unknown) => f as (...given: unknown[]) => unknown;

/** Options, and what is said of them. */
const badConv: [Conv2dLayerOptions, string][] = [
  [{ stride: 0 }, "stride must be a whole number of at least 1, got 0"],
  [{ stride: -1 }, "stride must be a whole number of at least 1, got -1"],
  [{ stride: 1.5 }, "stride must be a whole number of at least 1, got 1.5"],
  [{ stride: [1, NaN] }, "stride must be a whole number of at least 1, got NaN"],
  [{ stride: untyped([1, 1, 1]) }, "stride must be one number or two, got [1, 1, 1]"],
  [{ stride: untyped({}) }, "stride must be a whole number of at least 1, got [object Object]"],
  [{ padding: -1 }, "padding must be a whole number of at least 0, got -1"],
  [{ padding: 0.5 }, "padding must be a whole number of at least 0, got 0.5"],
  [{ padding: untyped("same") }, "padding must be a whole number of at least 0, got same"],
  [{ dilation: 0 }, "dilation must be a whole number of at least 1, got 0"],
  [{ dilation: Infinity }, "dilation must be a whole number of at least 1, got Infinity"],
  [{ groups: 0 }, "groups must be a whole number of at least 1, got 0"],
  [{ groups: -2 }, "groups must be a whole number of at least 1, got -2"],
  [{ groups: 1.5 }, "groups must be a whole number of at least 1, got 1.5"],
  [{ groups: NaN }, "groups must be a whole number of at least 1, got NaN"],
  [untyped({ pading: 1 }), "unknown option pading; the options are stride, padding, dilation, groups"],
];

const ops: [string, (graph: Graph) => unknown, ...string[]][] = [
  ...badConv.map(([options, said]): [string, (g: Graph) => unknown, string] => {
    return ["conv2d", (g) => conv2d(a(g), w(g), undefined, options), said];
  }),
  ["conv2d", (g) => conv2d(a(g), w(g), undefined, { groups: 3 }), "[2, 8, 8, 4]", "[3, 3, 4, 8]", "groups 3"],
  ["conv2d", (g) => conv2d(a(g), t(g, 11, 3, 4, 8), undefined, { padding: 1 }), "does not fit into input [2, 8, 8, 4] with padding 1, 1"], // prettier-ignore
  ["conv2d", (g) => conv2d(a(g), w(g), undefined, { dilation: 4 }), "does not fit into"],
  ["conv2d", (g) => conv2d(a(g), w(g), t(g, 1, 8)), "a bias [1, 8]"],
  ["conv2d", (g) => conv2d(u(g, 2, 8, 8, 4), w(g)), "got u32 [2, 8, 8, 4]"],
  ["conv2d", (g) => conv2d(t(g, 4), w(g)), "[4]"],
  ["linear", (g) => linear(t(g, 2, 8), t(g, 8)), "[2, 8]", "[8]"],
  ["linear", (g) => linear(a(g), t(g, 8, 2)), "[2, 8, 8, 4]"],
  ["linear", (g) => linear(t(g, 4), t(g, 4, 2)), "[4]"],
  ["linear", (g) => linear(u(g, 2, 8), t(g, 8, 4)), "got u32 [2, 8]"],
  ["batchNorm", (g) => batchNorm2d(a(g), stats(), { eps: -1 }), "eps must be a finite number of at least 0, got -1"],
  ["batchNorm", (g) => batchNorm2d(a(g), stats(), { eps: NaN }), "eps must be a finite number of at least 0, got NaN"],
  [
    "batchNorm",
    (g) => batchNorm2d(a(g), stats(), { momentum: NaN }),
    "momentum must be a finite number of at least 0, got NaN",
  ],
  [
    "batchNorm",
    (g) => batchNorm2d(a(g), stats(), { momentum: -0.1 }),
    "momentum must be a finite number of at least 0, got -0.1",
  ],
  ["batchNorm", (g) => batchNorm2d(a(g), stats(), untyped({ Relu: true })), "unknown option Relu"],
  ["batchNorm", (g) => batchNorm2d(a(g, 3), stats()), "[2, 8, 8, 3]", "[4]"],
  ["batchNorm", (g) => batchNorm2d(t(g, 1, 1, 1, 4), stats()), "[1, 1, 1, 4]"],
  ["add", (g) => add(t(g, 2), u(g, 2)), "got [2], u32 [2]"],
  ["mul", (g) => mul(a(g), t(g, 3)), "[2, 8, 8, 4]", "[3]"],
  ["relu", (g) => relu(u(g, 2)), "got u32 [2]"],
  ["sigmoid", (g) => sigmoid(u(g, 2)), "got u32 [2]"],
  ["sum", (g) => sum(u(g, 2)), "got u32 [2]"],
  ["mean", (g) => mean(u(g, 2)), "got u32 [2]"],
  ...[NaN, Infinity, 1e39, untyped("2"), untyped(undefined)].map((factor): [string, (g: Graph) => unknown, string] => {
    return ["scale", (g) => scale(a(g), factor), `factor must be a finite number, got ${String(factor)}`];
  }),
  ["bceWithLogits", (g) => bceWithLogits(t(g, 2), t(g, 3)), "[2]", "[3]"],
  ["bceWithLogits", (g) => bceWithLogits(t(g, 2), u(g, 2)), "u32 [2]"],
  ["maxPool2d", (g) => maxPool2d(a(g), untyped({})), "kernel must be a whole number of at least 1, got undefined"],
  ["maxPool2d", (g) => maxPool2d(a(g), { kernel: 0 }), "kernel must be a whole number of at least 1, got 0"],
  ["maxPool2d", (g) => maxPool2d(a(g), { kernel: 2.5 }), "kernel must be a whole number of at least 1, got 2.5"],
  ["maxPool2d", (g) => maxPool2d(a(g), { kernel: 2, stride: 0 }), "stride must be a whole number of at least 1, got 0"],
  [
    "maxPool2d",
    (g) => maxPool2d(a(g), { kernel: 2, stride: NaN }),
    "stride must be a whole number of at least 1, got NaN",
  ],
  [
    "maxPool2d",
    (g) => maxPool2d(a(g), { kernel: 2, padding: -1 }),
    "padding must be a whole number of at least 0, got -1",
  ],
  ["maxPool2d", (g) => maxPool2d(a(g), { kernel: 3, padding: 2 }), "padding 2 is more than half of the kernel 3"],
  ["maxPool2d", (g) => maxPool2d(a(g), { kernel: 9 }), "a kernel of 9 does not fit into input [2, 8, 8, 4]"],
  ["maxPool2d", (g) => maxPool2d(a(g), untyped({ kernel: 2, ceil_mode: true })), "unknown option ceil_mode"],
  ["maxPool2d", (g) => maxPool2d(t(g, 2, 8), { kernel: 2 }), "[2, 8]"],
  ...[[0, 4], [4, -1], [2.5, 4], [NaN, 4], [4]].map((size): [string, (g: Graph) => unknown, string] => {
    return ["interpolate", (g) => interpolate(a(g), untyped(size)), `[2, 8, 8, 4] cannot be resized to ${size[0]}×${size[1]}`]; // prettier-ignore
  }),
  ["interpolate", (g) => interpolate(t(g, 2, 8), [4, 4]), "[2, 8]"],
  [
    "interpolate",
    (g) => called(interpolate)(a(g), [4, 4], { mode: "nearest" }),
    "has no further argument, got an Object: it is bilinear",
  ],
  ["cat", (g) => called(cat)([a(g), a(g)], 1), "has no further argument, got a Number: channels are the last axis"],
  ["split", (g) => called(split)(a(g), [2, 2], 1), "has no further argument, got a Number: channels are the last axis"],
  ["split", (g) => split(t(g, 2, 4), [2, 2]), "expected [N, H, W, C], whose channels are split, got [2, 4]"],
  ["gelu", (g) => called(gelu)(a(g), { approximate: "tanh" }), "has no further argument, got an Object: it is exact"],
  ["add", (g) => called(add)(a(g), a(g), { alpha: 2 }), "has no further argument, got an Object"],
  ["sub", (g) => called(sub)(a(g), a(g), { alpha: 2 }), "has no further argument, got an Object"],
  ["mul", (g) => called(mul)(a(g), a(g), 2), "has no further argument, got a Number"],
  ["div", (g) => called(div)(a(g), a(g), { rounding: "floor" }), "has no further argument, got an Object"],
  [
    "bceWithLogits",
    (g) => called(bceWithLogits)(a(g), a(g), { reduction: "none" }),
    "has no further argument, got an Object",
  ],
  [
    "crossEntropy",
    (g) => called(crossEntropy)(t(g, 2, 3), u(g, 2), undefined, { ignoreIndex: 0 }),
    "has no further argument, got an Object",
  ],
  ["upsampleNearest", (g) => upsampleNearest(a(g), untyped(2)), "expected factors [down, across], got a Number"],
  ["upsampleNearest", (g) => upsampleNearest(a(g), untyped([2])), "expected factors [down, across], got [2]"],
  ["cat", () => cat([]), "no tensors were given"],
  ["cat", (g) => cat([t(g, 2, 8)]), "[2, 8]"],
  ["cat", (g) => cat([a(g), u(g, 2, 8, 8, 4)]), "u32 [2, 8, 8, 4]"],
  ["split", (g) => split(a(g), []), "channel counts [] do not add up to the 4 of [2, 8, 8, 4]"],
  ["split", (g) => split(a(g), [5, -1]), "split: channels 0 to 5 are not in"],
  ["split", (g) => split(a(g), [4, 0]), "split: channels 4 to 4"],
  ["split", (g) => split(a(g), [1.5, 2.5]), "channels 0 to 1.5"],
  ["split", (g) => split(a(g), [NaN]), "[NaN]"],
  ["split", (g) => split(t(g, 2, 4), [2, 2]), "[2, 4]"],
  ["globalAvgPool", (g) => globalAvgPool(t(g, 4)), "[4]"],
  ["globalAvgPool", (g) => globalAvgPool(u(g, 2, 8, 8, 4)), "u32"],
  ["minMaxNormalize", (g) => minMaxNormalize(a(g, 1), -1), "eps must be a finite number of at least 0, got -1"],
  ["minMaxNormalize", (g) => minMaxNormalize(a(g, 1), NaN), "eps must be a finite number of at least 0, got NaN"],
  ["mga", (g) => maskGuidedAttention(a(g), a(g, 1), undefined, untyped("sideways")), "unknown fusion sideways"],
  ["mga", (g) => maskGuidedAttention(t(g, 8, 4), t(g, 8, 1), undefined, "spatial"), "[8, 4]"],
  ["crossEntropy", (g) => crossEntropy(t(g, 4), u(g, 4)), "[4]"],
  ["crossEntropy", (g) => crossEntropy(t(g, 4, 2), u(g, 4, 1)), "[4, 1]"],
  ["crossEntropy", (g) => crossEntropy(t(g, 4, 2), u(g, 4), [1]), "weights [1] are not 2 positive numbers"],
  ["crossEntropy", (g) => crossEntropy(t(g, 4, 2), u(g, 4), [1, NaN]), "weights [1, NaN]"],
  ["crossEntropy", (g) => crossEntropy(u(g, 4, 2), u(g, 4)), "got u32 [4, 2]"],
  ["diceLoss", (g) => diceLoss(t(g, 4), t(g, 4, 1)), "[4]", "[4, 1]"],
  ["diceLoss", (g) => diceLoss(t(g, 4, 2), t(g, 4, 2), NaN), "smooth must be a finite number of at least 0, got NaN"],
  ["diceLoss", (g) => diceLoss(t(g, 4, 2), t(g, 4, 2), -1), "smooth must be a finite number of at least 0, got -1"],
  ["gradients", (g) => gradients(relu(t(g, 2)), []), "the loss must be a single number, got [2]"],
  ...[[], [0], [2, -1], [1.5], [NaN], [Infinity]].map((shape): [string, (g: Graph) => unknown, string] => {
    return ["input", (g) => g.input("x", shape), `input x: [${shape.join(", ")}] is not a shape`];
  }),
];

const made: [string, () => unknown, string][] = [
  ...badConv.map(([options, said]): [string, () => unknown, string] => [
    "Conv2d",
    () => new Conv2d(4, 8, 3, options),
    said,
  ]),
  ["Conv2d", () => new Conv2d(3, 8, 3, { groups: 2 }), "channelsIn 3 and channelsOut 8 must be divisible by groups 2"],
  ["Conv2d", () => new Conv2d(4, 9, 3, { groups: 2 }), "channelsIn 4 and channelsOut 9 must be divisible by groups 2"],
  ["Conv2d", () => new Conv2d(0, 8, 3), "channelsIn must be a whole number of at least 1, got 0"],
  ["Conv2d", () => new Conv2d(3, -8, 3), "channelsOut must be a whole number of at least 1, got -8"],
  ["Conv2d", () => new Conv2d(3, 8, 2.5), "kernel must be a whole number of at least 1, got 2.5"],
  ["Conv2d", () => new Conv2d(3, 8, untyped([3])), "kernel must be one number or two, got [3]"],
  ["Conv2d", () => new Conv2d(3, 8, [3, 0]), "kernel must be a whole number of at least 1, got 0"],
  ["Parameter", () => new Conv2d(3, 8, 3, { bias: NaN }), "fill must be a finite number, got NaN"],
  ["BatchNorm2d", () => new BatchNorm2d(0), "channels must be a whole number of at least 1, got 0"],
  ["BatchNorm2d", () => new BatchNorm2d(NaN), "channels must be a whole number of at least 1, got NaN"],
  ["Linear", () => new Linear(0, 2), "featuresIn must be a whole number of at least 1, got 0"],
  ["Linear", () => new Linear(2, 1.5), "featuresOut must be a whole number of at least 1, got 1.5"],
  ["Parameter", () => new Parameter([0, 3], "vector"), "[0, 3] is not a shape"],
  ["variable v", () => new Variable("v", [2, NaN]), "[2, NaN] is not a shape"],
  ["variable v", () => new Variable("v", []), "[] is not a shape"],
  ["variable v", () => new Variable("v", [2], new Float32Array(3)), "2 elements, but 3 initial values"],
  ["a slab", () => new Slab([]), "needs at least one variable"],
  ["MGANet", () => new MGANet({ ...paperOptions, width: 0 }), "width is 0, which leaves layers without channels"],
  ["MGANet", () => new MGANet({ ...paperOptions, width: NaN }), "width is NaN"],
  ["MGANet", () => new MGANet({ ...paperOptions, width: -1 }), "width is -1"],
  ["MGANet", () => new MGANet({ ...paperOptions, at: [5] }), "there is no scale 5; the scales are 0 to 4"],
  ["MGANet", () => new MGANet({ ...paperOptions, fusion: untyped("sum") }), "unknown fusion sum"],
  ["MGA", () => new MGA(0, "parallel"), "channels must be a whole number of at least 1, got 0"],
  ["MGA", () => new MGA(4, untyped("none")), "there is no none fusion"],
  ["UNet", () => new UNet(0), "width is 0"],
  ["ResNet", () => new ResNet([2, 2, 2, 2], NaN), "width is NaN"],
  ["ResNet", () => new ResNet([2, 2, 2, 0], 1 / 8), "blocks [2, 2, 2, 0]"],
  ["Conv2d", () => new BasicBlock(4, 4, 0), "stride must be a whole number of at least 1, got 0"],
];

const layers: [string, (graph: Graph) => unknown, string][] = [
  ["conv2d", (g) => finished(new Conv2d(3, 8, 3)).forward(a(g)), "input [2, 8, 8, 4] and weight [3, 3, 3, 8]"],
  ["batchNorm", (g) => finished(new BatchNorm2d(8)).forward(a(g)), "input [2, 8, 8, 4] needs parameters [4], got [8]"],
  ["linear", (g) => finished(new Linear(8, 2)).forward(t(g, 2, 4)), "input [2, 4] and weight [8, 2]"],
  ["mga", (g) => finished(new MGA(8, "parallel")).forward(a(g), a(g, 1)), "features [2, 8, 8, 4]"],
  ["UNet", (g) => finished(new UNet(1 / 16)).forward(t(g, 1, 48, 64, 3)), "[1, 48, 64, 3] is not [N, H, W, 3] with H and W multiples of 32"], // prettier-ignore
  ["UNet", (g) => new MGANet({ ...paperOptions, width: 1 / 16 }).forward(t(g, 1, 64, 64, 1)), "[1, 64, 64, 1]"],
  ["segmentationLoss", (g) => jointLoss({ logits: t(g, 2, 2), segLogits: a(g, 1), mask: a(g, 1) }, u(g, 2), a(g, 1), untyped({ kind: "iou" })), "there is no iou loss"], // prettier-ignore
  ["segmentationLoss", (g) => segmentationLoss(untyped("iou"), a(g, 1), a(g, 1), a(g, 1)), "there is no iou loss"],
  ["jointLoss", (g) => jointLoss({ logits: t(g, 2, 2), segLogits: a(g, 1), mask: a(g, 1) }, u(g, 2), a(g, 1), { alpha: NaN }), "alpha must be a finite number, got NaN"], // prettier-ignore
];

function expectSentence(op: string, build: () => unknown, said: readonly string[]) {
  let error: unknown;
  try {
    build();
  } catch (e) {
    error = e;
  }
  expect([ShapeError, RangeError], String(error)).toContain((error as Error | undefined)?.constructor);
  const { message } = error as Error;
  expect(message.startsWith(op), message).toBe(true);
  for (const part of said) expect(message).toContain(part);
}

describe("impossible arguments are a sentence that names the op", () => {
  test.each(ops)("%s: case %#", (op, build, ...said) => {
    expectSentence(op, () => build(new Graph({ training: true })), said);
  });
  test.each(made)("new %s: case %#", (op, build, said) => expectSentence(op, build, [said]));
  test.each(layers)("layer %s: case %#", (op, build, said) => {
    expectSentence(op, () => build(new Graph({ training: true })), [said]);
  });
});

/** Every op of several tensors, on tensors of which `other` makes one. */
const mixed: [string, (graph: Graph, other: Graph) => unknown][] = [
  ["conv2d", (g, o) => conv2d(a(g), w(o))],
  ["conv2d", (g, o) => conv2d(a(g), w(g), t(o, 8))],
  ["linear", (g, o) => linear(t(g, 2, 8), t(o, 8, 4))],
  ["linear", (g, o) => linear(t(g, 2, 8), t(g, 8, 4), t(o, 4))],
  ["batchNorm", (g, o) => batchNorm2d(a(g), { ...stats(), weight: t(o, 4) })],
  ["batchNorm", (g, o) => batchNorm2d(a(g), stats(), { residual: a(o) })],
  ["add", (g, o) => add(t(g, 2), t(o, 2))],
  ["mul", (g, o) => mul(t(g, 2), t(o, 2))],
  ["bceWithLogits", (g, o) => bceWithLogits(t(g, 2), t(o, 2))],
  ["cat", (g, o) => cat([a(g), a(o)])],
  ["mga", (g, o) => maskGuidedAttention(a(g), a(o, 1), undefined, "spatial")],
  ["mga", (g, o) => maskGuidedAttention(a(g), a(g, 1), { weight1: t(o, 4, 4), bias1: t(g, 4), weight2: t(g, 4, 4), bias2: t(g, 4) }, "channel")], // prettier-ignore
  ["crossEntropy", (g, o) => crossEntropy(t(g, 4, 2), u(o, 4))],
  ["diceLoss", (g, o) => diceLoss(t(g, 4, 2), t(o, 4, 2))],
  ["gradients", (g, o) => gradients(relu(t(g, 2)), [], t(o, 2))],
];
test.each(mixed)("%s refuses tensors of two graphs: case %#", (op, build) => {
  expect(() => build(new Graph(), new Graph())).toThrow(
    new RegExp(`^${op}: the operands of an op belong to different graphs: input input \\d+ belongs to another graph$`),
  );
});

const alone: [string, (v: Variable) => unknown][] = [
  ["conv2d", () => conv2d(new Variable("v", [1, 4, 4, 4]), new Variable("v", [3, 3, 4, 8]))],
  ["linear", (v) => linear(v, v)],
  ["batchNorm", () => batchNorm2d(new Variable("v", [2, 4, 4, 4]), stats())],
  ["add", (v) => add(v, v)],
  ["mul", (v) => mul(v, v)],
  ["relu", relu],
  ["sigmoid", sigmoid],
  ["scale", (v) => scale(v, 2)],
  ["sum", (v) => sum(v)],
  ["mean", (v) => mean(v)],
  ["gradients", (v) => gradients(v, [v])],
];
test.each(alone)("%s of variables alone belongs to no graph: case %#", (op, build) => {
  expect(() => build(new Variable("v", op === "gradients" ? [1] : [4, 4]))).toThrow(
    `${op}: an op needs at least one operand that belongs to a graph`,
  );
});

test("PyTorch's defaults: a pooling moves by its kernel and is not padded", () => {
  const graph = new Graph();
  expect(maxPool2d(a(graph), { kernel: 2 }).shape).toEqual([2, 4, 4, 4]);
  expect(maxPool2d(a(graph), { kernel: 3 }).shape).toEqual([2, 2, 2, 4]);
  expect(maxPool2d(a(graph), { kernel: 3, stride: 1, padding: 1 }).shape).toEqual([2, 8, 8, 4]);
  expect(finished(new Conv2d(4, 8, 3, { groups: 2, bias: true })).forward(a(graph)).shape).toEqual([2, 6, 6, 8]);
});
