/** Worker thread of ./loader.ts: one batch per task. */
import { assembleBatch, type BatchPlan } from "../../data/batches.ts";
import type { Batch, Prepared } from "../../data/sample.ts";
import { serve } from "./worker-serve.ts";

serve<readonly Prepared[], BatchPlan, Batch>(
  (prepared) => (plan) =>
    assembleBatch(
      plan.indices.map((i) => prepared[i]!),
      plan.flips,
    ),
  // Transferred, not copied.
  ({ image, label, target }) => [image, label, target].map((array) => array.buffer as ArrayBuffer),
);
