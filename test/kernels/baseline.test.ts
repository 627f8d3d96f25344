/** The kernels on a minimal adapter: no optional feature, and no limit above WebGPU's guarantees. */
import { beforeAll, describe, expect, it } from "vitest";
import { usefulFeatures } from "../../src/gpu/capabilities.ts";
import { useGpu } from "../support/gpu.ts";
import { kernelSuite, robust, runnerOnNode } from "../support/kernel-suite.ts";
import type { Runner } from "../support/runner.ts";

const gpu = useGpu({ without: usefulFeatures, defaultLimits: true });
let runner: Runner;
beforeAll(async () => {
  runner = await runnerOnNode(gpu());
});

describe("without optional features, at default limits", () => {
  it("is held to them", () => {
    const { device, caps } = gpu();
    expect(usefulFeatures.filter((feature) => device.features.has(feature))).toEqual([]);
    expect(caps).toMatchObject({
      subgroupSize: undefined,
      f16: false,
      timestamps: false,
      maxBindingBytes: 128 * 2 ** 20,
      maxBufferBytes: 256 * 2 ** 20,
      maxStorageBuffers: 8,
      maxWorkgroupBytes: 16 * 2 ** 10,
      maxInvocations: 256,
      offsetAlignment: 256,
    });
  });
  kernelSuite(() => runner, { whole: robust, sample: 3, quick: { every: 24, whole: [], rounds: "first" } });
});
