/** What a training run computes with, before anything is compiled: for tuning, and for telling two runs apart. */
import type { Gpu } from "../gpu/gpu.ts";
import { choiceOf } from "../graph/choice.ts";
import type { Kernel } from "../kernels/kernel.ts";
import type { Model } from "../models/model.ts";
import { choiceFingerprint } from "../tune/record.ts";
import { Predictor } from "./predictor.ts";
import { TrainingStep, type StepOptions } from "./step.ts";

/** The kernels of each plan, of steps and evaluations of all phases that have epochs. */
export const trainingKernels = (model: Model, { batch, size, ...options }: StepOptions): Kernel[][] =>
  model.trained.flatMap((phase) => [
    TrainingStep.kernels(phase, { batch, size, ...options }),
    Predictor.kernels((x) => phase.infer(x), { batch, size }),
  ]);

/**
 * Tells whether two runs of one configuration on one adapter compute with the same variants of the kernels, and so the same
 * bits: "fixed" for those of the fixed order, else a hash of the others.
 */
export function variantsOf(gpu: Gpu, model: Model, options: StepOptions): string {
  const choice = choiceOf(gpu);
  return choice ? choiceFingerprint(gpu, trainingKernels(model, options), choice) : "fixed";
}
