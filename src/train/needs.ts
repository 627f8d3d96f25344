/** What a training needs of memory, known from its graph before there are images. */
import type { Gpu } from "../gpu/gpu.ts";
import { MGANet } from "../models/mganet.ts";
import { Adam, adamDefaults } from "../optim/adam.ts";
import type { TrainConfig } from "./config.ts";
import { stageSlabs } from "./kernels.ts";
import { stages, TrainingStep } from "./stage.ts";

export interface Needs {
  /** Bytes on the device at the least: activations of the largest step, parameters, Adam's state and inputs. */
  device: number;
  /** Bytes of the batches that are under way on the host. */
  host: number;
}

/** Batches on the host at once: one at the device, one that waits, one that is being put together. */
const BATCHES = 3;

/** Bytes of the first layer's activations below which a training is too small to be asked about. */
const SMALL = 2 ** 28;

/** Whether it is worth the second that `needsOf` takes. */
export const isLarge = ({ batch, size: [height, width], width: factor }: TrainConfig): boolean =>
  4 * batch * height * width * 64 * factor > SMALL;

/** @throws PlanError if a tensor exceeds the adapter's limits, as `Trainer.check` does */
export function needsOf(gpu: Gpu, config: TrainConfig): Needs {
  const net = new MGANet(config, config.seed);
  const slabs = stageSlabs(net);
  const { batch, size } = config;
  const device = stages
    .filter((stage) => config.epochs[stage] > 0)
    .map((stage) => TrainingStep.requireFit(gpu, net, new Adam(slabs[stage], adamDefaults), stage, config));
  // Three channels and the target, in f32.
  return { device: Math.max(...device), host: BATCHES * batch * size[0] * size[1] * 4 * 4 };
}
