/** Estimates a training run's memory from its graph, before there are images. */
import type { Gpu } from "../gpu/gpu.ts";
import { buildModel } from "./build.ts";
import type { TrainConfig } from "./config.ts";
import { TrainingStep } from "./step.ts";

export interface Needs {
  /** Minimum bytes on the device: activations of the largest step, parameters, Adam's state and inputs. */
  device: number;
  /** Bytes of the batches in flight on the host. */
  host: number;
}

/** Batches on the host at once: one on the device, one waiting, one being assembled. */
const HOST_BATCHES = 3;

/** Pixels per batch below which a run is too small to check. */
const SMALL_PIXELS = 2 ** 20;

/** Whether `needsOf` is worth the second it takes. */
export const isLarge = ({ batch, size: [height, width] }: TrainConfig): boolean =>
  batch * height * width > SMALL_PIXELS;

/** @throws PlanError if a tensor exceeds the adapter's limits, as `Trainer.check` does */
export function needsOf(gpu: Gpu, config: TrainConfig): Needs {
  const { batch, size, recompute } = config;
  const device = buildModel(config).trained.map((phase) =>
    TrainingStep.requireFit(gpu, phase, { batch, size, recompute }),
  );
  // Three channels and the target, in f32.
  return { device: Math.max(...device), host: HOST_BATCHES * batch * size[0] * size[1] * 4 * 4 };
}
