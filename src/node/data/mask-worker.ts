/** Worker thread of ./read-mask.ts: one mask per task. */
import type { MaskContent } from "../../data/masks/content.ts";
import type { MaskReading } from "../../data/masks/levels.ts";
import { readMask } from "./read-mask.ts";
import type { WorkerFile } from "./worker-thread.ts";

export const worker: WorkerFile<MaskReading, string, MaskContent> = {
  start: (reading) => (file) => readMask(file, reading),
};
