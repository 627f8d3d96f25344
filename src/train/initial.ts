/** Weights that a run begins with where it begins from an earlier model. Needs no device. */
import { ConfigError } from "../models/config-error.ts";
import type { ModelSpec, Origin } from "../models/spec.ts";
import { sameShape, showShape } from "../kernels/kernel.ts";
import { toTorch, torchShape } from "../nn/layout.ts";
import type { Module, StateDict } from "../nn/module.ts";
import { buildModel } from "./build.ts";
import { CheckpointError, naming, parseCheckpoint, trainedPhase, type Checkpoint } from "./checkpoint.ts";
import { classesOf, keepsClasses } from "./classes.ts";
import { outlinesOf, specOf, type TrainConfig } from "./config.ts";

/** A checkpoint that a run can begin from. */
export interface Source {
  readonly checkpoint: Checkpoint;
  /** What the run's configuration says of it. */
  readonly origin: Origin;
}

export interface InitialWeights {
  /** Of the whole network. */
  readonly state: StateDict;
  /** Names of the tensors that were taken; of the file's others; and of the network's others, which have the seed's values. */
  readonly taken: readonly string[];
  readonly left: readonly string[];
  readonly fresh: readonly string[];
}

/**
 * Reads a checkpoint to begin from.
 * @param file what to call it
 * @throws CheckpointError if it is none, or nothing has been trained in it
 */
export async function parseSource(bytes: Uint8Array, file: string): Promise<Source> {
  const checkpoint = parseCheckpoint(bytes, file);
  const { config } = checkpoint;
  const phase = trainedPhase(checkpoint);
  if (!phase) throw new CheckpointError(`${file}: nothing has been trained in it yet`);
  naming(file, () => buildModel(config).net.requireStateDict(checkpoint.model));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const { learned } = outlinesOf(config);
  const classes = [...classesOf(config).names];
  return { checkpoint, origin: { file, sha256, model: config.model, phase: phase.name, outlines: learned, classes } };
}

/**
 * The weights with which the run of `config` begins: all tensors of the source, running statistics included, except for what the
 * model lets differ (`ModelSpec.exchangeable`) and, where the classes differ, the last layer.
 * @throws ConfigError if `config` names another source
 * @throws CheckpointError naming the first tensor that does not fit, and both shapes
 */
export function initialWeights(config: TrainConfig, { checkpoint, origin }: Source): InitialWeights {
  const { init } = config;
  if (init?.sha256 !== origin.sha256) {
    throw new ConfigError(`${origin.file} is not the file that the run begins from`, "init");
  }
  const spec = specOf(config);
  const { net } = buildModel(config);
  const last = keepsClasses(config, origin) ? new Set<string>() : lastLayer(spec, config);
  const mayDiffer = (name: string) => last.has(name) || isExchangeable(spec, name);
  const misfit = (text: string) =>
    new CheckpointError(`${origin.file}: ${text}${differences(spec, checkpoint, config)}`);
  const state: StateDict = new Map();
  const names = { taken: [] as string[], left: [] as string[], fresh: [] as string[] };
  for (const [name, parameter] of net.named()) {
    const shape = torchShape(parameter.shape, parameter.layout);
    const given = last.has(name) ? undefined : checkpoint.model.get(name);
    if (!given && !mayDiffer(name)) throw misfit(`${name} ${showShape(shape)} is missing`);
    if (given && !sameShape(given.shape, shape)) {
      throw misfit(`${name} is ${showShape(given.shape)}, the new network has ${showShape(shape)}`);
    }
    names[given ? "taken" : "fresh"].push(name);
    const initial = () => parameter.initial ?? new Float32Array(parameter.size);
    state.set(name, given ?? { shape, data: toTorch(initial(), parameter.shape, parameter.layout) });
  }
  for (const [name, { shape }] of checkpoint.model) {
    if (state.has(name) && !last.has(name)) continue;
    if (!mayDiffer(name)) throw misfit(`the new network has no ${name} ${showShape(shape)}`);
    names.left.push(name);
  }
  return { state, ...names };
}

const isExchangeable = ({ exchangeable }: ModelSpec, name: string): boolean =>
  exchangeable?.modules.some((module) => name.startsWith(`${module}.`)) ?? false;

/** Names of the tensors whose shapes follow the number of classes: those of the last layer, and of auxiliary ones. */
function lastLayer(spec: ModelSpec, config: TrainConfig): Set<string> {
  const shapes = (classes: number) => shapesOf(spec.build(config, classes, 0));
  const [two, three] = [shapes(2), shapes(3)];
  return new Set([...two].flatMap(([name, shape]) => (sameShape(shape, three.get(name)!) ? [] : [name])));
}

const shapesOf = (net: Module) => new Map([...net.named()].map(([name, { shape }]) => [name, shape] as const));

/** "; its width is 0.25, not 1": the settings that the tensors do not fit because of. */
function differences(spec: ModelSpec, { config: before }: Checkpoint, now: TrainConfig): string {
  const [a, b] = [before, now] as unknown as Record<string, unknown>[];
  const text = (value: unknown) => (Array.isArray(value) ? value.join("×") : String(value));
  const found = spec.shapedBy.filter(
    (name) => !spec.exchangeable?.options.includes(name) && text(a![name]) !== text(b![name]),
  );
  return found.map((name) => `; its ${name} is ${text(a![name])}, not ${text(b![name])}`).join("");
}

/** "398 tensors taken; left: 2 of fc; initial values: 2 of fc and 4 of mga.L0": what was taken, for people. */
export function takenText({ taken, left, fresh }: Omit<InitialWeights, "state">): string {
  const list = (title: string, names: readonly string[]) => (names.length > 0 ? [`${title}: ${byModule(names)}`] : []);
  return [`${taken.length} tensors taken`, ...list("left", left), ...list("initial values", fresh)].join("; ");
}

/** "2 of fc, 4 of mga.L0". */
function byModule(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) {
    const parts = name.split(".");
    const module = parts.slice(0, Math.min(2, parts.length - 1)).join(".");
    counts.set(module, (counts.get(module) ?? 0) + 1);
  }
  return [...counts].map(([module, count]) => `${count} of ${module}`).join(", ");
}
