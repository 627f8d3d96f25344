/** The learning rate over a training. */
import { aKind, kindOf } from "../kernels/kernel.ts";

/**
 * A factor of the learning rate's peak: `optimizer.advance(peak * schedule(step, total))`.
 * @param step from 0
 * @param total steps of the training, where they are known
 */
export type LearningRateSchedule = (step: number, total?: number) => number;

/** Always the peak. */
export const constantLR: LearningRateSchedule = () => 1;

/** Multiplied by `gamma` (default 0.1) after every `stepSize` steps. `torch.optim.lr_scheduler.StepLR`. @throws RangeError for other options */
export function stepLR(options: { stepSize: number; gamma?: number }): LearningRateSchedule {
  requireOptions("stepLR", options, ["stepSize", "gamma"]);
  const { stepSize, gamma = 0.1 } = options;
  requireSteps("stepLR: stepSize", stepSize);
  requireFactor("stepLR: gamma", gamma);
  return (step) => gamma ** Math.floor(step / stepSize);
}

/** Multiplied by `gamma` after every step. `torch.optim.lr_scheduler.ExponentialLR`. @throws RangeError for other options */
export function exponentialLR(options: { gamma: number }): LearningRateSchedule {
  requireOptions("exponentialLR", options, ["gamma"]);
  const { gamma } = options;
  requireFactor("exponentialLR: gamma", gamma);
  return (step) => gamma ** step;
}

/**
 * Falls along half a cosine within `tMax` steps (default: all, where their number is known) to `endFactor` (default 0) of the peak, and rises again after them.
 * `torch.optim.lr_scheduler.CosineAnnealingLR`, of which eta_min is endFactor times the peak.
 * @throws RangeError for other options
 */
export function cosineAnnealingLR(options: { tMax?: number; endFactor?: number } = {}): LearningRateSchedule {
  requireOptions("cosineAnnealingLR", options, ["tMax", "endFactor"]);
  const { tMax, endFactor = 0 } = options;
  if (tMax !== undefined) requireSteps("cosineAnnealingLR: tMax", tMax);
  requireFactor("cosineAnnealingLR: endFactor", endFactor);
  return (step, total) => {
    const period = tMax ?? total;
    if (period === undefined) throw new RangeError("cosineAnnealingLR: pass tMax, as the number of steps is not known");
    return endFactor + ((1 - endFactor) * (1 + Math.cos((Math.PI * step) / period))) / 2;
  };
}

/**
 * Rises linearly from `startFactor` (default 1/3) to the peak within `steps` steps; then `after` (default: the peak) over the steps that are
 * left. `torch.optim.lr_scheduler.LinearLR`, and `after` as by SequentialLR.
 * @throws RangeError for other options
 */
export function linearWarmup(
  options: { steps: number; startFactor?: number },
  after: LearningRateSchedule = constantLR,
): LearningRateSchedule {
  requireOptions("linearWarmup", options, ["steps", "startFactor"]);
  const { steps, startFactor = 1 / 3 } = options;
  requireSteps("linearWarmup: steps", steps);
  requireFactor("linearWarmup: startFactor", startFactor);
  if (typeof after !== "function") throw new TypeError(`linearWarmup: a schedule is a function, got ${aKind(after)}`);
  return (step, total) => {
    if (step < steps) return startFactor + ((1 - startFactor) * step) / steps;
    return after(step - steps, total === undefined ? undefined : total - steps);
  };
}

function requireOptions(name: string, options: object, known: readonly string[]): void {
  if (kindOf(options) !== "Object") {
    throw new RangeError(`${name}: options are an object of ${known.join(", ")}; got ${aKind(options)}`);
  }
  const unknown = Object.keys(options).find((option) => !known.includes(option));
  if (unknown === undefined) return;
  throw new RangeError(`${name}: unknown option ${unknown}; the options are ${known.join(", ")}`);
}

function requireSteps(what: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new RangeError(`${what} must be a whole number above 0, got ${String(value)}`);
}

function requireFactor(what: string, value: number): void {
  if (Number.isFinite(value) && value >= 0) return;
  throw new RangeError(`${what} must be a number of at least 0, got ${String(value)}`);
}

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
