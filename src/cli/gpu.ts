/** Opens the device that a command runs on. */
import type { Gpu, GpuOptions } from "../gpu/gpu.ts";
import { openGpu } from "../node/open-gpu.ts";

export interface GpuOption {
  /** Part of the adapter's name. */
  adapter?: string;
}

/** For commands that can be restricted to less than the adapter offers. */
export type LessOption = Pick<GpuOptions, "without" | "defaultLimits">;

/** Runs `use` with a device and then releases it. */
export async function withGpu<T>(options: GpuOption & LessOption, use: (gpu: Gpu) => Promise<T>): Promise<T> {
  // Commands pass all of their options.
  const { adapter, without, defaultLimits } = options;
  const gpu = await openGpu({
    ...(adapter === undefined ? {} : { adapter }),
    ...(without === undefined ? {} : { without }),
    ...(defaultLimits === undefined ? {} : { defaultLimits }),
  });
  try {
    return await use(gpu);
  } finally {
    gpu.destroy();
  }
}
