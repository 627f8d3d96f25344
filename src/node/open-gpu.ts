/** Opens the GPU device for programs on Node. */
import type { Restrictions } from "../gpu/capabilities.ts";
import { Gpu } from "../gpu/gpu.ts";
import { requireKnown } from "../kernels/kernel.ts";
import { openDawn, type DawnOptions } from "./dawn.ts";
import { precompiler } from "./precompile.ts";
import { waitResting } from "./wait.ts";

/**
 * @throws AdapterError
 * @throws ShapeError for an unknown option
 */
export async function openGpu(options: DawnOptions & Restrictions = {}): Promise<Gpu> {
  requireKnown("openGpu", options, ["adapter", "toggles", "without", "defaultLimits", "maxBindingBytes"]);
  const { without = [], defaultLimits = false, maxBindingBytes, ...dawn } = options;
  const { adapter } = await openDawn(dawn);
  return Gpu.create(adapter, {
    without,
    defaultLimits,
    maxBindingBytes,
    wait: waitResting,
    precompile: precompiler(dawn),
  });
}
