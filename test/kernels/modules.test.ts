/** The modules that kernels need: without the others, a plan runs what it would run with all. */
import { describe, expect, it, test } from "vitest";
import { leastCapabilities, type Capabilities } from "../../src/gpu/capabilities.ts";
import * as batchNormSubgroup from "../../src/kernels/batchnorm-subgroup.ts";
import { batchNormParameterGrads, batchNormTrainingStats } from "../../src/kernels/batchnorm.ts";
import { conv2dForward, conv2dInputGrad, conv2dShape, conv2dWeightGrad } from "../../src/kernels/conv2d.ts";
import { everyVariant } from "../../src/kernels/every.ts";
import { gradientNormKernel } from "../../src/kernels/gradient-norm.ts";
import { contextOf, type Kernel, type LoweringContext, type KernelModule } from "../../src/kernels/kernel.ts";
import * as seldom from "../../src/kernels/seldom.ts";
import { concatKernel, interpolateKernel } from "../../src/kernels/spatial.ts";
import * as winograd from "../../src/kernels/winograd.ts";

const gpu = { ...leastCapabilities, adapterClass: "discrete", subgroupSize: 32 } as const satisfies Capabilities;
const adapters: Record<string, Capabilities> = {
  "a GPU": gpu,
  "a GPU without subgroups": { ...gpu, adapterClass: "integrated", subgroupSize: undefined },
  "a software adapter": { ...leastCapabilities, subgroupSize: 8 },
  "a software adapter without subgroups": leastCapabilities,
};

const all = { seldom, winograd, "batchnorm-subgroup": batchNormSubgroup };
/** With these modules alone. */
const loadedFor = (context: LoweringContext, modules: readonly KernelModule[]): LoweringContext => ({
  ...context,
  loaded: Object.fromEntries(modules.map((name) => [name, all[name]])),
});
const needs = (kernel: Kernel, caps: Capabilities, flags: { frozen?: boolean; half?: boolean } = {}) => [
  ...(kernel.needs?.(contextOf(caps, flags)) ?? []),
];

/** Of few and many channels, groups and pixels. */
const shapes = [1, 3, 4, 64, 256].flatMap((ci) =>
  [1, 3, 4, 64, 256].flatMap((co) =>
    [1, 3].flatMap((k) =>
      [1, 2].flatMap((stride) =>
        [1, 4, ci]
          .filter((groups) => ci % groups === 0 && co % groups === 0)
          .flatMap((groups) =>
            [
              [1, 7],
              [16, 56],
            ].map(([n, side]) =>
              conv2dShape([n!, side!, side!, ci], [k, k, ci / groups, co], { stride, padding: k >> 1, groups }),
            ),
          ),
      ),
    ),
  ),
);

describe.each(Object.entries(adapters))("on %s", (_, caps) => {
  test("the first variant of every convolution is the same with what it needs as with all", () => {
    expect(shapes.length).toBeGreaterThan(300);
    for (const s of shapes) {
      for (const kernel of [conv2dForward(s, { bias: true }), conv2dInputGrad(s), conv2dWeightGrad(s)]) {
        const inference = [{ frozen: true }, { frozen: true, half: true }];
        for (const flags of kernel.name === "conv2d" ? [{}, ...inference] : [{}]) {
          const context = contextOf(caps, flags);
          const [first] = kernel.lower(loadedFor(context, needs(kernel, caps, flags)));
          const [expected] = kernel.lower({ ...context, loaded: all });
          if (JSON.stringify(first) === JSON.stringify(expected)) continue;
          expect(first, `${kernel.name} ${JSON.stringify(s)}`).toEqual(expected);
        }
      }
    }
  });
});

