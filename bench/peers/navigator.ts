/** Lends our device to libraries that look for one in `navigator.gpu`. */
import type { Gpu } from "../../src/gpu/gpu.ts";

/** Makes `navigator.gpu` hand out `gpu`'s device, whatever is asked of it. Node 20 has no navigator at all. */
export function lendDevice(gpu: Gpu): void {
  const { device, info } = gpu;
  const adapter = {
    limits: device.limits,
    features: device.features,
    info,
    requestDevice: () => Promise.resolve(device),
  };
  const navigator = { gpu: { requestAdapter: () => Promise.resolve(adapter) }, userAgent: "node" };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true, writable: true });
}
