/** Refuses a training run that this machine lacks the memory for, before any image is prepared. */
import { totalmem } from "node:os";
import { formatBytes, type Gpu } from "../gpu/gpu.ts";
import { hasMemory } from "../gpu/has-memory.ts";
import { PlanError } from "../graph/compile.ts";
import { specOf, type TrainConfig } from "../train/config.ts";
import { isLarge, needsOf } from "../train/needs.ts";

/** This machine's memory in bytes, or the container's limit. */
export function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * Checks that the memory is available. A software adapter uses the machine's. WebGPU does not report how much others have, so
 * the bytes are allocated on trial and freed.
 * @throws PlanError with the numbers
 */
export async function requireResources(gpu: Gpu, config: TrainConfig, machine = machineMemory()): Promise<void> {
  if (!isLarge(config)) return;
  const { device, host } = needsOf(gpu, config);
  const software = gpu.caps.adapterClass === "software";
  const { batch, size, recompute } = config;
  const what = `batch ${batch} at ${size[0]}x${size[1]}, ${specOf(config).describe(config)}`;
  const advice = `use a smaller batch, size or width${recompute ? "" : ", or --recompute"}`;
  const needed = host + (software ? device : 0);
  if (needed > machine) {
    throw new PlanError(
      `${what} needs at least ${formatBytes(needed)} of memory, and this machine has ${formatBytes(machine)}; ${advice}`,
    );
  }
  if (!software && !(await hasMemory(gpu, device))) {
    throw new PlanError(
      `${what} needs at least ${formatBytes(device)} of GPU memory, which is not available; ${advice}`,
    );
  }
}