describe.each(Object.entries(adapters))("on %s", (_, caps) => {
  // Of few and many rows and channels; the limits of rows lie at 1024 and 10,000.
  const xs = [1, 4, 48].flatMap((c) =>
    [
      [2, 1, 1],
      [32, 4, 4],
      [16, 8, 8],
      [1, 25, 41],
      [1, 100, 100],
      [1, 73, 137],
      [8, 56, 56],
    ].map((nhw) => [...nhw, c]),
  );
  test("every variant of batch normalisation's sums is the same with what they need as with all", () => {
    const found = new Set<string>();
    for (const x of xs) {
      const parameterGrads = [false, true].map((relu) => batchNormParameterGrads(x, relu));
      for (const kernel of [batchNormTrainingStats(x, 1e-5, 0.1), ...parameterGrads]) {
        const context = contextOf(caps);
        const expected = kernel.lower({ ...context, loaded: all });
        expect(kernel.lower(loadedFor(context, needs(kernel, caps)))).toEqual(expected);
        found.add(expected.map(({ variant }) => variant).join());
      }
    }
    // Both were tried: few rows where there are subgroups, and the rest.
    expect([...found].sort()).toEqual(caps.subgroupSize === undefined ? ["plain"] : ["plain", "subgroup,plain"]);
  });
});

describe("what is needed", () => {
  const few = conv2dShape([32, 14, 14, 16], [3, 3, 16, 32], { padding: 1 });
  const many = conv2dShape([32, 56, 56, 256], [3, 3, 256, 256], { padding: 1 });

  it("is nothing for a small network's convolutions on a GPU, and Winograd's method for large ones", () => {
    for (const kernel of [conv2dForward(few), conv2dInputGrad(few), conv2dWeightGrad(few)]) {
      expect(needs(kernel, gpu)).toEqual([]);
      expect(needs(kernel, leastCapabilities)).toEqual(["seldom", "winograd"]);
    }
    expect(needs(conv2dForward(many), gpu)).toEqual(["winograd"]);
  });

  it("is more for several groups, for operands in parts, and for clipping", () => {
    const grouped = conv2dShape([2, 8, 8, 16], [3, 3, 4, 16], { groups: 4 });
    expect(needs(conv2dForward(grouped), gpu)).toEqual(["seldom"]);
    expect(needs(conv2dForward(conv2dShape([1, 8, 8, 1], [3, 3, 1, 1])), gpu)).toEqual(["seldom"]);
    expect(needs(gradientNormKernel(64, 1), gpu)).toEqual(["seldom"]);
    const small = conv2dShape([1, 8, 8, 16], [3, 3, 16, 8], { padding: 1 });
    const enlarged = interpolateKernel([1, 4, 4, 8], [8, 8]).traits!.assembly!.sources;
    const both = concatKernel([
      [1, 8, 8, 8],
      [1, 8, 8, 8],
    ]).traits!.assembly!;
    const assembled = conv2dForward(small).traits!.withSources!({ ...both, sources: [...enlarged, both.sources[1]!] });
    expect(needs(assembled!, gpu)).toEqual(["seldom"]);
    const labels = everyVariant(assembled!, gpu).map(({ variant, dispatches }) => [variant, dispatches[0]!.label]);
    expect(labels).toContainEqual(["tiled", "interpolate"]);
    expect(labels).toContainEqual(["winograd4", "conv2d.weights"]);
  });

  it("is one more for batch normalisation of few rows where there are subgroups", () => {
    for (const of of [
      (x: number[]) => batchNormTrainingStats(x, 1e-5, 0.1),
      (x: number[]) => batchNormParameterGrads(x, false),
    ]) {
      expect(needs(of([16, 8, 8, 16]), gpu)).toEqual(["batchnorm-subgroup"]);
      expect(needs(of([16, 8, 8, 16]), { ...gpu, subgroupSize: undefined })).toEqual([]);
      expect(needs(of([32, 8, 8, 16]), gpu)).toEqual([]);
    }
  });

  it("has to be there", () => {
    const sums = batchNormParameterGrads([16, 8, 8, 16], false);
    expect(() => sums.lower(contextOf(gpu))).toThrow("needs, batchnorm-subgroup");
    expect(() => conv2dForward(few).lower(contextOf(leastCapabilities))).toThrow("needs, seldom");
    expect(() => conv2dForward(many).lower(contextOf(gpu))).toThrow("needs, winograd");
    expect(() => gradientNormKernel(64, 1).lower(contextOf(gpu))).toThrow("needs, seldom");
  });
});
