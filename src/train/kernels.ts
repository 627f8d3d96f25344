/** The kernels of a training run, before anything is compiled: for tuning, and for comparing runs. */
import type { Gpu } from "../gpu/gpu.ts";
import { choiceOf } from "../graph/choice.ts";
import type { Kernel } from "../kernels/kernel.ts";
import type { Model } from "../models/model.ts";
import { choiceFingerprint } from "../tune/record.ts";
import { Predictor } from "./predictor.ts";
import { TrainingStep, type StepOptions } from "./step.ts";

/** The kernels of each plan: steps and evaluations of all phases with epochs. */
export const trainingKernels = (model: Model, { batch, size, ...options }: StepOptions): Kernel[][] =>
  model.trained.flatMap((phase) => [
    TrainingStep.kernels(phase, { batch, size, ...options }),
    Predictor.kernels((x) => phase.infer(x), { batch, size }),
  ]);

/**
 * Identifies the kernel variants: two runs with equal values, configuration and adapter compute the same bits. "fixed" for the
 * fixed order, else a hash.
 */
export function variantsOf(gpu: Gpu, model: Model, options: StepOptions): string {
  const choice = choiceOf(gpu);
  return choice ? choiceFingerprint(gpu, trainingKernels(model, options), choice) : "fixed";
}
