/** jax-js on WebGPU: every computation is jitted as a whole. */
import { packageVersion } from "../version.ts";
import type { Peer } from "../peer.ts";
import { createInference } from "./inference.ts";
import { createKernel } from "./kernels.ts";
import { JaxStep } from "./step.ts";

export const peer: Peer = {
  name: "jax-js",
  version: packageVersion("@jax-js/jax"),
  createStep: (gpu, setup) => JaxStep.create(gpu, setup),
  createInference,
  createKernel,
};
