/** The norm of many gradients, among gaps that hold anything. */
import { expect, test } from "vitest";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { gradientNormKernel, gradientSquaresKernel, partialsOf } from "../../src/kernels/gradient-norm.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const limited = useGpu({ maxBindingBytes: 64 * 1024 });

const sizes: Record<string, number[]> = {
  "of no multiple of 4": [1, 2, 3, 5, 63, 65, 127],
  "of several chunks": [4095, 4096, 4097, 3, 9001, 64, 50_003],
  "more than one table holds": new Array<number>(2500).fill(0).map((_, i) => 1 + (i % 67)),
};

test.each(Object.entries(sizes))("tensors %s", async (_, floats) => {
  let total = 64;
  const tensors = floats.map((n) => {
    const offset = total;
    total += 64 * Math.ceil(n / 64) + 64 * (n % 2);
    return { offset, floats: n };
  });
  const g = new Float32Array(total).fill(NaN);
  let squares = 0;
  for (const { offset, floats } of tensors) {
    for (let i = offset; i < offset + floats; i++) {
      g[i] = Math.sin(i * i);
      squares += g[i]! ** 2;
    }
  }
  const found: number[][] = [];
  for (const on of [gpu(), limited()]) {
    const graph = new Graph();
    const [part] = graph.record(gradientSquaresKernel(total, tensors), [graph.input("g", [total])]);
    const [norm, factor] = graph.record(gradientNormKernel(partialsOf(tensors), 2), [part!]);
    const plan = await compile(on, graph, { outputs: { norm: norm!, factor: factor! } });
    const out = await plan.run({ g });
    found.push([out["norm"][0]!, out["factor"][0]!]);
    plan.destroy();
  }
  const expected = Math.sqrt(squares);
  expect(Math.abs(found[0]![0]! / expected - 1)).toBeLessThan(1e-6);
  expect(Math.abs(found[0]![1]! / Math.min(1, 2 / (expected + 1e-6)) - 1)).toBeLessThan(1e-6);
  // However the work is cut, the same values are added in the same order.
  expect(found[1]).toEqual(found[0]);
});
