/** Weights that a run begins with where it begins from an earlier model. Needs no device. */
import { ConfigError } from "../models/config-error.ts";
import type { EarlierRun, ModelSpec, OtherWeights } from "../models/spec.ts";
import { sameShape, showShape } from "../kernels/kernel.ts";
import { toTorch, torchShape } from "../nn/layout.ts";
import type { Module, Parameter, StateDict } from "../nn/module.ts";
import { readWeights, type ReadWeights } from "../io/weights.ts";
import { buildModel } from "./build.ts";
import { CheckpointError, isCheckpoint, naming, parseCheckpoint, trainedPhase, type Checkpoint } from "./checkpoint.ts";
import { classesOf, keepsClasses } from "./classes.ts";
import { outlinesOf, specOf, type TrainConfig } from "./config.ts";
import { place } from "./other-weights.ts";

/** What a run can begin from; `origin` is what the run's configuration says of it. */
export type Source = RunSource | WeightsSource;

/** A checkpoint of an earlier run. */
export interface RunSource {
  readonly checkpoint: Checkpoint;
  readonly origin: EarlierRun;
}

/** Weights of another program. */
export interface WeightsSource {
  readonly weights: ReadWeights;
  readonly origin: OtherWeights;
}

export interface InitialWeights {
  /** Of the whole network. */
  readonly state: StateDict;
  /** Names of the tensors that were taken; of the file's others; and of the network's others, which have the seed's values. */
  readonly taken: readonly string[];
  readonly left: readonly string[];
  readonly fresh: readonly string[];
  /** What else is to be said, one line each. */
  readonly notes: readonly string[];
}

/**
 * Reads a checkpoint, or weights of another program, to begin from.
 * @param file what to call it
 * @throws CheckpointError, SafetensorsError, TorchFileError if it is none, or nothing has been trained in it
 */
export async function parseSource(bytes: Uint8Array, file: string): Promise<Source> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (!isCheckpoint(bytes, file)) {
    const weights = readWeights(bytes, file);
    return { weights, origin: { file, sha256, format: weights.format } };
  }
  const checkpoint = parseCheckpoint(bytes, file);
  const { config } = checkpoint;
  const phase = trainedPhase(checkpoint);
  if (!phase) throw new CheckpointError(`${file}: nothing has been trained in it yet`);
  naming(file, () => buildModel(config).net.requireStateDict(checkpoint.model));
  const { learned } = outlinesOf(config);
  const classes = [...classesOf(config).names];
  return { checkpoint, origin: { file, sha256, model: config.model, phase: phase.name, outlines: learned, classes } };
}

/**
 * The weights with which the run of `config` begins: all tensors of the source, running statistics included, except for what the
 * model lets differ (`ModelSpec.exchangeable`) and, where the classes differ, the last layer. Weights of another program may be of one
 * branch of the network only.
 * @throws ConfigError if `config` names another source
 * @throws CheckpointError naming the first tensor that does not fit, and both shapes
 */
export function initialWeights(config: TrainConfig, source: Source): InitialWeights {
  if (config.init?.sha256 !== source.origin.sha256) {
    throw new ConfigError(`${source.origin.file} is not the file that the run begins from`, "init");
  }
  return "weights" in source
    ? fromOthers(config, source.weights, source.origin.file)
    : fromRun(config, source.checkpoint, source.origin);
}

/** A parameter's initial value, in PyTorch's layout. */
const initialOf = ({ initial, shape, layout, size }: Parameter) => ({
  shape: torchShape(shape, layout),
  data: toTorch(initial ?? new Float32Array(size), shape, layout),
});

function fromOthers(config: TrainConfig, weights: ReadWeights, file: string): InitialWeights {
  const spec = specOf(config);
  const { net } = buildModel(config);
  const last = lastLayer(spec, config);
  const mayLack = (name: string) => last.has(name) || isExchangeable(spec, name);
  const { state: given, module, left, widened } = place(net, weights, file, mayLack);
  const state: StateDict = new Map();
  const fresh: string[] = [];
  for (const [name, parameter] of net.named()) {
    if (!given.has(name)) fresh.push(name);
    state.set(name, given.get(name) ?? initialOf(parameter));
  }
  const notes = [...weights.notes];
  if (module !== "") notes.push(`the weights are of the ${module}`);
  for (const name of widened) notes.push(`${name} was made for one channel: each of three has a third of it`);
  const named = [...last].filter((name) => given.has(name));
  if (named.length > 0)
    notes.push(`the last layer is taken: its classes are read as ${classesOf(config).names.join(", ")}`);
  return { state, taken: [...given.keys()], left, fresh, notes };
}

function fromRun(config: TrainConfig, checkpoint: Checkpoint, origin: EarlierRun): InitialWeights {
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
    state.set(name, given ?? initialOf(parameter));
  }
  for (const [name, { shape }] of checkpoint.model) {
    if (state.has(name) && !last.has(name)) continue;
    if (!mayDiffer(name)) throw misfit(`the new network has no ${name} ${showShape(shape)}`);
    names.left.push(name);
  }
  return { state, ...names, notes: [] };
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
export function takenText({ taken, left, fresh, notes }: Omit<InitialWeights, "state">): string {
  const list = (title: string, names: readonly string[]) => (names.length > 0 ? [`${title}: ${byModule(names)}`] : []);
  return [`${taken.length} tensors taken`, ...list("left", left), ...list("initial values", fresh), ...notes].join(
    "; ",
  );
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
