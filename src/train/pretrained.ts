/** A training that begins from a first phase which was trained elsewhere. */
import type { Gpu } from "../gpu/gpu.ts";
import type { PhaseSpec } from "../models/spec.ts";
import type { StateDict } from "../nn/module.ts";
import { buildModel } from "./build.ts";
import { CheckpointError, start, writeCheckpoint, type Checkpoint } from "./checkpoint.ts";
import { specOf, type TrainConfig } from "./config.ts";

/**
 * The first phase, where runs that differ in some options alone can share it; undefined where they cannot, or it has no
 * epochs, or it is the only one.
 */
export function sharedPhase(config: TrainConfig): PhaseSpec | undefined {
  const { phases } = specOf(config);
  const [first] = phases;
  return phases.length > 1 && first!.sharedBy && config.epochs[first!.name]! > 0 ? first : undefined;
}

/**
 * The settings of the shared phase alone, of a run whose settings are `config`. What the phase does not depend on is set to
 * one value, so that runs which can share it have the same.
 * @throws RangeError if there is none
 */
export function pretraining(config: TrainConfig): TrainConfig {
  const phase = sharedPhase(config);
  if (!phase) throw new RangeError(`${config.model} has no phase that runs can share`);
  const epochs = Object.fromEntries(
    Object.entries(config.epochs).map(([name, count]) => [name, name === phase.name ? count : 0]),
  );
  return { ...config, ...phase.sharedBy, epochs };
}

/**
 * The checkpoint, as a file's bytes, that a training with the settings `config` writes when it begins its second phase: what
 * the first phase trains as `pretrained` has it, all else with the initial values of the seed. The first phase changes its
 * own module alone, and the optimiser starts afresh in the second; so what continues from here ends in the same bits as the whole
 * training.
 *
 * @throws CheckpointError if `pretrained` is not the finished first phase of these settings
 */
export async function continuation(
  gpu: Gpu,
  config: TrainConfig,
  pretrained: Checkpoint,
  file: string,
): Promise<Uint8Array> {
  const { position } = pretrained;
  const phases = specOf(config).phases;
  if (JSON.stringify(pretrained.config) !== JSON.stringify(pretraining(config))) {
    throw new CheckpointError(`${file}: has other settings than the run that is to begin from it`);
  }
  if (position.stage !== phases.length) {
    throw new CheckpointError(`${file}: its ${phases[0]!.title.toLowerCase()} has not finished`);
  }
  const { net } = buildModel(config);
  const trained = phases[0]!.trains(net);
  try {
    const state: StateDict = await net.stateDict(gpu);
    for (const [name] of trained.named(trained.path)) state.set(name, pretrained.model.get(name)!);
    net.loadStateDict(gpu, state);
    const begin = { ...start, stage: 1, step: position.step };
    return await writeCheckpoint(gpu, net, undefined, { config, position: begin, best: undefined });
  } finally {
    net.release(gpu);
  }
}
