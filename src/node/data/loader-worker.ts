/** Worker thread of ./loader.ts: one batch per task. */
import { assembleBatch, type BatchPlan } from "../../data/batches.ts";
import type { Batch, Prepared } from "../../data/sample.ts";
import type { MaskTarget } from "../../data/target.ts";
import { serve } from "./worker-serve.ts";

export interface LoaderInit {
  prepared: readonly Prepared[];
  target: MaskTarget;
}

serve<LoaderInit, BatchPlan, Batch>(
  ({ prepared, target }) =>
    ({ indices, flips }) =>
      assembleBatch(
        indices.map((i) => prepared[i]!),
        flips,
        target,
      ),
  // Transferred, not copied.
  ({ image, label, target }) => [image, label, target].map((array) => array.buffer as ArrayBuffer),
);
