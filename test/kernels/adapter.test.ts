/** The kernels with everything that this adapter offers. */
import { beforeAll, describe } from "vitest";
import { useGpu } from "../support/gpu.ts";
import { kernelSuite, runnerOnNode } from "../support/kernel-suite.ts";
import { adapterSample } from "../support/selection.ts";
import type { Runner } from "../support/runner.ts";

const gpu = useGpu();
let runner: Runner;
beforeAll(async () => {
  runner = await runnerOnNode(gpu());
});

describe("with all that the adapter has", () =>
  kernelSuite(() => runner, { sample: adapterSample, quick: { every: 2, whole: ["every-block"] } }));
