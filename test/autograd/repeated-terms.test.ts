/** A tensor that is reached twice by one gradient: kernels that add the other terms themselves must add each of them. */
import { expect, test } from "vitest";
import {
  add,
  compile,
  conv2d,
  Graph,
  gradients,
  linear,
  matmul,
  relu,
  reshape,
  sum,
  type Tensor,
} from "../../src/index.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

type Op = (x: Tensor, w: Tensor) => Tensor;
const conv: Op = (x, w) => conv2d(x, w);
const dense: Op = (x, w) => linear(x, reshape(w, [1, 1]));
const kernels: readonly (readonly [string, Op])[] = [
  ["conv2d", conv],
  ["linear", dense],
  ["matmul", matmul],
  ["relu", (x) => relu(x)],
];
/** What it is computed from x = 2, and how often x counts. */
const inputs: readonly (readonly [string, (x: Tensor) => Tensor, number])[] = [
  ["x + x", (x) => add(x, x), 2],
  ["x + relu(x) + x", (x) => add(add(x, relu(x)), x), 3],
  ["x + (x + relu(x))", (x) => add(x, add(x, relu(x))), 3],
  ["x + x + x + x", (x) => add(add(add(x, x), x), x), 4],
  ["(x + x) + (x + x)", (x) => add(add(x, x), add(x, x)), 4],
];

const cases = kernels.flatMap(([op, f]) =>
  inputs.map(([text, of, times]) => [`${op}(${text})`, f, of, times] as const),
);

test.each(cases)("%s", async (_, op, of, times) => {
  const graph = new Graph();
  const x = graph.input("x", [1, 1, 1, 1]);
  const w = graph.input("w", [1, 1, 1, 1]);
  const y = op(of(x), w);
  const wrt = { dx: x, ...(op === kernels[3]![1] ? {} : { dw: w }) };
  const found = gradients(sum(y), Object.values(wrt));
  const outputs = Object.fromEntries(Object.keys(wrt).map((name, i) => [name, found[i]!]));
  const plan = await compile(gpu(), graph, { outputs });
  const { dx, dw } = await plan.run({ x: Float32Array.of(2), w: Float32Array.of(5) });
  plan.destroy();
  expect(dx![0]).toBe(times * (dw ? 5 : 1));
  expect(dw?.[0]).toBe(dw && 2 * times);
});

test("beside a further use of the operand", async () => {
  const graph = new Graph();
  const x = graph.input("x", [1, 1, 1, 1]);
  const w = graph.input("w", [1, 1, 1, 1]);
  const [dx] = gradients(sum(add(conv2d(add(add(x, w), x), w), relu(x))), [x]);
  const plan = await compile(gpu(), graph, { outputs: { dx: dx! } });
  expect((await plan.run({ x: Float32Array.of(2), w: Float32Array.of(5) })).dx[0]).toBe(11);
  plan.destroy();
});
