/** Every variant of convolution's three passes against PyTorch in float64, with subgroups and without. */
import { describe, expect, it } from "vitest";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { conv2dForward, conv2dInputGrad, conv2dShape, conv2dWeightGrad } from "../../src/kernels/conv2d.ts";
import type { Kernel } from "../../src/kernels/kernel.ts";
import { FORWARD_BAR, GRADIENT_BAR } from "../support/check-op.ts";
import { useGpu } from "../support/gpu.ts";
import { fromTorch, ops, toTorch } from "../support/ops.ts";
import { casesOf, referenceOf, relativeError } from "../support/reference.ts";

const reference = referenceOf("conv2d");
const op = ops["conv2d"]!;

/** What each variant of a kernel makes of the inputs. */
export async function runVariants(gpu: Gpu, kernel: Kernel, inputs: readonly Float32Array[]) {
  const results = new Map<string, Float32Array>();
  for (const lowering of kernel.lower(gpu.caps)) {
    const graph = new Graph({ training: true });
    const tensors = kernel.inputs.map(({ shape }, i) => graph.input(`in${i}`, shape));
    const [result] = graph.record({ ...kernel, lower: () => [lowering] }, tensors, {});
    const plan = await compile(gpu, graph, { outputs: { result: result! } });
    const given = Object.fromEntries(inputs.map((values, i) => [`in${i}`, values]));
    results.set(lowering.variant, (await plan.run(given))["result"]!);
    plan.destroy();
  }
  return results;
}

describe.each([
  ["with subgroups", useGpu()],
  ["without subgroups", useGpu(["subgroups"])],
])("every variant of conv2d %s agrees with PyTorch in float64", (_, gpu) => {
  it.each(casesOf("conv2d").map((testCase) => [testCase.name, testCase] as const))("%s", async (name, testCase) => {
    const values = reference.values(name);
    const ours = (key: string) => {
      const { shape, data } = values.get(key)!;
      return fromTorch(op, key.slice(key.indexOf(".") + 1), shape, data as Float32Array);
    };
    const [x, weight, dy] = ["in.x", "in.weight", "dy.y"].map(ours);
    const bias = values.has("in.bias") ? [ours("in.bias").data] : [];
    const s = conv2dShape(x!.shape, weight!.shape, testCase.params);
    const passes: [Kernel, Float32Array[], string, number][] = [
      [conv2dForward(s, bias.length > 0), [x!.data, weight!.data, ...bias], "out.y", FORWARD_BAR],
      [conv2dInputGrad(s), [dy!.data, weight!.data], "grad.x", GRADIENT_BAR],
      [conv2dWeightGrad(s), [x!.data, dy!.data], "grad.weight", GRADIENT_BAR],
    ];
    for (const [kernel, inputs, key, bar] of passes) {
      const results = await runVariants(gpu(), kernel, inputs);
      expect([...results.keys()], "variants").toEqual(expect.arrayContaining(["plain", "tiled"]));
      for (const [variant, result] of results) {
        const actual = toTorch(op, key.slice(key.indexOf(".") + 1), kernel.outputs[0]!.shape, result);
        const least = 4 * reference.float32Error(name, key);
        const error = relativeError(actual, values.get(key)!.data);
        expect(error, `relative L2 error of ${key} by ${variant}`).toBeLessThanOrEqual(Math.max(bar, least));
      }
    }
  });
});
