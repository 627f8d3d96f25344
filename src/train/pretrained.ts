/** Starts a run from a first phase that was trained elsewhere. */
import type { Gpu } from "../gpu/gpu.ts";
import type { PhaseSpec } from "../models/spec.ts";
import type { StateDict } from "../nn/module.ts";
import { buildModel } from "./build.ts";
import { CheckpointError, start, writeCheckpoint, type Checkpoint } from "./checkpoint.ts";
import { specOf, type TrainConfig } from "./config.ts";

/**
 * The first phase, if runs that differ only in some options can share it; undefined if they cannot, or it has no epochs, or it
 * is the only one, or they begin from an earlier model: what the phase does not train then has other values than its seed's.
 */
export function sharedPhase(config: TrainConfig): PhaseSpec | undefined {
  if (config.init) return undefined;
  const { phases } = specOf(config);
  const [first] = phases;
  return phases.length > 1 && first!.sharedBy && config.epochs[first!.name]! > 0 ? first : undefined;
}

/**
 * The settings of only the shared phase of a run with settings `config`. Options that the phase does not depend on are set to
 * fixed values, so that runs that can share it have equal settings.
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
 * The checkpoint, as a file's bytes, that a run with settings `config` writes when it begins its second phase: the first
 * phase's parameters from `pretrained`, all others with their initial values from the seed. The first phase changes only its
 * own module, and the optimiser is reset for the second; so continuing from here gives the same bits as the whole training.
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
  if (trainingKey(pretrained.config) !== trainingKey(pretraining(config))) {
    throw new CheckpointError(`${file}: has other settings than the run that would start from it`);
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

/** Equal for settings that train the same network: the external set is only evaluated on. */
export const trainingKey = (config: TrainConfig): string => JSON.stringify({ ...config, external: "" });
