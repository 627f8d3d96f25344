/** A joint stage that begins from a segmentation stage which was trained elsewhere. */
import type { Gpu } from "../gpu/gpu.ts";
import { MGANet } from "../models/mganet.ts";
import type { StateDict } from "../nn/module.ts";
import { CheckpointError, start, writeCheckpoint, type Checkpoint } from "./checkpoint.ts";
import type { TrainConfig } from "./config.ts";

/**
 * The settings of the segmentation stage alone, of a run whose settings are `config`. What the stage does not depend on is set
 * to one value, so that runs which can share it have the same.
 */
export const pretraining = (config: TrainConfig): TrainConfig => ({
  ...config,
  fusion: "parallel",
  at: [0, 1, 2, 3, 4],
  epochs: { ...config.epochs, joint: 0 },
});

/**
 * The checkpoint, as a file's bytes, that a training with the settings `config` writes when it begins its joint stage: the
 * segmenter as `pretrained` has it, all else with the initial values of the seed. The segmentation stage changes the segmenter
 * alone, and the optimiser begins anew in the joint stage; so what goes on from here ends bit for bit as the whole training.
 *
 * @throws CheckpointError if `pretrained` is not the finished segmentation stage of these settings
 */
export async function jointStart(
  gpu: Gpu,
  config: TrainConfig,
  pretrained: Checkpoint,
  file: string,
): Promise<Uint8Array> {
  const { position } = pretrained;
  if (JSON.stringify(pretrained.config) !== JSON.stringify(pretraining(config))) {
    throw new CheckpointError(`${file}: is of other settings than the run that is to begin from it`);
  }
  if (position.stage !== 2) throw new CheckpointError(`${file}: its segmentation stage has not ended`);
  const net = new MGANet(config, config.seed);
  try {
    const state: StateDict = await net.stateDict(gpu);
    for (const [name, tensor] of pretrained.model) if (name.startsWith("segmenter.")) state.set(name, tensor);
    net.loadStateDict(gpu, state);
    const begin = { ...start, stage: 1, step: position.step };
    return await writeCheckpoint(gpu, net, undefined, { config, position: begin, best: undefined });
  } finally {
    net.release(gpu);
  }
}
