/** Arguments of the wrong type or with an unknown name: whatever receives them throws a sentence that says so. */
import { expect, test } from "vitest";
import {
  add,
  batchNorm2d,
  bceWithLogits,
  cat,
  compile,
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
  sigmoid,
  split,
  sum,
  Variable,
  type Tensor,
} from "../../src/index.ts";
import { MGANet, paperOptions, Predictor } from "../../src/entries/models.ts";
import { BatchNorm2d, Conv2d, initialValues, Linear } from "../../src/entries/nn.ts";
import { Adam } from "../../src/entries/optim.ts";
import { Slab } from "../../src/graph/storage.ts";
import { slabsOf } from "../../src/optim/slabs.ts";
import { openGpu } from "../../src/node/index.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
/** What nobody who heeds the types would pass. */
const wrong = (value: unknown) => value as never;

const ops: [string, (x: Tensor, no: never) => unknown][] = [
  ["relu", (_, no) => relu(no)],
  ["sigmoid", (_, no) => sigmoid(no)],
  ["scale", (_, no) => scale(no, 2)],
  ["sum", (_, no) => sum(no)],
  ["mean", (_, no) => mean(no)],
  ["bceWithLogits", (x, no) => bceWithLogits(x, no)],
  ["diceLoss", (x, no) => diceLoss(x, no)],
  ["crossEntropy", (x, no) => crossEntropy(x, no)],
  ["conv2d", (x, no) => conv2d(x, no)],
  ["linear", (x, no) => linear(x, no)],
  ["batchNorm", (x, no) => batchNorm2d(x, { weight: no, bias: no, runningMean: no, runningVar: no })],
  ["maxPool2d", (_, no) => maxPool2d(no, { kernel: 2 })],
  ["interpolate", (_, no) => interpolate(no, [2, 2])],
  ["cat", (x, no) => cat([x, no])],
  ["split", (_, no) => split(no, [1])],
  ["globalAvgPool", (_, no) => globalAvgPool(no)],
  ["minMaxNormalize", (_, no) => minMaxNormalize(no)],
  ["mga", (x, no) => maskGuidedAttention(x, no, undefined, "spatial")],
  ["gradients", (x, no) => gradients(x, [no])],
];
test("add and mul take numbers, and name another operand that is no tensor", () => {
  const x = new Graph().input("x", [1, 4, 4, 4]);
  expect(() => add(x, wrong(undefined))).toThrow("add: operand 2 of 2 is undefined, not a tensor or a number");
  expect(() => mul(wrong(new Float32Array(64)), x)).toThrow(
    "mul: operand 1 of 2 is a Float32Array, not a tensor or a number",
  );
  expect(mul(add(x, 1), 2).shape).toEqual(x.shape);
});

test.each(ops)("%s names an operand that is no tensor", (op, build) => {
  const x = new Graph().input("x", [1, 4, 4, 4]);
  for (const [value, what] of [
    [undefined, "undefined"],
    [1, "a Number"],
    [new Float32Array(64), "a Float32Array"],
  ]) {
    expect(() => build(x, wrong(value))).toThrow(TypeError);
    expect(() => build(x, wrong(value))).toThrow(
      new RegExp(`^${op}: operand \\d of \\d is ${String(what)}, not a tensor$`),
    );
  }
});

