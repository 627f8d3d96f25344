/**
 * Convolutions too large for the reference files, with several tiles or more workgroups than one dispatch dimension allows: the
 * variants chosen without subgroups and for a discrete GPU against the plain variant, which other tests compare with PyTorch.
 */
import { describe, expect, test } from "vitest";
import type { Epilogue } from "../../shaders/lib/epilogue.ts";
import { leastCapabilities, type Capabilities } from "../../src/gpu/capabilities.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { compile } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import {
  conv2dForward,
  conv2dInputGrad,
  conv2dShape,
  conv2dWeightGrad,
  type Conv2dOptions,
} from "../../src/kernels/conv2d.ts";
import { everyVariant } from "../../src/kernels/every.ts";
import { sizeOf, type Kernel, type Lowering } from "../../src/kernels/kernel.ts";
import { FORWARD_BAR, GRADIENT_BAR } from "../support/check-op.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";
import { slow } from "../support/selection.ts";

const gpu = useGpu();

const discrete: Capabilities = { ...leastCapabilities, adapterClass: "discrete" };

/** What a kernel makes of the inputs when lowered in one way. */
async function runLowering(gpu: Gpu, kernel: Kernel, lowering: Lowering, inputs: readonly Float32Array[]) {
  const graph = new Graph({ training: true });
  const tensors = kernel.inputs.map(({ shape }, i) => graph.input(`in${i}`, shape));
  const [result] = graph.record({ ...kernel, lower: () => [lowering] }, tensors);
  const plan = await compile(gpu, graph, { outputs: { result: result! } });
  try {
    return (await plan.run(Object.fromEntries(inputs.map((values, i) => [`in${i}`, values]))))["result"];
  } finally {
    plan.destroy();
  }
}

/** Shapes of several tiles with a rest in every direction, too large for the reference files; one needs more than 65535 workgroups. */
const large: [string, number[], number[], Conv2dOptions, Partial<Epilogue>][] = [
  ["odd sizes, scalar loads", [3, 13, 11, 19], [3, 3, 19, 81], { padding: 1 }, { bias: true, plus: true, relu: true }],
  ["rests in vectors", [2, 12, 11, 68], [3, 3, 68, 84], { padding: 1, stride: [2, 1], dilation: [1, 2] }, {}],
  [
    "deep sums, cut into splits",
    [5, 9, 7, 132],
    [3, 3, 132, 36],
    { padding: 1 },
    { bias: true, plus: true, relu: true },
  ],
  ["few columns", [2, 23, 21, 12], [5, 5, 12, 8], { padding: 2, stride: 3 }, { bias: true }],
  ["groups of several tiles", [2, 9, 8, 72], [3, 3, 36, 144], { padding: 1, groups: 2 }, { bias: true }],
  [
    "depthwise",
    [3, 17, 19, 40],
    [3, 5, 1, 40],
    { padding: [1, 2], stride: [1, 2], groups: 40 },
    { bias: true, plus: true },
  ],
  ["more than 65535 workgroups", [1, 2060, 2060, 1], [1, 1, 1, 1], {}, {}],
];

/** Numbers in [-1, 1) without a pattern that convolution would see. */
const scattered = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => {
    const hash = Math.imul((i + 1) ^ Math.imul(seed, 0x9e3779b1), 0x85ebca6b);
    return Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35) / 2 ** 31;
  });

/** Large enough for the tallest strips, with few channels of the result in one pass. */
const few: [number[], number[]][] = [
  [
    [1, 97, 83, 96],
    [3, 3, 96, 8],
  ],
  [
    [1, 97, 83, 11],
    [3, 3, 11, 64],
  ],
  [
    [2, 67, 61, 16],
    [3, 3, 16, 48],
  ],
  [
    [1, 97, 83, 200],
    [3, 3, 200, 4],
  ],
];

