/** Worker thread of ./loader.ts: one batch per task. */
import { assembleBatch, type BatchPlan } from "../../data/batches.ts";
import type { Batch, Prepared } from "../../data/sample.ts";
import type { MaskTarget } from "../../data/target.ts";
import type { WorkerFile } from "./worker-thread.ts";

export interface LoaderInit {
  prepared: readonly Prepared[];
  target: MaskTarget;
}

export const worker: WorkerFile<LoaderInit, BatchPlan, Batch> = {
  start:
    ({ prepared, target }) =>
    ({ indices, flips }) =>
      assembleBatch(
        indices.map((i) => prepared[i]!),
        flips,
        target,
      ),
  // Instead of a copy.
  transfer: ({ image, label, target }) => [image, label, target].map((array) => array.buffer as ArrayBuffer),
};
