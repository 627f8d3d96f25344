/** Checkpoints: weights, optimiser state and position in one safetensors file, enough to resume bit for bit. */
import * as z from "zod";
import { requireBytes } from "../data/bytes.ts";
import { widened } from "../data/half-floats.ts";
import { allFinite, WeightsError } from "../io/weights-error.ts";
import { isTorchFile } from "../data/torch/kind.ts";
import { parseSafetensors, serializeSafetensors, type SafeTensor } from "../data/safetensors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { writeVariable } from "../graph/storage.ts";
import { evaluationSchema, type Evaluation } from "../metrics/evaluation.ts";
import { ConfigError } from "../models/config-error.ts";
import { classifies } from "../models/model.ts";
import { requireLandmarks } from "../models/parity-case.ts";
import type { PhaseSpec } from "../models/spec.ts";
import { fromTorch } from "../nn/layout.ts";
import { StateDictError, type Module, type Parameter, type StateDict } from "../nn/module.ts";
import type { Adam } from "../optim/adam.ts";
import { keepsClasses } from "./classes.ts";
import { checkConfig, configSchema, specOf, type TrainConfig } from "./config.ts";
import { DivergedError } from "../loop/diverged.ts";
import { earlierRunsOf } from "./origin.ts";

/** A file is not a checkpoint, or not of this model. The message gives the file and the reason. */
export class CheckpointError extends WeightsError {
  override name = "CheckpointError";
}

const FORMAT_NAME = "mganet-checkpoint-";
const FORMAT = `${FORMAT_NAME}1`;

const count = z.number().int().min(0);
const positionSchema = z.strictObject({
  /** Index of the phase; past the last one, training has finished. */
  stage: count,
  epoch: count,
  /** Batches of the epoch already done. */
  batch: count,
  /** Sums over those batches, for the epoch's mean losses. */
  sums: z.record(z.string(), z.number()),
  /** Steps over all phases. */
  step: count,
  /** Optimiser steps within the phase. */
  adamSteps: count,
});

/** Where in the training a checkpoint was written. */
export type Position = z.infer<typeof positionSchema>;

export const start: Position = { stage: 0, epoch: 0, batch: 0, sums: {}, step: 0, adamSteps: 0 };

const bestSchema = z.strictObject({
  stage: z.string(),
  epoch: count,
  f1: z.number().exactOptional(),
  loss: z.number().exactOptional(),
  metrics: evaluationSchema,
});

/** The best evaluation so far: by F1, or by the loss if the held-out images lack a class. */
export interface Best {
  stage: string;
  epoch: number;
  f1?: number;
  loss?: number;
  metrics: Evaluation;
}

/** What a checkpoint of a run holds. */
export interface Checkpoint {
  config: TrainConfig;
  position: Position;
  best: Best | undefined;
  model: StateDict;
  /** Adam's moments by parameter, in PyTorch's layout. */
  moments: StateDict;
}

/**
 * Reads the state of a training run from the device and serialises it.
 * @throws DivergedError if a value is not finite: such a file would be useless
 */
export async function writeCheckpoint(
  gpu: Gpu,
  net: Module,
  adam: Adam | undefined,
  { config, position, best }: Pick<Checkpoint, "config" | "position" | "best">,
): Promise<Uint8Array> {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, tensor] of await net.stateDict(gpu)) tensors.set(`model.${name}`, tensor);
  // The position has the number of steps.
  for (const [name, tensor] of (await adam?.stateDict(gpu)) ?? []) if (name !== "step") tensors.set(name, tensor);
  for (const [name, { data }] of tensors) {
    if (!allFinite(data as Float32Array)) throw new DivergedError(`step ${position.step}: ${name} is not finite`);
  }
  // The schemas fix the order of keys: what was read from a file is written with the same bytes.
  return serializeSafetensors(tensors, {
    format: FORMAT,
    config: JSON.stringify(configSchema(specOf(config)).parse(config)),
    position: JSON.stringify(positionSchema.parse(position)),
    ...(best ? { best: JSON.stringify(bestSchema.parse(best)) } : {}),
  });
}

/**
 * Parses a checkpoint file; nothing is used before everything is checked.
 * @throws CheckpointError
 */
