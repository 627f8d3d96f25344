/** Kernels of a network's training step, measured one by one. */
import { describe, expect, test } from "vitest";
import type { BenchContext } from "../../bench/contest.ts";
import { opBenchmarks } from "../../bench/list.ts";
import { networkNamed, networkNames } from "../../bench/networks.ts";
import { benchOp, opCases, type OpCase } from "../../bench/ops.ts";
import { createOp } from "../../bench/ours/op.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { adamKernel } from "../../src/kernels/adam.ts";
import { bytesMoved } from "../../src/kernels/kernel.ts";
import { models } from "../../src/models/registry.ts";
import { useGpu } from "../support/gpu.ts";
import { dawdle, good, kernelOf, plain, variant } from "../tune/support.ts";
import { slow } from "../support/selection.ts";

const known = new Map<string, OpCase[]>();
function casesOf(network: string): OpCase[] {
  const cases = known.get(network) ?? opCases(networkNamed(network, "quick"));
  known.set(network, cases);
  return cases;
}
const kinds = (network: string) => new Set(casesOf(network).map(({ kernel }) => kernel.name));

describe("the networks", () => {
  test("are all models, and MGA-Net with SE and CBAM", () => {
    expect(networkNames).toEqual([...models.map(({ id }) => id), "mganet-se", "mganet-cbam"]);
    expect(networkNamed("mganet-cbam", "paper", 2)).toMatchObject({
      fusion: "cbam",
      width: 1,
      size: [224, 224],
      batch: 2,
    });
    expect(() => networkNamed("vgg", "quick")).toThrow(
      `--model vgg: no network is called so; there are ${networkNames.join(", ")}`,
    );
    expect(() => networkNamed("constructor", "quick")).toThrow("no network is called so");
  });
});

describe("the kernels of a step", () => {
  test.each([
    ["swin_t", ["layerNorm", "layerNorm.inputGrad", "layerNorm.parameterGrads", "gelu", "gelu.grad", "spaceToDepth"]],
    ["swin_t", ["windowPartition", "windowReverse", "relativePositionBias", "relativePositionBias.grad", "mulSamples"]],
    ["swin_t", ["selfAttention", "selfAttention.grad", "matmul", "softmax", "softmax.inputGrad"]],
    ["vit_b_16", ["prependToken", "firstToken", "selfAttention", "selfAttention.grad", "matmul"]],
    ["inception_v3", ["avgPool2d", "avgPool2d.inputGrad", "cat", "split"]],
    ["vgg16_bn", ["adaptiveAvgPool2d", "adaptiveAvgPool2d.inputGrad", "mul"]],
    ["mganet-cbam", ["globalMaxPool", "channelMeanMax", "mulMap", "mulMap.mapGrad", "mulChannels"]],
    ["mganet-se", ["mulChannels", "mulChannels.factorGrad"]],
  ])("of %s have %j among them", (network, expected) => {
    expect([...kinds(network)]).toEqual(expect.arrayContaining(expected));
  });

  test("have grouped convolutions among them", () => {
    const grouped = casesOf("resnext50_32x4d").filter(({ kernel: { name, inputs } }) => {
      return name === "conv2d" && inputs[1]!.shape[2]! < inputs[0]!.shape[3]!;
    });
    expect(grouped.length).toBeGreaterThan(3);
  });

  test("are there once, with shapes of their own or a number, and only if they are worth it", () => {
    const cases = casesOf("swin_t");
    const names = cases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("op/layerNorm/8x24x24x32,32,32-8x24x24x32,4608,4608");
    // Shifted by half a window, and not; products with a matrix, and with its transpose.
    expect(names.filter((name) => name.startsWith("op/windowPartition/8x24x24x32-"))).toEqual([
      "op/windowPartition/8x24x24x32-128x49x32",
      "op/windowPartition/8x24x24x32-128x49x32#2",
    ]);
    expect(names.filter((name) => name.startsWith("op/matmul/128x49x49,"))).toEqual([
      "op/matmul/128x49x49,128x49x32-128x49x32",
      "op/matmul/128x49x49,128x49x32-128x49x32#2",
    ]);
    expect(names.filter((name) => name.startsWith("op/adam"))).toEqual([]);
    for (const { kernel } of cases) expect(bytesMoved(kernel) >= 2 ** 16 || kernel.flops >= 1e6).toBe(true);
    expect(opBenchmarks("swin_t", "quick").map(({ name }) => name)).toEqual(names);
  });

  test("of the paper's preset are of two images", slow, () => {
    const names = opBenchmarks("vit_b_16", "paper").map(({ name }) => name);
    expect(names).toContain("op/gelu/2x197x3072-2x197x3072");
  });
});

describe("a kernel by itself", () => {
  const gpu = useGpu();
  const contextOf = (gpu: Gpu): BenchContext => {
    const [rates, effort] = [
      { peak: 10, bandwidth: 5 },
      { rounds: 3, budgetMs: 1, thorough: false },
    ];
    return { gpu, ...rates, peers: [], say: () => {}, ...effort };
  };

  test("is timed, with the bytes that it moves", async () => {
    const kernel = { ...kernelOf([good, plain]), flops: 0 };
    const { ours, ...result } = await benchOp(contextOf(gpu()), { name: "op/twice/x", kernel, batch: 8 });
    expect(result).toEqual({ name: "op/twice/x", group: "kernel", batch: 8, rounds: 3, peers: {}, ratios: {} });
    expect(ours.gbs).toBeCloseTo(bytesMoved(kernel) / ours.medianMs / 1e6);
    expect(ours.copyFraction).toBeCloseTo(ours.gbs! / 5);
  });

  test("is not timed if it computes something else than its plain variant", async () => {
    const wrong = variant("wrong", "y[i] = 2.001 * x[i];");
    const op = { name: "op/twice/x", kernel: kernelOf([wrong, plain]), batch: 8 };
    await expect(benchOp(contextOf(gpu()), op)).rejects.toThrow(
      /^op\/twice\/x: relative error 5\.0e-4 to the plain variant/,
    );
  });

  test("runs as the plain variant if asked, and brings back updates and what is f32", async () => {
    const kernel = kernelOf([good, variant("plain", `${dawdle} y[i] = 3.0 * x[i];`)]);
    const results = [];
    for (const plain of [false, true]) {
      const op = await createOp(gpu(), kernel, { plain });
      results.push((await op.results())[0]!);
      op.destroy();
    }
    expect(results[1]![7]! / results[0]![7]!).toBeCloseTo(1.5);
    const adam = await createOp(gpu(), adamKernel(8, { beta1: 0.9, beta2: 0.999, eps: 1e-8 }));
    expect((await adam.results()).map((values) => values.length)).toEqual([8, 8, 8]);
    adam.destroy();
  });
});
