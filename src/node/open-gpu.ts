/** The device that programs on Node run on. */
import { Gpu, type GpuOptions } from "../gpu/gpu.ts";
import { openDawn, type DawnOptions } from "./dawn.ts";
import { waitResting } from "./wait.ts";

/** @throws AdapterError */
export async function openGpu(options: DawnOptions & Pick<GpuOptions, "without"> = {}): Promise<Gpu> {
  const { adapter } = await openDawn(options);
  return Gpu.create(adapter, { without: options.without ?? [], wait: waitResting });
}