const options: [string, () => unknown, string][] = [
  ["Graph", () => new Graph(wrong({ train: true })), "Graph: unknown option train; the options are training"],
  [
    "Graph of true",
    () => new Graph(wrong(true)),
    "Graph: options are an object of training, evaluating; got a Boolean",
  ],
  ["training", () => new Graph(wrong({ training: "false" })), "Graph: training is a String, not true or false"],
  ["type", () => new Graph().input("x", [1], wrong("i32")), "input x: unknown type i32; the types are f32 and u32"],
  ["shape", () => new Graph().input("x", wrong(3)), "input x: a shape is an array of sizes, got a Number"],
  ["name", () => new Graph().input(wrong(3), [1]), "input: the name must be a non-empty string, got a Number"],
  ["Conv2d", () => new Conv2d(3, 8, 3, wrong(2)), "Conv2d: options are an object of stride, padding"],
  ["Linear", () => new Linear(2, 2, wrong({ bais: false })), "Linear: unknown option bais; the options are bias"],
  ["Linear", () => new Linear(2, 2, wrong(false)), "Linear: options are an object of bias; got a Boolean"],
  ["Linear", () => new Linear(2, 2, { bias: wrong(0) }), "Linear: bias must be true or false, got 0"],
  ["BatchNorm2d", () => new BatchNorm2d(2, wrong({ epsilon: 1 })), "BatchNorm2d: unknown option epsilon"],
  ["BatchNorm2d", () => new BatchNorm2d(2, wrong(1e-3)), "BatchNorm2d: options are an object of eps, momentum"],
  ["BatchNorm2d", () => new BatchNorm2d(2, { eps: -1 }), "BatchNorm2d: eps must be a finite number of at least 0"],
  ["BatchNorm2d", () => new BatchNorm2d(2, { momentum: NaN }), "BatchNorm2d: momentum must be a finite number"],
  ["maxPool2d", () => maxPool2d(new Graph().input("x", [1, 4, 4, 4]), wrong(2)), "maxPool2d: options are an object of kernel"], // prettier-ignore
  [
    "interpolate",
    () => interpolate(new Graph().input("x", [1, 4, 4, 4]), wrong(8)),
    "interpolate: size must be [height, width], got a Number",
  ],
  ["interpolate", () => interpolate(new Graph().input("x", [1, 4, 4, 4]), wrong([8, 8, 8])), "interpolate: size must be [height, width], got [8, 8, 8]"], // prettier-ignore
  ["MGANet", () => new MGANet(wrong({ ...paperOptions, width: "1" })), "MGANet: width is a String, not a number"],
  ["initial values", () => new Variable("v", [2], wrong(Int32Array.of(1, 2))), "the initial value of variable v holds f32, got an Int32Array: pass a Float32Array"], // prettier-ignore
  [
    "slabsOf",
    () => slabsOf(wrong(new Linear(1, 1))),
    "slabsOf: expected an array such as net.parameters(), got an Object",
  ],
  ["Adam", () => new Adam(new Linear(1, 1).parameters()), "Adam: a parameter [1, 1] that is not registered with a finished module"], // prettier-ignore
  ["Adam", () => new Adam(wrong([new Slab([new Variable("v", [1])]), 1])), "Adam: expected slabs, as slabsOf(net.parameters()) makes them, got a Number"], // prettier-ignore
];
test.each(options)("%s", (_, build, message) => expect(build).toThrow(message));

test("compile, Predictor and openGpu", async () => {
  const graph = new Graph();
  const y = relu(graph.input("x", [1]));
  const given = (more: object) => compile(gpu(), graph, { outputs: { y }, ...more });
  await expect(given({ freeze: true })).rejects.toThrow(
    "compile: unknown option freeze; the options are outputs, updates",
  );
  await expect(given({ outputs: y })).rejects.toThrow("compile: outputs must be a plain object of tensors by name");
  await expect(given({ outputs: [y] })).rejects.toThrow("compile: outputs must be a plain object");
  await expect(given({ updates: {} })).rejects.toThrow("compile: updates must be an array of nodes, got an Object");
  await expect(compile(wrong(graph), wrong(gpu()), {})).rejects.toThrow("compile: expected a Gpu, got an Object");
  const net = new MGANet({ ...paperOptions, width: 1 / 16 });
  const predictor = (more: object) =>
    Predictor.create(gpu(), (x) => net.forward(x), { batch: 1, size: [32, 32], ...more });
  await expect(predictor({ stages: "joint" })).rejects.toThrow("Predictor: unknown option stages");
  await expect(predictor({ size: 32 })).rejects.toThrow("Predictor: size is 32, expected [height, width]");
  await expect(openGpu(wrong({ adaptor: "x" }))).rejects.toThrow("openGpu: unknown option adaptor");
});

test("what an optimiser's step is made of stays, and its values are its own", async () => {
  const nets = [new Linear(2, 1), new Linear(2, 1)];
  const [adam, other] = nets.map((net) => {
    net.finish(initialValues(0));
    return new Adam(slabsOf(net.parameters()), { lr: 0.1 });
  }) as [Adam, Adam];
  expect(() => Object.assign(adam.options, { beta1: 0.5 })).toThrow(TypeError);
  adam.options.lr = 0.5;
  expect(adam.advance()[0]).toBeCloseTo(5, 5);
  const graph = new Graph({ training: true });
  const loss = sum(nets[0]!.forward(graph.input("x", [1, 2])));
  expect(() => other.record(graph, loss)).toThrow("the loss does not depend on weight");
  const { updates } = adam.record(graph, loss);
  expect(() => adam.record(graph, loss)).toThrow(
    'for a second optimiser, use another name: record(graph, loss, "adam2")',
  );
  const plan = await compile(gpu(), graph, { outputs: { loss }, updates });
  await expect(plan.run({ x: Float32Array.of(1, 2), adam: other.advance() })).rejects.toThrow(
    "another optimiser's advance()",
  );
});
