/** NaN within a network stays NaN, on adapters whose comparisons with it are false. */
import { expect, test } from "vitest";
import { clamp, compile, Graph, relu, sigmoid, sum, tanh, type Tensor } from "../../src/index.ts";
import { BatchNorm2d, Conv2d } from "../../src/nn/layers.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const root = (x: Tensor) => x;

test.each<[string, (x: Tensor) => Tensor]>([
  ["relu", relu],
  ["sigmoid", sigmoid],
  ["tanh", tanh],
  ["clamp", (x) => clamp(x, { min: -1, max: 1 })],
  ["itself", root],
])("%s of NaN, and of infinities beside it", async (_, op) => {
  const graph = new Graph();
  const x = graph.input("x", [8]);
  const plan = await compile(gpu(), graph, { outputs: { y: op(x) } });
  const { y } = await plan.run({ x: Float32Array.of(NaN, -Infinity, Infinity, -0, 0.5, NaN, 2, -2) });
  plan.destroy();
  expect([Number.isNaN(y[0]), Number.isNaN(y[5])]).toEqual([true, true]);
  const rest = [y[1]!, y[2]!, y[3]!, y[4]!, y[6]!, y[7]!];
  expect(rest.some(Number.isNaN)).toBe(false);
});

test("a ReLU that a convolution applies, with a batch normalisation folded into it", async () => {
  const net = new Sequential(new Conv2d(8, 8, 3, { padding: 1, bias: false }), new BatchNorm2d(8)).finish(0);
  const outputs = [];
  for (const frozen of [true, false]) {
    const graph = new Graph();
    const y = relu(net.forward(graph.input("x", [1, 4, 4, 8])));
    const plan = await compile(gpu(), graph, { outputs: { y: sum(y) }, frozen });
    const x = new Float32Array(128);
    x[0] = NaN;
    outputs.push((await plan.run({ x })).y[0]);
    plan.destroy();
  }
  net.release(gpu());
  expect(outputs).toEqual([NaN, NaN]);
});
