/** The learning rate over a training phase. */

/** `constant` stays at the peak; `cosine` rises to it linearly over a warm-up, then falls along half a cosine towards 0. */
export type Schedule = "constant" | "cosine";

/** Share of the steps over which the cosine schedule warms up; at least one step. */
const WARM_UP_SHARE = 0.05;

/**
 * The learning rate of one step.
 * @param peak the highest rate of the schedule
 * @param step from 0
 * @param total steps in the phase
 * @throws RangeError unless `step` is a whole number from 0 to total - 1
 */
export function learningRate(schedule: Schedule, peak: number, step: number, total: number): number {
  if (!(Number.isSafeInteger(step) && step >= 0 && step < total)) {
    throw new RangeError(`learningRate: step ${step} is not one of ${total} steps, counted from 0`);
  }
  if (schedule === "constant") return peak;
  // A fresh Adam state takes full steps in every direction: the warm-up protects what an earlier phase has learnt.
  const warmUp = Math.max(1, Math.round(WARM_UP_SHARE * total));
  if (step < warmUp) return (peak * (step + 1)) / warmUp;
  return 0.5 * peak * (1 + Math.cos((Math.PI * (step - warmUp)) / (total - warmUp)));
}