export function parseCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  requireBytes(file, bytes);
  if (isTorchFile(bytes)) {
    throw new CheckpointError(
      `${file}: a file of PyTorch's, not a checkpoint of this program: a training can begin from it (train --init)`,
    );
  }
  const { metadata, tensors } = parseSafetensors(bytes, file);
  const { format } = metadata;
  if (format !== FORMAT) {
    const advice =
      format === undefined
        ? ", which would say the size of pictures and the classes: load weights into their network, load(gpu, net, bytes), " +
          "and open that, PicturePredictor.of(gpu, net, { size, classes })"
        : ` (format ${format})`;
    throw new CheckpointError(`${file}: not a checkpoint of this program${advice}`);
  }
  const json = (key: string): unknown => {
    try {
      return JSON.parse(metadata[key] ?? "null");
    } catch {
      throw new CheckpointError(`${file}: metadata ${key} is not JSON`);
    }
  };
  const position = positionSchema.safeParse(json("position"));
  if (!position.success) throw new CheckpointError(`${file}: metadata position is invalid`);
  const best = bestSchema.nullable().safeParse(json("best"));
  if (!best.success) throw new CheckpointError(`${file}: metadata best is invalid`);
  let config;
  try {
    config = checkConfig(json("config"));
  } catch (error) {
    if (error instanceof ConfigError) throw new CheckpointError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
  const spec = specOf(config);
  if (position.data.stage > spec.phases.length) {
    throw new CheckpointError(`${file}: metadata position is invalid: ${spec.id} has no phase ${position.data.stage}`);
  }
  const model: StateDict = new Map();
  const moments: StateDict = new Map();
  for (const [name, tensor] of tensors) {
    const { shape } = tensor;
    const data = floatsOf(tensor, name, file);
    if (!allFinite(data)) throw new CheckpointError(`${file}: ${name} holds values that are not finite`);
    const negative = name.startsWith("exp_avg_sq.") ? data.find((value) => value < 0) : undefined;
    if (negative !== undefined) throw new CheckpointError(`${file}: ${name} holds a negative mean square, ${negative}`);
    if (name.startsWith("model.")) model.set(name.slice("model.".length), { shape, data });
    else if (/^exp_avg(_sq)?\./.test(name)) moments.set(name, { shape, data });
    else throw new CheckpointError(`${file}: unknown tensor ${name}`);
  }
  naming(file, () => requireLandmarks(model, spec.landmarks(config)));
  return { config, position: position.data, best: (best.data as Best | undefined) ?? undefined, model, moments };
}

/**
 * Whether a file is a checkpoint of this program, and not another one's weights.
 * @throws SafetensorsError for a file that is neither safetensors nor one of PyTorch's
 */
export const isCheckpoint = (bytes: Uint8Array, file: string): boolean =>
  !isTorchFile(bytes) && parseSafetensors(bytes, file).metadata["format"]?.startsWith(FORMAT_NAME) === true;

/** A weight may be in half precision, in which a file takes half the space. @throws CheckpointError for another type */
function floatsOf({ dtype, data }: SafeTensor, name: string, file: string): Float32Array {
  if (dtype === "F32") return data;
  if (dtype === "F16" && name.startsWith("model.")) return widened(data);
  throw new CheckpointError(`${file}: ${name} is ${dtype}, expected F32`);
}

/**
 * The last phase that trained a checkpoint's weights, in its run or before, and so determines what they can do; undefined before the first
 * step of a run that began from none.
 */
export function trainedPhase({ config, position }: Pick<Checkpoint, "config" | "position">): PhaseSpec | undefined {
  const { phases } = specOf(config);
  const own = phases.findLastIndex(({ name }, i) => {
    if (config.epochs[name] === 0) return false;
    return i < position.stage || (i === position.stage && (position.epoch > 0 || position.batch > 0));
  });
  return phases[Math.max(own, inheritedPhase(config))];
}

/** Index of the last phase whose training a run begins with; -1 for none. What other programs' weights have learned is not known. */
function inheritedPhase(config: TrainConfig): number {
  const spec = specOf(config);
  return spec.phases.findLastIndex((phase) =>
    earlierRunsOf(config, spec, phase).some((origin) => keepsClasses(config, origin) || !classifies(phase)),
  );
}

/** Whether a checkpoint's classifier has been trained. */
export function isClassifier(checkpoint: Pick<Checkpoint, "config" | "position">): boolean {
  const phase = trainedPhase(checkpoint);
  return phase !== undefined && classifies(phase);
}

/** Loads a checkpoint's weights into a model. @throws CheckpointError, changing nothing, if they are another model's */
export function loadWeights(gpu: Gpu, net: Module, checkpoint: Checkpoint, file: string): void {
  naming(file, () => net.loadStateDict(gpu, checkpoint.model));
}

/** Runs `check`; turns a StateDictError into a CheckpointError that names the file. */
export function naming(file: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof StateDictError) throw new CheckpointError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Loads a checkpoint's optimiser state into `adam`. @throws CheckpointError if any is missing or has a wrong shape */
export function loadMoments(gpu: Gpu, adam: Adam, checkpoint: Checkpoint, file: string): void {
  const { moments, position } = checkpoint;
  const flats = adam.slabs.flatMap((slab, i) => {
    const { m, v } = adam.moments[i]!;
    return [
      { variable: m, slab, kind: "exp_avg" },
      { variable: v, slab, kind: "exp_avg_sq" },
    ].map(({ variable, kind }) => {
      const flat = new Float32Array(slab.floats);
      for (const [k, variable] of slab.variables.entries()) {
        const p = variable as Parameter;
        const given = moments.get(`${kind}.${p.name}`);
        if (given?.data.length !== p.size) {
          throw new CheckpointError(`${file}: optimiser state ${kind}.${p.name} is missing or of another shape`);
        }
        flat.set(fromTorch(given.data, p.shape, p.layout), slab.offsets[k]);
      }
      return { variable, flat };
    });
  });
  for (const { variable, flat } of flats) writeVariable(gpu, variable, flat);
  adam.steps = position.adamSteps;
}
