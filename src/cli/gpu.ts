/** Opens the device that a command runs on. */
import { Gpu } from "../gpu/gpu.ts";
import { openDawn } from "../node/dawn.ts";

export interface GpuOption {
  /** Part of the adapter's name. */
  adapter?: string;
}

/** Runs `use` with a device and gives the device back. */
export async function withGpu<T>(options: GpuOption, use: (gpu: Gpu) => Promise<T>): Promise<T> {
  const { adapter } = await openDawn(options);
  const gpu = await Gpu.create(adapter);
  try {
    return await use(gpu);
  } finally {
    gpu.destroy();
  }
}

export const adapterName = (gpu: Gpu): string => {
  const { description, device, vendor } = gpu.info;
  return description || device || vendor || "unknown adapter";
};
