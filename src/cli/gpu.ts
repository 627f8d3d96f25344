/** Opens the device that a command runs on. */
import type { Gpu, GpuOptions } from "../gpu/gpu.ts";
import { openGpu } from "../node/open-gpu.ts";

export interface GpuOption {
  /** Part of the adapter's name. */
  adapter?: string;
}

/** For commands that can do with less than the adapter has. */
export type LessOption = Pick<GpuOptions, "without" | "defaultLimits">;

/** Runs `use` with a device and gives the device back. */
export async function withGpu<T>(options: GpuOption & LessOption, use: (gpu: Gpu) => Promise<T>): Promise<T> {
  // Commands pass on all of their options.
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
