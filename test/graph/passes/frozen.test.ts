import { expect, test } from "vitest";
import { batchNorm2d } from "../../../src/autograd/batchnorm.ts";
import { conv2d } from "../../../src/autograd/conv2d.ts";
import { add } from "../../../src/autograd/elementwise.ts";
import { reshape } from "../../../src/autograd/shape.ts";
import { compile, type NamedTensors } from "../../../src/graph/compile.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Plan } from "../../../src/graph/plan.ts";
import { writeVariable } from "../../../src/graph/storage.ts";
import { Variable, type Tensor } from "../../../src/graph/tensor.ts";
import { MGANet, paperOptions } from "../../../src/models/mganet/network.ts";
import { relativeError } from "../../support/reference.ts";
import { useGpu } from "../../support/gpu.ts";

const gpu = useGpu();

const waves = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(seed + 1.3 * i));
const positive = (n: number, seed: number) => waves(n, seed).map((v) => 1.5 + v);
const kernels = (plan: Plan) => plan.steps.map((step) => step.node.kernel.name);

/** Convolution and batch normalisation of 8 channels, with a residual. */
function block(x: Tensor, residual: Tensor, bias?: Variable) {
  const weight = new Variable("weight", [3, 3, 8, 8], waves(576, 1));
  const parameters = {
    weight: new Variable("gamma", [8], positive(8, 2)),
    bias: new Variable("beta", [8], waves(8, 3)),
    runningMean: new Variable("mean", [8], waves(8, 4)),
    runningVar: new Variable("var", [8], positive(8, 5)),
  };
  const between = conv2d(x, weight, bias, { padding: 1 });
  return { weight, between, y: batchNorm2d(between, parameters, { relu: true, residual }) };
}

const shape = [2, 7, 9, 8];
const given = { x: waves(2 * 7 * 9 * 8, 6), r: waves(2 * 7 * 9 * 8, 7) };
const apart = (graph: Graph) => block(graph.input("x", shape), graph.input("r", shape));

test("batch norm, residual and ReLU become part of the convolution", async () => {
  const graph = new Graph();
  const { y } = apart(graph);
  const plain = await compile(gpu(), graph, { outputs: { y } });
  const frozen = await compile(gpu(), graph, { outputs: { y }, frozen: true });
  const { y: expected } = await plain.run(given);
  const { y: actual } = await frozen.run(given);
  expect(relativeError(actual, expected)).toBeLessThanOrEqual(1e-6);
  expect(new Set(kernels(frozen))).toEqual(new Set(["conv2d"]));
  // A second run finds what the first one has worked out.
  expect(relativeError((await frozen.run(given)).y, expected)).toBeLessThanOrEqual(1e-6);
});

test("a convolution's own bias is shifted and scaled with its result, as in VGG", async () => {
  const graph = new Graph();
  const bias = new Variable("bias", [8], waves(8, 10));
  const { y } = block(graph.input("x", shape), graph.input("r", shape), bias);
  const plain = await compile(gpu(), graph, { outputs: { y } });
  const frozen = await compile(gpu(), graph, { outputs: { y }, frozen: true });
  const { y: expected } = await plain.run(given);
  expect(relativeError((await frozen.run(given)).y, expected)).toBeLessThanOrEqual(1e-6);
  expect(new Set(kernels(frozen))).toEqual(new Set(["conv2d"]));
  writeVariable(gpu(), bias, waves(8, 11));
  const { y: later } = await plain.run(given);
  expect(relativeError((await frozen.run(given)).y, later)).toBeLessThanOrEqual(1e-6);
  expect(relativeError(later, expected)).toBeGreaterThan(1e-2);
});

