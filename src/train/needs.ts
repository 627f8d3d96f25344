/** What a training needs of memory, known from its graph before there are images. */
import type { Gpu } from "../gpu/gpu.ts";
import { buildModel } from "./build.ts";
import type { TrainConfig } from "./config.ts";
import { TrainingStep } from "./step.ts";

export interface Needs {
  /** At least these bytes on the device: activations of the largest step, parameters, Adam's state and inputs. */
  device: number;
  /** Bytes of the batches that are under way on the host. */
  host: number;
}

/** Batches on the host at once: one at the device, one that waits, one that is being put together. */
const HOST_BATCHES = 3;

/** Pixels of a batch below which a training is too small to be asked about. */
const SMALL_PIXELS = 2 ** 20;

/** Whether it is worth the second that `needsOf` takes. */
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
