/** TensorFlow.js on WebGPU. */
import type { Gpu } from "../../../src/gpu/gpu.ts";
import { createInference } from "../tfjs/inference.ts";
import { createKernel, type Session } from "../tfjs/kernels.ts";
import { flush, releaseDevice, tf, useBackend, useDevice } from "../tfjs/library.ts";
import type { Peer } from "../peer.ts";
import { TfjsStep } from "./step.ts";

async function session(gpu: Gpu): Promise<Session> {
  const backend = await useDevice(gpu);
  return {
    use: () => useBackend("webgpu"),
    async idle() {
      flush(backend);
      await gpu.idle();
    },
  };
}

export const peer: Peer = {
  name: "tfjs-webgpu",
  version: tf.version["tfjs"],
  createStep: (gpu, setup) => TfjsStep.create(gpu, setup),
  createInference: async (gpu, setup) => createInference(await session(gpu), setup),
  createKernel: async (gpu, c, operands) => createKernel(await session(gpu), c, operands),
  release: releaseDevice,
};