test("a weight that is read in another shape keeps its channels", async () => {
  const graph = new Graph();
  const flat = new Variable("weight", [288], waves(288, 1));
  const bn = (name: string, of: typeof waves, seed: number) => new Variable(name, [4], of(4, seed));
  const y = batchNorm2d(conv2d(graph.input("x", shape), reshape(flat, [3, 3, 8, 4])), {
    ...{ weight: bn("gamma", positive, 2), bias: bn("beta", waves, 3) },
    ...{ runningMean: bn("mean", waves, 4), runningVar: bn("var", positive, 5) },
  });
  const plain = await compile(gpu(), graph, { outputs: { y } });
  const frozen = await compile(gpu(), graph, { outputs: { y }, frozen: true });
  const { y: expected } = await plain.run({ x: given.x });
  expect(relativeError((await frozen.run({ x: given.x })).y, expected)).toBeLessThanOrEqual(1e-6);
  expect(new Set(kernels(frozen))).toEqual(new Set(["conv2d"]));
});

test("variables may change, and a frozen plan sees it by itself", async () => {
  const graph = new Graph();
  const { y, weight } = apart(graph);
  const frozen = await compile(gpu(), graph, { outputs: { y }, frozen: true });
  const { y: before } = await frozen.run(given);
  expect((await frozen.run(given)).y).toEqual(before);
  writeVariable(gpu(), weight, waves(576, 9));
  const plain = await compile(gpu(), graph, { outputs: { y } });
  const { y: expected } = await plain.run(given);
  expect(relativeError((await frozen.run(given)).y, expected)).toBeLessThanOrEqual(1e-6);
  expect(relativeError(before, expected)).toBeGreaterThan(1e-2);
});

test("a convolution whose result is wanted for something else stays as it is", async () => {
  for (const use of ["output", "op"] as const) {
    const graph = new Graph();
    const { y, between } = apart(graph);
    const outputs: NamedTensors = use === "output" ? { y, between } : { y: add(y, between) };
    const frozen = await compile(gpu(), graph, { outputs, frozen: true });
    expect(kernels(frozen)).toContain("batchNorm");
    const plain = await compile(gpu(), graph, { outputs });
    const [actual, expected] = [await frozen.run(given), await plain.run(given)];
    for (const name of Object.keys(outputs)) {
      expect(relativeError(actual[name]!, expected[name]!), `${use}: ${name}`).toBeLessThanOrEqual(1e-6);
    }
  }
});

test("a residual that is what is convolved stays outside, since one tensor cannot be bound twice", async () => {
  const graph = new Graph();
  const x = graph.input("x", shape);
  const { y } = block(x, x);
  const frozen = await compile(gpu(), graph, { outputs: { y }, frozen: true });
  const plain = await compile(gpu(), graph, { outputs: { y } });
  const inputs = { x: given.x };
  expect(relativeError((await frozen.run(inputs)).y, (await plain.run(inputs)).y)).toBeLessThanOrEqual(1e-6);
});

test("the whole network: nothing but convolutions where batch norms were", async () => {
  const net = new MGANet({ ...paperOptions, width: 1 / 8 }, 3);
  for (const [name, p] of net.named()) {
    if (name.endsWith("running_mean"))
      writeVariable(
        gpu(),
        p,
        waves(p.size, p.size).map((v) => 0.1 * v),
      );
    if (name.endsWith("running_var")) writeVariable(gpu(), p, positive(p.size, p.size));
  }
  const graph = new Graph();
  const { logits, segLogits } = net.forward(graph.input("image", [1, 64, 96, 3]));
  const outputs = { logits, segLogits };
  const plain = await compile(gpu(), graph, { outputs });
  const frozen = await compile(gpu(), graph, { outputs, frozen: true });
  const image = waves(64 * 96 * 3, 8);
  const expected = await plain.run({ image });
  const actual = await frozen.run({ image });
  expect(relativeError(actual["logits"], expected["logits"])).toBeLessThanOrEqual(1e-4);
  expect(relativeError(actual["segLogits"], expected["segLogits"])).toBeLessThanOrEqual(1e-4);
  expect(kernels(frozen).filter((name) => name.startsWith("batchNorm"))).toEqual([]);
  expect(frozen.summary.dispatches).toBeLessThan(plain.summary.dispatches - 100);
});
