/** The kernels on a software adapter with 16 lanes, the width of AVX-512, whatever this machine's processor has. */
import { beforeAll, describe, expect, it } from "vitest";
import { useGpu } from "../support/gpu.ts";
import { kernelSuite, runnerOnNode } from "../support/kernel-suite.ts";
import type { Runner } from "../support/runner.ts";

// lavapipe reads it as it is loaded, which in this process is yet to come.
process.env["LP_NATIVE_VECTOR_WIDTH"] = "512";
const gpu = useGpu();
let runner: Runner;
beforeAll(async () => {
  runner = await runnerOnNode(gpu());
});

describe("with 16 lanes", () => {
  it("has them", () => expect(gpu().caps.subgroupSize).toBe(16));
  kernelSuite(() => runner);
});
