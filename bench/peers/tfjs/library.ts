/** TensorFlow.js on our own WebGPU device. */
import tf from "@tensorflow/tfjs";
import webgpu from "@tensorflow/tfjs-backend-webgpu";
import type { Gpu } from "../../../src/gpu/gpu.ts";
import { lendDevice } from "../navigator.ts";

/** The union package and its CommonJS build, because tfjs' ES modules register no gradients on Node. */
export { tf };

/** In one submit. */
const DISPATCHES = 100;

export type Backend = InstanceType<typeof webgpu.WebGPUBackend>;

let open: { gpu: Gpu; backend: Backend } | undefined;

/**
 * Makes `gpu`'s device the one that tfjs runs on, so that both sides have the same adapter, features, limits and driver
 * threads, and the WebGPU backend the present one.
 */
export async function useDevice(gpu: Gpu): Promise<Backend> {
  if (open?.gpu !== gpu) {
    releaseDevice();
    // The backend takes navigator.gpu as the sign that there is WebGPU.
    lendDevice(gpu);
    // Fewer checks, and no advice to install tfjs-node.
    tf.enableProdMode();
    const backend = new webgpu.WebGPUBackend(gpu.device, gpu.info);
    // null where there is none, whatever the types say.
    if ((tf.findBackendFactory("webgpu") as unknown) !== null) tf.removeBackend("webgpu");
    tf.registerBackend("webgpu", () => backend, 3);
    // By default it submits every 15 dispatches; with more at a time, a step takes a tenth less of the CPU's time on lavapipe.
    tf.env().set("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE", DISPATCHES);
    open = { gpu, backend };
  }
  await useBackend("webgpu");
  return open.backend;
}

/** Frees the buffers that the WebGPU backend keeps for later use, and the backend itself. */
export function releaseDevice(): void {
  if (open) tf.removeBackend("webgpu");
  open = undefined;
}

/** Makes a backend the one that the following operations run on. There is one tfjs a process. */
export async function useBackend(name: "webgpu" | "wasm"): Promise<void> {
  if (tf.getBackend() === name) return;
  if (!(await tf.setBackend(name))) throw new Error(`tfjs does not accept the backend ${name}`);
}

/** Submits what tfjs has recorded, which it does by itself only now and then, and when something is read. */
export function flush(backend: Backend): void {
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
}
