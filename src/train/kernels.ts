/** What a training run computes with, before anything is compiled: for tuning, and for telling two runs apart. */
import type { Gpu } from "../gpu/gpu.ts";
import { choiceOf } from "../graph/choice.ts";
import type { Slab } from "../graph/storage.ts";
import type { Kernel } from "../kernels/kernel.ts";
import type { MGANet } from "../models/mganet.ts";
import { choiceFingerprint } from "../tune/record.ts";
import { Adam, adamDefaults, slabsOf } from "../optim/adam.ts";
import type { TrainConfig } from "./config.ts";
import { Predictor, stages, TrainingStep, type Stage, type StepOptions } from "./stage.ts";

/** The parameters that each stage trains, in slabs. To be called once for a model. */
export function stageSlabs(net: MGANet): Record<Stage, readonly Slab[]> {
  const segmenter = slabsOf(net.segmenter.parameters());
  const rest = slabsOf(net.parameters().filter((p) => !p.place));
  return { segmentation: segmenter, joint: [...segmenter, ...rest] };
}

/** What of a run says which kernels it takes. */
type Trained = StepOptions & Pick<TrainConfig, "epochs">;

/** The kernels of each plan, of steps and evaluations of all stages that have epochs. */
export function trainingKernels(net: MGANet, slabs: Record<Stage, readonly Slab[]>, config: Trained): Kernel[][] {
  return stages
    .filter((stage) => config.epochs[stage] > 0)
    .flatMap((stage) => [
      TrainingStep.kernels(net, new Adam(slabs[stage], adamDefaults), stage, config),
      Predictor.kernels(net, { ...config, stage }),
    ]);
}

/**
 * Tells whether two runs of one configuration on one adapter compute with the same variants of the kernels, and so the same
 * bits: "fixed" for those of the fixed order, else a hash of the others.
 */
export function variantsOf(gpu: Gpu, net: MGANet, slabs: Record<Stage, readonly Slab[]>, config: Trained): string {
  const choice = choiceOf(gpu);
  return choice ? choiceFingerprint(gpu, trainingKernels(net, slabs, config), choice) : "fixed";
}
