/** Decides which epoch is the best so far. */
import type { PhaseSpec } from "../models/spec.ts";
import type { Best } from "./checkpoint.ts";
import type { EpochRecord } from "./training.ts";

/**
 * The epoch as the new best, by a metric of its evaluation or, if that cannot compare epochs, by the loss; undefined if it is no
 * better than `before`.
 */
export function betterThan(
  before: Best | undefined,
  { stage, epoch, validation: metrics }: EpochRecord,
  by: PhaseSpec["best"],
): Best | undefined {
  if (!metrics || by === undefined) return undefined;
  const { [by]: figure, loss } = metrics;
  if (loss !== undefined) {
    return before?.loss !== undefined && loss >= before.loss ? undefined : { stage, epoch, loss, metrics };
  }
  if (figure === undefined || (before?.f1 !== undefined && figure <= before.f1)) return undefined;
  return { stage, epoch, f1: figure, metrics };
}
