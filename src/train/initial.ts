/** Weights that a run begins with where it begins from an earlier model. Needs no device. */
import { ConfigError } from "../models/config-error.ts";
import {
  originsOf,
  originText,
  type EarlierRun,
  type ModelSpec,
  type Origin,
  type OtherWeights,
} from "../models/spec.ts";
import { sameShape, showShape } from "../kernels/kernel.ts";
import { toTorch, torchShape } from "../nn/layout.ts";
import type { Module, Parameter, StateDict } from "../nn/module.ts";
import type { ReadWeights } from "../io/weights.ts";
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

/** What a run takes of one file. */
export interface TakenPart {
  readonly origin: Origin;
  /** Names of the network's tensors that were taken, and of the file's that were not although they are of the part that was asked for. */
  readonly taken: readonly string[];
  readonly left: readonly string[];
  /** What else is to be said, one line each. */
  readonly notes: readonly string[];
}

export interface InitialWeights {
  /** Of the whole network. */
  readonly state: StateDict;
  /** One for each file, in their order. */
  readonly parts: readonly TakenPart[];
  /** Names of the network's tensors that no file gives: they have the seed's values. */
  readonly fresh: readonly string[];
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
    // Loaded when needed: the page's first load does without PyTorch's pickles.
    const { readWeights } = await import("../io/weights.ts");
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

/** The same, of which a run takes only this part of the network. */
export const partOf = <S extends Source>(source: S, module: string): S => ({
  ...source,
  origin: { ...source.origin, module },
});

/**
 * The weights with which the run of `config` begins: of each source all tensors, running statistics included, except for what the model lets
 * differ (`ModelSpec.exchangeable`) and, where the classes differ, the last layer; or those of the part that its origin names. Weights of another
 * program may be of one branch of the network only.
 * @throws ConfigError if `config` names other sources, a part that the network has not, or two sources give the same tensor
 * @throws CheckpointError naming the first tensor that does not fit, and both shapes
 */
export function initialWeights(config: TrainConfig, sources: readonly Source[]): InitialWeights {
  const named = originsOf(config).map(({ sha256 }) => sha256);
  const strange = sources.findIndex(({ origin }, i) => named[i] !== origin.sha256);
  if (strange >= 0) {
    throw new ConfigError(`${sources[strange]!.origin.file} is not the file that the run begins from`, "init");
  }
  const missing = originsOf(config)[sources.length];
  if (missing) throw new ConfigError(`the weights of ${missing.file} are not at hand`, "init");
  const { net } = buildModel(config);
  const giver = new Map<string, Origin>();
  const given: StateDict = new Map();
  const parts = sources.map((source): TakenPart => {
    requireModule(net, source.origin);
    const { state, ...part } =
      "weights" in source
        ? fromOthers(config, net, source.weights, source.origin)
        : fromRun(config, net, source.checkpoint, source.origin);
    for (const [name, tensor] of state) {
      const other = giver.get(name);
      if (other) throw overlapping(name, other, source.origin);
      giver.set(name, source.origin);
      given.set(name, tensor);
    }
    return { origin: source.origin, taken: [...state.keys()], ...part };
  });
  const state: StateDict = new Map();
  const fresh: string[] = [];
  for (const [name, parameter] of net.named()) {
    if (!given.has(name)) fresh.push(name);
    state.set(name, given.get(name) ?? initialOf(parameter));
  }
  return { state, parts, fresh };
}

/** @throws ConfigError for a part that the network has not */
function requireModule(net: Module, { file, module }: Origin): void {
  // Lists of modules, such as mga, are parts too.
  const names = [...net.named()].map(([name]) => name);
  if (module === undefined || names.some((name) => name.startsWith(`${module}.`))) return;
  const parts = [...new Set(names.map((name) => name.split(".")[0]!))];
  throw new ConfigError(`${file}: the network has no part ${module}; its parts are ${parts.join(", ")}`, "init");
}

function overlapping(name: string, one: Origin, other: Origin): ConfigError {
  return new ConfigError(
    `${originText(one)} and ${originText(other)} both give ${name}: name the part that is to be taken of each, as in --init ` +
      `${name.split(".")[0]!}=${other.file}`,
    "init",
  );
}

/** A parameter's initial value, in PyTorch's layout. */
const initialOf = ({ initial, shape, layout, size }: Parameter) => ({
  shape: torchShape(shape, layout),
  data: toTorch(initial ?? new Float32Array(size), shape, layout),
});

/** Tensors by the network's names, and what is said of them. */
interface Given extends Pick<TakenPart, "left" | "notes"> {
  readonly state: StateDict;
}

function fromOthers(config: TrainConfig, net: Module, weights: ReadWeights, { file, module: wanted }: Origin): Given {
  const spec = specOf(config);
  const last = lastLayer(spec, config);
  const mayLack = (name: string) => last.has(name) || isExchangeable(spec, name);
  const { state, module, left, widened } = place(net, weights, file, mayLack, wanted);
  const notes = [...weights.notes];
  if (module !== "" && wanted === undefined) notes.push(`the weights are of the ${module}`);
  for (const name of widened) notes.push(`${name} was made for one channel: each of three has a third of it`);
  if ([...last].some((name) => state.has(name)))
    notes.push(`the last layer is taken: its classes are read as ${classesOf(config).names.join(", ")}`);
  return { state, left, notes };
}

function fromRun(config: TrainConfig, net: Module, checkpoint: Checkpoint, origin: EarlierRun): Given {
  const spec = specOf(config);
  const last = keepsClasses(config, origin) ? new Set<string>() : lastLayer(spec, config);
  const mayDiffer = (name: string) => last.has(name) || isExchangeable(spec, name);
  const misfit = (text: string) =>
    new CheckpointError(`${origin.file}: ${text}${differences(spec, checkpoint, config)}`);
  const isAsked = (name: string) => origin.module === undefined || name.startsWith(`${origin.module}.`);
  const own = new Set<string>();
  const state: StateDict = new Map();
  const left: string[] = [];
  for (const [name, parameter] of net.named()) {
    own.add(name);
    if (!isAsked(name)) continue;
    const shape = torchShape(parameter.shape, parameter.layout);
    const given = last.has(name) ? undefined : checkpoint.model.get(name);
    if (!given && !mayDiffer(name)) throw misfit(`${name} ${showShape(shape)} is missing`);
    if (given && !sameShape(given.shape, shape)) {
      throw misfit(`${name} is ${showShape(given.shape)}, the new network has ${showShape(shape)}`);
    }
    if (given) state.set(name, given);
  }
  for (const [name, { shape }] of checkpoint.model) {
    if (state.has(name) || !isAsked(name)) continue;
    if (!own.has(name) && !mayDiffer(name)) throw misfit(`the new network has no ${name} ${showShape(shape)}`);
    left.push(name);
  }
  if (state.size === 0) {
    const part = origin.module ?? "the network";
    const why = [...last].some(isAsked)
      ? `its classes are ${origin.classes.join(", ")}, not ${classesOf(config).names.join(", ")}`
      : "it has no tensor of these names";
    throw new CheckpointError(`${origin.file}: nothing of ${part} is taken: ${why}`);
  }
  return { state, left, notes: [] };
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

/** "398 tensors taken; left: 2 of fc; initial values: 2 of fc and 4 of mga.L0": what was taken of a file, for people. */
export function takenText({ taken, left, notes }: TakenPart, fresh: readonly string[] = []): string {
  const list = (title: string, names: readonly string[]) => (names.length > 0 ? [`${title}: ${byModule(names)}`] : []);
  return [
    `${taken.length} ${taken.length === 1 ? "tensor" : "tensors"} taken`,
    ...list("left", left),
    ...list("initial values", fresh),
    ...notes,
  ].join("; ");
}

/** What a run begins from, a line each: the files, and what none of several gives. */
export function beginningTexts({ parts, fresh }: InitialWeights): string[] {
  const [one, ...others] = parts;
  const begins = (part: TakenPart, rest?: readonly string[]) =>
    `Begins from ${originText(part.origin)}: ${takenText(part, rest)}`;
  if (one && others.length === 0) return [begins(one, fresh)];
  return [
    ...parts.map((part) => begins(part)),
    ...(fresh.length > 0 ? [`Initial values of the seed: ${byModule(fresh)}`] : []),
  ];
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
