import { expect, test } from "vitest";
import { conv2d } from "../../src/autograd/conv2d.ts";
import { add, mul, sigmoid, sum } from "../../src/autograd/elementwise.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { openGpu } from "../../src/node/open-gpu.ts";

test("a convolution's input gradient adds the tensor's other gradients itself, to the same result", async () => {
  const gpu = await openGpu();
  const shape = [2, 5, 6, 8];
  const build = (apart: boolean) => {
    const graph = new Graph();
    const x = graph.input("x", shape);
    const weight = graph.input("weight", [3, 3, 8, 8]);
    const y = conv2d(x, weight, undefined, { padding: 1 });
    // Through another op of no effect, the sum's gradient reaches x by way of a kernel that cannot add.
    const loss = add(sum(y), sum(apart ? add(x, x) : x));
    const [dx] = gradients(loss, [x]);
    return { graph, dx: dx! };
  };
  const values = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(seed + i));
  const inputs = { x: values(480, 1), weight: values(576, 2) };
  const run = async (apart: boolean) => {
    const { graph, dx } = build(apart);
    const plan = await compile(gpu, graph, { outputs: { dx } });
    const accumulates = graph.nodes.filter((node) => node.kernel.name === "accumulate").length;
    const { dx: result } = await plan.run(inputs);
    return { result: result, accumulates, nodes: plan.summary.nodes };
  };
  const once = await run(false);
  const twice = await run(true);
  expect(once.accumulates).toBe(0);
  // The gradient of x + x is one more than that of x, everywhere.
  for (const [i, value] of twice.result.entries()) expect(value).toBeCloseTo(once.result[i]! + 1, 4);
});

test("given its own gradient, the gradients of a tensor are those of its product with it", async () => {
  const gpu = await openGpu();
  const shape = [3, 5];
  const [x, dy] = [1, 2].map((seed) => Float32Array.from({ length: 15 }, (_, i) => Math.sin(7 * seed + i)));
  const run = async (of: (y: Tensor, x: Tensor, dy: Tensor) => Tensor[]) => {
    const graph = new Graph();
    const [x0, dy0] = [graph.input("x", shape), graph.input("dy", shape)];
    const [dx] = of(mul(sigmoid(x0), x0), x0, dy0);
    return (await (await compile(gpu, graph, { outputs: { dx: dx! } })).run({ x: x!, dy: dy! })).dx;
  };
  const direct = await run((y, x, dy) => gradients(y, [x], dy));
  const byLoss = await run((y, x, dy) => gradients(sum(mul(y, dy)), [x]));
  expect(direct.some((v) => v !== 0)).toBe(true);
  for (const [i, value] of direct.entries()) expect(value).toBeCloseTo(byLoss[i]!, 6);
});
