/** Worker thread of ./read-mask.ts: one mask per task. */
import type { MaskReading } from "../../data/masks/levels.ts";
import { type MaskContent, readMask } from "./read-mask.ts";
import type { WorkerFile } from "./worker-thread.ts";

export const worker: WorkerFile<MaskReading, string, MaskContent> = {
  start: (reading) => (file) => readMask(file, reading),
};
