/** TensorFlow.js on our own WebGPU device. */
import tf from "@tensorflow/tfjs";
import webgpu from "@tensorflow/tfjs-backend-webgpu";
import type { Gpu } from "../../../src/gpu/gpu.ts";

/** The union package and its CommonJS build, because tfjs' ES modules register no gradients on Node. */
export { tf };

/** In one submit. */
const DISPATCHES = 100;

export type Backend = InstanceType<typeof webgpu.WebGPUBackend>;

/**
 * Makes `gpu`'s device the one that tfjs runs on, so that both sides have the same adapter, features, limits and driver
 * threads. There is one tfjs a process: call once for each device.
 */
export async function useDevice(gpu: Gpu): Promise<Backend> {
  // The backend takes navigator.gpu as the sign that there is WebGPU; Node 20 has no navigator at all.
  if (!("gpu" in (globalThis.navigator ?? {}))) {
    const navigator = { gpu: {}, userAgent: "node" };
    Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true, writable: true });
  }
  // Fewer checks, and no advice to install tfjs-node.
  tf.enableProdMode();
  if (tf.findBackendFactory("webgpu")) tf.removeBackend("webgpu");
  const backend = new webgpu.WebGPUBackend(gpu.device, gpu.info);
  tf.registerBackend("webgpu", () => backend, 3);
  // By default it submits every 15 dispatches; with more at a time, a step takes a tenth less of the CPU's time on lavapipe.
  tf.env().set("WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE", DISPATCHES);
  if (!(await tf.setBackend("webgpu"))) throw new Error("tfjs does not accept the WebGPU device");
  return backend;
}

/** Submits what tfjs has recorded, which it does by itself only now and then, and when something is read. */
export function flush(backend: Backend): void {
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
}
