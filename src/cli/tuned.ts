/** Makes a command's kernels follow the results of `mganet tune`. */
import type { Gpu } from "../gpu/gpu.ts";
import { setChoice } from "../graph/choice.ts";
import { tuningFile, tuningFiles } from "../node/tuning-store.ts";
import { TuningRecord } from "../tune/record.ts";
import { withGpu, type GpuOption } from "./gpu.ts";

export interface TunedOption extends GpuOption {
  /** False with --no-tuned. */
  tuned?: boolean;
}

/**
 * Runs `use` with a device whose kernels follow the adapter's tuning record, if there is one, and then releases the device. A
 * line reports when the record is first used, or that it cannot be.
 */
export async function withTunedGpu<T>(options: TunedOption, use: (gpu: Gpu) => Promise<T>): Promise<T> {
  return withGpu(options, async (gpu) => {
    if (options.tuned !== false) {
      const record = await loadRecord(gpu);
      const onUse = () => console.log("Kernels as tuned for this adapter (--no-tuned for the fixed choice)");
      if (record.size > 0) setChoice(gpu, record.choice(gpu, onUse));
    }
    return use(gpu);
  });
}

/** The adapter's record. An unusable one is reported, and counts as empty. */
export async function loadRecord(gpu: Gpu): Promise<TuningRecord> {
  const { record, reason } = await TuningRecord.load(gpu, tuningFiles);
  if (reason !== undefined) console.error(`${tuningFile(record.name)}: this tuning record is ignored: ${reason}`);
  return record;
}
