/** Shape errors are detected when the graph is built; the error names the op and the shapes. */
import { describe, expect, test } from "vitest";
import { maskGuidedAttention } from "../../src/autograd/attention.ts";
import { batchNorm2d } from "../../src/autograd/batchnorm.ts";
import { classActivation } from "../../src/autograd/class-activation.ts";
import { conv2d, linear } from "../../src/autograd/conv2d.ts";
import { add, bceWithLogits, mul, sum } from "../../src/autograd/elementwise.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { crossEntropy, diceLoss } from "../../src/autograd/losses.ts";
import { headMean } from "../../src/autograd/self-attention.ts";
import { cat, globalAvgPool, interpolate, maxPool2d, split } from "../../src/autograd/spatial.ts";
import { headsApart, headsTogether } from "../../src/autograd/tokens.ts";
import { Graph, graphOf } from "../../src/graph/graph.ts";
import { Variable, type Tensor } from "../../src/graph/tensor.ts";
import { ShapeError } from "../../src/kernels/kernel.ts";

let inputs = 0;
/** A tensor of a graph. */
const t = (graph: Graph, ...shape: number[]): Tensor => graph.input(`input ${inputs++}`, shape);

const parameters = (c: number) => {
  const v = () => new Variable("v", [c]);
  return { weight: v(), bias: v(), runningMean: v(), runningVar: v() };
};

const gate = (graph: Graph, c: number, hidden: number, out: number) => {
  return {
    weight1: t(graph, c, hidden),
    bias1: t(graph, hidden),
    weight2: t(graph, hidden, out),
    bias2: t(graph, out),
  };
};

