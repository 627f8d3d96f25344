/** Adapters with several subgroup sizes: one is pinned, and shaders request it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { batchNormStatisticsSubgroup } from "../../shaders/batch_norm_subgroup.wgsl.ts";
import { reduceAll } from "../../shaders/reduce_all.wgsl.ts";
import { featuresOf, readCapabilities, type UsefulFeature } from "../../src/gpu/capabilities.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { pinSubgroupSize } from "../../src/gpu/subgroups.ts";
import { openDawn } from "../../src/node/dawn.ts";
import { runnerOnNode } from "../support/kernel-suite.ts";
import { compareLine } from "../support/reference.ts";
import type { Runner } from "../support/runner.ts";
import { slow } from "../support/selection.ts";

const info = (min?: number, max?: number) =>
  ({
    vendor: "amd",
    architecture: "rdna-3",
    device: "",
    description: "",
    ...(min === undefined ? {} : { subgroupMinSize: min, subgroupMaxSize: max }),
  }) as GPUAdapterInfo;

const device = (...features: UsefulFeature[]) =>
  ({ features: new Set<string>(features), limits: {} }) as unknown as GPUDevice;

const both = ["subgroups", "subgroup-size-control"] as const;

describe("the size that kernels are written for", () => {
  test.each<[string, UsefulFeature[], [number?, number?], number | undefined, boolean]>([
    ["the only one", ["subgroups"], [8, 8], 8, false],
    ["the only one, with size control", [...both], [32, 32], 32, false],
    ["32 of AMD's 32 and 64", [...both], [32, 64], 32, true],
    ["32 of Intel's 8 to 32", [...both], [8, 32], 32, true],
    ["the smallest where all are larger than 32", [...both], [64, 128], 64, true],
    ["the largest where all are smaller", [...both], [4, 16], 16, true],
    ["none of several without size control", ["subgroups"], [32, 64], undefined, false],
    ["none without subgroups", [], [32, 32], undefined, false],
    ["none below four lanes", [...both], [1, 2], undefined, false],
    ["none where the adapter does not tell", [...both], [], undefined, false],
  ])("%s", (_, features, sizes, subgroupSize, pinsSubgroupSize) => {
    expect(readCapabilities(device(...features), info(...sizes))).toMatchObject({ subgroupSize, pinsSubgroupSize });
  });

  test("hiding a feature hides what depends on it", () => {
    const all = device(...both);
    const sizes = info(32, 64);
    expect(readCapabilities(all, sizes, { without: ["subgroups"] }).subgroupSize).toBeUndefined();
    expect(readCapabilities(all, sizes, { without: ["subgroup-size-control"] }).subgroupSize).toBeUndefined();
    const adapter = { features: new Set(both), info: sizes };
    expect(featuresOf(adapter, {})).toEqual(both);
    // A device with subgroup-size-control has subgroups, asked for or not.
    expect(featuresOf(adapter, { without: ["subgroups"] })).toEqual([]);
    expect(featuresOf(adapter, { without: ["subgroup-size-control"] })).toEqual(["subgroups"]);
  });

  test("size control is asked for only where there are several sizes", () => {
    expect(featuresOf({ features: new Set(both), info: info(8, 8) }, {})).toEqual(["subgroups"]);
  });
});

describe("a shader's text", () => {
  test("asks for the size right after it enables subgroups, and at its entry point", () => {
    const code = batchNormStatisticsSubgroup(32, 4, 1e-5, 0.1);
    const pinned = pinSubgroupSize(code, 32);
    expect(pinned).toContain("enable subgroups; enable subgroup_size_control;\n");
    expect(pinned.match(/@compute @subgroup_size\(32\) @workgroup_size\(32\)/g)).toHaveLength(1);
    expect(pinned.replace(" enable subgroup_size_control;", "").replace(" @subgroup_size(32)", "")).toBe(code);
  });

  test("stays as it is without subgroups", () => {
    const code = reduceAll(64);
    expect(pinSubgroupSize(code, 32)).toBe(code);
  });
});

/** Every kernel that has a variant by subgroups. */
const cases = [
  ["conv2d", "k3"],
  ["batch_norm", "c20-relu-residual"],
  ["minmax_normalize", "n2"],
] as const;

describe("on this adapter, as if it had several sizes", () => {
  let gpu: Gpu;
  let runner: Runner;
  const shaders: string[] = [];
  beforeAll(async () => {
    const { adapter } = await openDawn();
    const size = adapter.info.subgroupMaxSize;
    // The size that is pinned then is the one that it has.
    const several = new Proxy(adapter, {
      get(target, key) {
        if (key === "info") return Object.assign(info(4, size), { isFallbackAdapter: true });
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    gpu = await Gpu.create(several);
    const { device } = gpu;
    const create = device.createShaderModule.bind(device);
    device.createShaderModule = (descriptor) => {
      shaders.push(descriptor.code);
      return create(descriptor);
    };
    runner = await runnerOnNode(gpu);
  });
  afterAll(() => {
    gpu.check();
    gpu.destroy();
  });

  test("every variant by subgroups compiles with the size pinned, and agrees with PyTorch", slow, async () => {
    expect(gpu.caps).toMatchObject({ pinsSubgroupSize: true, subgroupSize: gpu.info.subgroupMaxSize });
    for (const [op, name] of cases) {
      const { comparisons } = await runner.op(op, name);
      expect(comparisons.filter(({ error, bar }) => !(error <= bar)).map(compareLine)).toEqual([]);
    }
    const users = shaders.filter((code) => code.includes("enable subgroups;"));
    expect(users.length).toBeGreaterThan(5);
    expect(users.filter((code) => !code.includes("@subgroup_size("))).toEqual([]);
  });
});
