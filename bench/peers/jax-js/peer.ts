/** jax-js on WebGPU: every computation is jitted as a whole. */
import { packageVersion } from "../version.ts";
import type { Peer } from "../peer.ts";
import { createKernel } from "./kernels.ts";

export const peer: Peer = {
  name: "jax-js",
  version: packageVersion("@jax-js/jax"),
  createKernel,
};
