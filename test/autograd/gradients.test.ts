import { expect, test } from "vitest";
import { conv2d } from "../../src/autograd/conv2d.ts";
import { add, sum } from "../../src/autograd/elementwise.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
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
    return { result: result!, accumulates, nodes: plan.summary.nodes };
  };
  const once = await run(false);
  const twice = await run(true);
  expect(once.accumulates).toBe(0);
  // The gradient of x + x is one more than that of x, everywhere.
  for (const [i, value] of twice.result.entries()) expect(value).toBeCloseTo(once.result[i]! + 1, 4);
});
