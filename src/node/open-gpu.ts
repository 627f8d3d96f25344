/** The device that programs on Node run on. */
import { Gpu, type GpuOptions } from "../gpu/gpu.ts";
import { openDawn, type DawnOptions } from "./dawn.ts";
import { waitResting } from "./wait.ts";

/** @throws AdapterError */
export async function openGpu(options: DawnOptions & Omit<GpuOptions, "wait"> = {}): Promise<Gpu> {
  const { adapter } = await openDawn(options);
  const { without = [], defaultLimits = false } = options;
  return Gpu.create(adapter, { without, defaultLimits, wait: waitResting });
}
