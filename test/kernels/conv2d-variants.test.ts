/**
 * The variants of convolution's three passes that are chosen for adapters which are not at hand, beyond what baseline.test.ts sees: for
 * a discrete GPU, for which sums are cut into more splits, against PyTorch in float64; and large shapes, which the reference files have
 * no room for, against the plain variant.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import type { Epilogue } from "../../shaders/lib/epilogue.ts";
import type { Capabilities } from "../../src/gpu/capabilities.ts";
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
import { sizeOf, type Kernel, type Lowering } from "../../src/kernels/kernel.ts";
import { FORWARD_BAR, GRADIENT_BAR } from "../support/check-op.ts";
import { useGpu } from "../support/gpu.ts";
import { fromTorch, ops, toTorch } from "../support/ops.ts";
import { dataFile, parseReference, parseTable, relativeError, type OpCase } from "../support/reference.ts";

const at = (file: string) => readFileSync(new URL(`../reference/${file}`, import.meta.url));
const cases = parseTable(at("cases.json").toString())["conv2d"]!;
const reference = parseReference(at(dataFile("conv2d")), "conv2d");
const op = ops["conv2d"]!;
const gpu = useGpu();

/** A software adapter with WebGPU's default limits and no optional feature. */
const least: Capabilities = {
  adapterClass: "software",
  subgroupSize: undefined,
  f16: false,
  timestamps: false,
  maxBindingBytes: 2 ** 27,
  maxBufferBytes: 2 ** 28,
  maxStorageBuffers: 8,
  maxWorkgroupBytes: 2 ** 14,
  maxInvocations: 256,
  maxWorkgroups: 65535,
  offsetAlignment: 256,
};
const discrete: Capabilities = { ...least, adapterClass: "discrete" };

/** What a kernel makes of the inputs when lowered in one way. */
async function runLowering(gpu: Gpu, kernel: Kernel, lowering: Lowering, inputs: readonly Float32Array[]) {
  const graph = new Graph({ training: true });
  const tensors = kernel.inputs.map(({ shape }, i) => graph.input(`in${i}`, shape));
  const [result] = graph.record({ ...kernel, lower: () => [lowering] }, tensors);
  const plan = await compile(gpu, graph, { outputs: { result: result! } });
  try {
    return (await plan.run(Object.fromEntries(inputs.map((values, i) => [`in${i}`, values]))))["result"]!;
  } finally {
    plan.destroy();
  }
}

const textOf = ({ dispatches }: Lowering): string => JSON.stringify(dispatches);

/** The variants for a discrete GPU that are not those for the least of adapters. */
function lowerings(kernel: Kernel): Lowering[] {
  const known = new Set(kernel.lower(least).map(textOf));
  return kernel.lower(discrete).filter((lowering) => !known.has(textOf(lowering)));
}

interface Pass {
  kernel: Kernel;
  inputs: readonly Float32Array[];
  /** What it is compared with. */
  key: string;
  bar: number;
}

function passesOf({ name, params }: OpCase): Pass[] {
  const values = reference.values(name);
  const ours = (key: string) => {
    const { shape, data } = values.get(key)!;
    return fromTorch(op, key.slice(key.indexOf(".") + 1), shape, data as Float32Array);
  };
  const [x, weight, dy] = [ours("in.x"), ours("in.weight"), ours("dy.y")];
  const bias = values.has("in.bias") ? [ours("in.bias").data] : [];
  const s = conv2dShape(x.shape, weight.shape, params);
  const forward = conv2dForward(s, { bias: bias.length > 0 });
  return [
    { kernel: forward, inputs: [x.data, weight.data, ...bias], key: "out.y", bar: FORWARD_BAR },
    { kernel: conv2dInputGrad(s), inputs: [dy.data, weight.data], key: "grad.x", bar: GRADIENT_BAR },
    { kernel: conv2dWeightGrad(s), inputs: [x.data, dy.data], key: "grad.weight", bar: GRADIENT_BAR },
  ];
}

const differing = cases
  .map((testCase) => ({
    name: testCase.name,
    passes: passesOf(testCase).filter((p) => lowerings(p.kernel).length > 0),
  }))
  .filter(({ passes }) => passes.length > 0);

it("sums of the reference cases are split in all three passes", () => {
  const keys = differing.flatMap(({ passes }) => passes.map(({ key }) => key));
  expect(new Set(keys)).toEqual(new Set(["out.y", "grad.x", "grad.weight"]));
});

describe("what is chosen for a discrete GPU agrees with PyTorch in float64", () => {
  it.each(differing)("$name", async ({ name, passes }) => {
    for (const { kernel, inputs, key, bar } of passes) {
      const expected = reference.values(name).get(key)!.data;
      const least = Math.max(bar, 4 * reference.float32Error(name, key));
      for (const lowering of lowerings(kernel)) {
        const result = await runLowering(gpu(), kernel, lowering, inputs);
        const actual = toTorch(op, key.slice(key.indexOf(".") + 1), kernel.outputs[0]!.shape, result);
        const error = relativeError(actual, expected);
        expect(error, `relative L2 error of ${key} by ${lowering.variant}`).toBeLessThanOrEqual(least);
      }
    }
  });
});

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

describe.each([
  ["the least of adapters", least],
  ["a discrete GPU", discrete],
])("large shapes, for %s, agree with the plain variant", (_, caps) => {
  test.each(large)("%s", async (name, x, weight, options, epilogue) => {
    const s = conv2dShape(x, weight, options);
    const passes: [Kernel, number][] = [
      [conv2dForward(s, epilogue), FORWARD_BAR],
      [conv2dInputGrad(s, epilogue.plus), GRADIENT_BAR],
      [conv2dWeightGrad(s), GRADIENT_BAR],
    ];
    for (const [kernel, bar] of passes) {
      const inputs = kernel.inputs.map(({ shape }, i) => scattered(sizeOf(shape), i + 1));
      const variants = kernel.lower(caps);
      expect(variants.map((l) => l.variant)).toContain(name === "depthwise" ? "depthwise" : "tiled");
      const expected = await runLowering(gpu(), kernel, variants.at(-1)!, inputs);
      for (const lowering of variants.slice(0, -1)) {
        const error = relativeError(await runLowering(gpu(), kernel, lowering, inputs), expected);
        expect(error, `${kernel.name} by ${lowering.variant}`).toBeLessThanOrEqual(bar);
      }
    }
  });
});
