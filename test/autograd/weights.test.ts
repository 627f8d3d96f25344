/** Weighted cross-entropy, value and gradient, against its definition in double precision. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { gradients } from "../../src/autograd/gradients.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { openGpu } from "../../src/node/open-gpu.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.destroy());

const label = [0, 1, 1, 0, 1];
const logits = [0.3, -1.2, 2, 0.5, -0.7, 0.1, 1.5, 1.4, -3, 2];

/** sum w l / sum w, and its gradient, as PyTorch defines `cross_entropy(z, label, weight=w)`. */
function reference(weight: readonly number[]) {
  const total = label.reduce((sum, k) => sum + weight[k]!, 0);
  let loss = 0;
  const gradient = label.flatMap((k, n) => {
    const z = [logits[2 * n]!, logits[2 * n + 1]!];
    const sum = Math.exp(z[0]!) + Math.exp(z[1]!);
    const share = weight[k]! / total;
    loss += share * (Math.log(sum) - z[k]!);
    return z.map((value, j) => share * (Math.exp(value) / sum - (j === k ? 1 : 0)));
  });
  return { loss, gradient };
}

async function run(weight: readonly number[] | undefined) {
  const graph = new Graph({ training: true });
  const z = graph.input("z", [5, 2]);
  const loss = crossEntropy(z, graph.input("label", [5], "u32"), weight);
  const [gradient] = gradients(loss, [z]);
  const plan = await compile(gpu, graph, { outputs: { loss, gradient: gradient! } });
  return plan.run({ z: Float32Array.from(logits), label: Uint32Array.from(label) });
}

test.each([[[1, 1]], [[0.4, 2.5]], [[3, 0.01]]])("weights %j", async (weight) => {
  const out = await run(weight);
  const expected = reference(weight);
  expect(out["loss"][0]).toBeCloseTo(expected.loss, 5);
  expected.gradient.forEach((value, i) => expect(out["gradient"][i]).toBeCloseTo(value, 5));
});

test("equal weights are none at all, and weights that make no sense are refused", async () => {
  const [equal, none] = [await run([7, 7]), await run(undefined)];
  expect(equal["loss"][0]).toBeCloseTo(none["loss"][0]!, 6);
  for (const weight of [[1], [1, 0], [1, NaN], [1, -1]]) {
    await expect(run(weight)).rejects.toThrow(/crossEntropy: weights .* are not 2 positive numbers/);
  }
});