describe("large shapes of few channels, by all variants of this adapter, agree with the plain one", () => {
  test.each(few)("%j by %j", async (x, weight) => {
    const s = conv2dShape(x, weight, { padding: 1 });
    const caps = gpu().caps;
    let strips = 0;
    for (const kernel of [conv2dForward(s, {}), conv2dInputGrad(s)]) {
      const inputs = kernel.inputs.map(({ shape }, i) => scattered(sizeOf(shape), i + 1));
      const variants = everyVariant(kernel, caps);
      const expected = await runLowering(gpu(), kernel, variants.at(-1)!, inputs);
      for (const lowering of variants.filter(({ variant }) => ["strip", "subgroup"].includes(variant))) {
        const error = relativeError(await runLowering(gpu(), kernel, lowering, inputs), expected);
        expect(error, `${kernel.name} by ${lowering.variant}`).toBeLessThanOrEqual(GRADIENT_BAR);
        if (lowering.variant === "strip") strips++;
      }
    }
    expect(strips).toBe(caps.subgroupSize === undefined ? 0 : 1);
  });
});

describe("large shapes of several groups, by all variants of this adapter, agree with the plain one", () => {
  test.each<[string, number[], number[], Conv2dOptions]>([
    ["tall strips of 8 channels", [1, 97, 83, 64], [3, 3, 8, 64], { padding: 1, groups: 8 }],
    ["strips and tiles of 4 channels, odd sizes", [3, 37, 29, 20], [3, 3, 4, 20], { padding: 1, groups: 5 }],
    ["stride 2", [2, 37, 29, 48], [3, 3, 16, 48], { padding: 1, groups: 3, stride: 2 }],
    ["more channels of the result", [2, 21, 19, 24], [3, 5, 8, 60], { padding: [1, 2], groups: 3 }],
    ["scalar loads", [2, 21, 19, 9], [3, 3, 3, 15], { padding: 1, groups: 3, dilation: 2 }],
  ])("%s", async (_, x, weight, options) => {
    const s = conv2dShape(x, weight, options);
    const { caps } = gpu();
    const names = new Set<string>();
    for (const kernel of [
      conv2dForward(s, { bias: true, plus: true, relu: true }),
      conv2dInputGrad(s, true),
      conv2dWeightGrad(s),
    ]) {
      const inputs = kernel.inputs.map(({ shape }, i) => scattered(sizeOf(shape), i + 1));
      const variants = everyVariant(kernel, caps);
      const expected = await runLowering(gpu(), kernel, variants.at(-1)!, inputs);
      for (const lowering of variants.slice(0, -1)) {
        names.add(lowering.variant);
        const error = relativeError(await runLowering(gpu(), kernel, lowering, inputs), expected);
        expect(error, `${kernel.name} by ${lowering.variant}`).toBeLessThanOrEqual(FORWARD_BAR);
      }
    }
    expect(names.has("grouped")).toBe(caps.subgroupSize !== undefined);
  });
});

describe.each([
  ["the least of adapters", leastCapabilities, {}],
  ["a discrete GPU", discrete, slow],
] as const)("large shapes, for %s, agree with the plain variant", (_, caps, tags) => {
  test.each(large)("%s", tags, async (name, x, weight, options, epilogue) => {
    const s = conv2dShape(x, weight, options);
    const passes: [Kernel, number][] = [
      [conv2dForward(s, epilogue), FORWARD_BAR],
      [conv2dInputGrad(s, epilogue.plus), GRADIENT_BAR],
      [conv2dWeightGrad(s), GRADIENT_BAR],
    ];
    for (const [kernel, bar] of passes) {
      const inputs = kernel.inputs.map(({ shape }, i) => scattered(sizeOf(shape), i + 1));
      const variants = everyVariant(kernel, caps);
      expect(variants.map((l) => l.variant)).toContain(name === "depthwise" ? "depthwise" : "tiled");
      const expected = await runLowering(gpu(), kernel, variants.at(-1)!, inputs);
      for (const lowering of variants.slice(0, -1)) {
        const error = relativeError(await runLowering(gpu(), kernel, lowering, inputs), expected);
        expect(error, `${kernel.name} by ${lowering.variant}`).toBeLessThanOrEqual(bar);
      }
    }
  });
});