const wrong: [string, (graph: Graph) => unknown, string[]][] = [
  ["conv2d", (g) => conv2d(t(g, 2, 8, 8, 3), t(g, 3, 3, 4, 8)), ["[2, 8, 8, 3]", "[3, 3, 4, 8]"]],
  ["conv2d", (g) => conv2d(t(g, 2, 8, 8), t(g, 3, 3, 4, 8)), ["[2, 8, 8]"]],
  ["conv2d", (g) => conv2d(t(g, 2, 8, 8, 4), t(g, 3, 4, 8)), ["[3, 4, 8]"]],
  ["conv2d", (g) => conv2d(t(g, 2, 2, 2, 4), t(g, 3, 3, 4, 8)), ["[2, 2, 2, 4]", "[3, 3, 4, 8]"]],
  ["conv2d", (g) => conv2d(t(g, 2, 8, 8, 4), t(g, 3, 3, 2, 5), undefined, { groups: 2 }), ["[3, 3, 2, 5]", "groups 2"]],
  ["conv2d", (g) => conv2d(t(g, 2, 8, 8, 4), t(g, 3, 3, 4, 8), t(g, 4)), ["[4]", "[3, 3, 4, 8]"]],
  ["linear", (g) => linear(t(g, 2, 8), t(g, 4, 8)), ["[2, 8]", "[4, 8]"]],
  ["linear", (g) => linear(t(g, 2, 8, 4), t(g, 8, 4)), ["[2, 8, 4]", "[8, 4]"]],
  ["linear", (g) => linear(t(g, 2, 8), t(g, 8, 4), t(g, 8)), ["[8]", "[8, 4]"]],
  ["batchNorm", (g) => batchNorm2d(t(g, 2, 8, 8, 4), parameters(8)), ["[2, 8, 8, 4]", "[8]"]],
  ["batchNorm", (g) => batchNorm2d(t(g, 2, 4), parameters(4)), ["[2, 4]"]],
  ["batchNorm", (g) => batchNorm2d(t(g, 1, 1, 1, 4), parameters(4)), ["[1, 1, 1, 4]"]],
  [
    "batchNorm residual",
    (g) => batchNorm2d(t(g, 2, 8, 8, 4), parameters(4), { residual: t(g, 2, 4, 4, 4) }),
    ["[2, 8, 8, 4]", "[2, 4, 4, 4]"],
  ],
  ["add", (g) => add(t(g, 2, 3), t(g, 3, 2)), ["[2, 3]", "[3, 2]"]],
  ["mul", (g) => mul(t(g, 6), t(g, 2, 3)), ["[6]", "[2, 3]"]],
  ["bceWithLogits", (g) => bceWithLogits(t(g, 2, 8, 8, 1), t(g, 2, 8, 8)), ["[2, 8, 8, 1]", "[2, 8, 8]"]],
  ["maxPool2d", (g) => maxPool2d(t(g, 2, 2, 8, 4), { kernel: 3, stride: 2, padding: 0 }), ["3", "[2, 2, 8, 4]"]],
  ["maxPool2d", (g) => maxPool2d(t(g, 2, 8, 8, 4), { kernel: 3, stride: 2, padding: 2 }), ["padding 2", "kernel 3"]],
  ["interpolate", (g) => interpolate(t(g, 2, 8, 8, 4), [0, 8]), ["[2, 8, 8, 4]", "0×8"]],
  ["interpolate", (g) => interpolate(t(g, 8, 8, 4), [8, 8]), ["[8, 8, 4]"]],
  ["cat", (g) => cat([t(g, 2, 8, 8, 4), t(g, 2, 4, 8, 4)]), ["[2, 8, 8, 4]", "[2, 4, 8, 4]"]],
  ["split", (g) => split(t(g, 2, 8, 8, 4), [2, 3]), ["[2, 3]", "[2, 8, 8, 4]"]],
  ["globalAvgPool", (g) => globalAvgPool(t(g, 2, 4)), ["[2, 4]"]],
  ["headsApart", (g) => headsApart(t(g, 2, 5, 12), 5), ["[2, 5, 12]", "5 heads"]],
  ["headsApart", (g) => headsApart(t(g, 2, 12), 2), ["[2, 12]"]],
  ["headsTogether", (g) => headsTogether(t(g, 5, 2, 4), 2), ["[5, 2, 4]", "2 heads"]],
  ["headMean", (g) => headMean(t(g, 5, 2, 2), 2), ["[5, 2, 2]", "2 heads"]],
  ["mga", (g) => maskGuidedAttention(t(g, 2, 8, 8, 4), t(g, 2, 8, 8, 4), undefined, "spatial"), ["[2, 8, 8, 4]"]],
  [
    "mga",
    (g) => maskGuidedAttention(t(g, 2, 8, 8, 4), t(g, 2, 4, 8, 1), gate(g, 4, 3, 4), "parallel"),
    ["map [2, 4, 8, 1]", "[2, 8, 8, 4]"],
  ],
  [
    "mga",
    (g) => maskGuidedAttention(t(g, 2, 8, 8, 4), t(g, 2, 8, 8, 1), gate(g, 4, 3, 8), "channel"),
    ["gate of [4, 3], [3], [3, 8], [8]", "[2, 8, 8, 4]"],
  ],
  [
    "mga",
    (g) => maskGuidedAttention(t(g, 2, 8, 8, 4), t(g, 2, 8, 8, 1), undefined, "serial"),
    ["serial fusion needs a gate"],
  ],
  ["classActivation", (g) => classActivation(t(g, 2, 8, 8, 4), t(g, 2, 8)), ["[2, 8]", "[2, 8, 8, 4]"]],
  ["crossEntropy", (g) => crossEntropy(t(g, 4, 2), g.input("label", [3], "u32")), ["[4, 2]", "[3]"]],
  ["diceLoss", (g) => diceLoss(t(g, 2, 8, 8, 1), t(g, 2, 8, 4, 1)), ["[2, 8, 8, 1]", "[2, 8, 4, 1]"]],
  ["gradients", (g) => gradients(add(t(g, 2), t(g, 2)), [], t(g, 1)), ["gradient [1]", "[2]"]],
  ["gradients", (g) => gradients(add(t(g, 2), t(g, 2)), []), ["[2]"]],
  ["input", (g) => g.input("image", [2, 0, 8]), ["[2, 0, 8]"]],
  ["crossEntropy", (g) => crossEntropy(t(g, 4, 2), t(g, 4)), ["[4, 2], [4]"]],
];

describe("a ShapeError names op and shapes", () => {
  test.each(wrong)("%s: case %#", (op, build, parts) => {
    let error: unknown;
    try {
      build(new Graph({ training: true }));
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(ShapeError);
    const { message } = error as Error;
    expect(message.startsWith(op), message).toBe(true);
    for (const part of parts) expect(message).toContain(part);
  });
});

test("operands belong to one graph, and a loss depends on what it is differentiated by", () => {
  const [a, b] = [new Graph(), new Graph()];
  expect(() => add(t(a, 2), t(b, 2))).toThrow("the operands of an op belong to different graphs");
  expect(() => graphOf(new Variable("v", [1]))).toThrow("at least one operand that belongs to a graph");
  const [x, y] = [t(a, 2), t(a, 2)];
  expect(() => gradients(sum(x), [y])).toThrow(/the loss does not depend on input input/);
  a.input("image", [1]);
  expect(() => a.input("image", [1])).toThrow("the graph already has an input image");
});
