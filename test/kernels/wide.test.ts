/** The kernels on lavapipe with 16 lanes, the width of AVX-512, whatever this machine's CPU has. */
import { afterAll, describe, expect, it } from "vitest";
import { openGpu } from "../../src/node/open-gpu.ts";
import { kernelSuite, robust, runnerOnNode } from "../support/kernel-suite.ts";

// lavapipe reads it as it is loaded, which in this process is yet to come.
process.env["LP_NATIVE_VECTOR_WIDTH"] = "512";
const gpu = await openGpu();
const runner = await runnerOnNode(gpu);
const lavapipe = /llvmpipe/.test(`${gpu.info.device} ${gpu.info.description}`);
if (!lavapipe) console.warn("The kernels are not tested with 16 lanes: only lavapipe can be told how many it has.");
afterAll(() => {
  gpu.check();
  gpu.destroy();
});

describe.skipIf(!lavapipe)("with 16 lanes", () => {
  it("has them", () => expect(gpu.caps.subgroupSize).toBe(16));
  kernelSuite(() => runner, { whole: robust, cases: 3, sample: 12 });
});
