/** Sums of many terms keep their digits. */
import { expect, test } from "vitest";
import { compile, globalAvgPool, Graph, mean, mseLoss, scale, sum, type Tensor } from "../../src/index.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const SIDE = 2048;
const COUNT = SIDE * SIDE;

test.each<[string, (x: Tensor) => Tensor, number]>([
  ["mean", (x) => mean(x), 0.1],
  ["sum", (x) => sum(x), 0.1 * COUNT],
  ["sum over axes", (x) => sum(x, [1, 2, 3]), 0.1 * COUNT],
  ["globalAvgPool", globalAvgPool, 0.1],
  ["mseLoss", (x) => mseLoss(x, scale(x, 2)), 0.01],
])("%s of four million elements", async (_, op, expected) => {
  const graph = new Graph();
  const plan = await compile(gpu(), graph, { outputs: { y: op(graph.input("x", [1, SIDE, SIDE, 1])) } });
  const { y } = await plan.run({ x: new Float32Array(COUNT).fill(0.1) });
  plan.destroy();
  expect(Math.abs(y[0]! / expected - 1)).toBeLessThan(1e-5);
});
