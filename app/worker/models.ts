/** Trained models of the page: the one that comes with it, those of its runs, and files that were opened. */
import type { Classes } from "../../src/data/classes.ts";
import { DataError } from "../../src/data/sample.ts";
import { methodsOf, type ExplainMethod } from "../../src/explain/methods.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { openModel } from "../../src/runs/open-model.ts";
import type { Origin } from "../../src/models/spec.ts";
import {
  checkpointName,
  hasCheckpoint,
  readRecords,
  readSource,
  runCheckpoint,
  type Loaded,
} from "../../src/runs/run.ts";
import { InputError, readJson } from "../../src/runs/store.ts";
import { isClassifier, parseCheckpoint, start, trainedPhase, type Checkpoint } from "../../src/train/checkpoint.ts";
import { classesOf } from "../../src/train/classes.ts";
import { checkConfig, dataSeed, outlinesOf, specOf } from "../../src/train/config.ts";
import { isTorchFile } from "../../src/data/torch/kind.ts";
import { parseSource, type Source } from "../../src/train/initial.ts";
import { OpfsStore } from "../../src/web/opfs-store.ts";
import { RUNS } from "../../src/web/runner.ts";
import { cleanName, freeName } from "../project/names.ts";

/** "built-in", "run:NAME" or "file:NAME"; "weights:NAME" of weights that only a training can begin from. */
export type ModelId = string;

/** A file of another program's weights, which do not say what network they are of. */
export interface WeightsEntry {
  id: ModelId;
  name: string;
}

/** What a user chooses among. */
export interface ModelEntry {
  id: ModelId;
  /** For people. */
  name: string;
  /** The registry's name of its network, and the title. */
  model: string;
  title: string;
  classes: Classes;
  /** Height and width that it sees. */
  size: readonly [number, number];
  /** Whether its probabilities mean something, and its masks. */
  classifies: boolean;
  outlines: boolean;
  /** How it can be explained, and at which points; empty if it cannot. */
  methods: readonly ExplainMethod[];
  points: readonly string[];
  /** How many epochs it was trained. */
  epochs: number;
  /** The images that it was trained on, as its configuration names them, and the seed of drawn ones. */
  data: string;
  dataSeed: number;
}

const BUILT_IN = "built-in";
const FILES = new OpfsStore("models");
const WEIGHTS = new OpfsStore("weights");
const runs = new OpfsStore(RUNS);

interface BuiltIn extends Loaded {
  bytes: Uint8Array;
}

/** Where the built-in model lies, given by the page. */
let builtIn: Promise<BuiltIn> | undefined;

/** @param url of its file */
export function offerBuiltIn(url: string): void {
  builtIn ??= fetchModel(url).catch((error: unknown) => {
    builtIn = undefined; // It can be fetched again.
    throw error;
  });
}

async function fetchModel(url: string): Promise<BuiltIn> {
  const response = await fetch(url).catch((error: unknown) => {
    throw new InputError(`the built-in model cannot be fetched: ${(error as Error).message}`, { cause: error });
  });
  if (!response.ok) throw new InputError(`the built-in model cannot be fetched: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const name = "the built-in model";
  return { checkpoint: parseCheckpoint(bytes, name), file: name, name, store: FILES, bytes };
}

async function builtInModel(): Promise<BuiltIn> {
  if (!builtIn) throw new InputError("there is no built-in model");
  return builtIn;
}

const kindAndName = (id: ModelId) => [id.slice(0, id.indexOf(":")), id.slice(id.indexOf(":") + 1)] as const;

/** @throws InputError, CheckpointError */
export async function loadModel(id: ModelId): Promise<Loaded> {
  if (id === BUILT_IN) return builtInModel();
  const [kind, name] = kindAndName(id);
  if (kind === "run") return runCheckpoint(runs.folder(name));
  if (kind !== "file") throw new InputError(`there is no model ${id}`);
  return { checkpoint: parseCheckpoint(await FILES.read(name), name), file: name, name, store: FILES };
}

/** A model for a training to begin from. @throws InputError, CheckpointError */
export async function loadSource(id: ModelId): Promise<Source> {
  const [kind, name] = kindAndName(id);
  if (kind === "run") {
    const store = runs.folder(name);
    return readSource(store, await checkpointName(store));
  }
  if (kind === "file") return readSource(FILES, name);
  if (kind === "weights") return readSource(WEIGHTS, name);
  const { bytes, file } = await builtInModel();
  return parseSource(bytes, file);
}

/**
 * The model that a run begins from, again, where it ended before its first checkpoint.
 * @throws InputError if it is not there any more
 */
export async function loadSourceAgain({ file }: Origin): Promise<Source> {
  try {
    const { bytes, file: name } = (await builtIn) ?? {};
    if (bytes && name === file) return await parseSource(bytes, name);
    const end = file.lastIndexOf("/");
    return await readSource(new OpfsStore(file.slice(0, Math.max(0, end))), file.slice(end + 1));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`this run begins from ${file}, which is not there any more: remove it, and start another`, {
      cause: error,
    });
  }
}

/** Of a checkpoint, or of a run, whose last record tells the position. */
function entryOf(id: ModelId, name: string, { config, position }: Pick<Checkpoint, "config" | "position">): ModelEntry {
  const spec = specOf(config);
  const trained = isClassifier({ config, position });
  return {
    ...{ id, name, model: spec.id, title: spec.title, classes: classesOf(config), size: config.size },
    ...{ classifies: trained, outlines: outlinesOf(config).learned },
    ...{ methods: trained ? methodsOf(spec.explain) : [], points: spec.explain.points },
    ...{ data: config.data, dataSeed: dataSeed(config) },
    epochs: spec.phases.reduce((sum, phase, i) => {
      if (i < position.stage) return sum + config.epochs[phase.name]!;
      return i === position.stage ? sum + position.epoch : sum;
    }, 0),
  };
}

/** Undefined before its first epoch has ended. */
async function entryOfRun(name: string): Promise<ModelEntry | undefined> {
  const store = runs.folder(name);
  const last = (await readRecords(store)).at(-1);
  if (!last || !(await hasCheckpoint(store))) return undefined;
  const config = checkConfig(await readJson(store, "config.json"));
  const stage = specOf(config).phases.findIndex((phase) => phase.name === last.stage);
  return entryOf(`run:${name}`, name, { config, position: { ...start, stage, epoch: last.epoch } });
}

/** Files do not change under their names, and are read once. */
const entries = new Map<string, ModelEntry>();

async function entryOfFile(name: string): Promise<ModelEntry> {
  const id = `file:${name}`;
  const entry = entries.get(id) ?? entryOf(id, name, (await loadModel(id)).checkpoint);
  entries.set(id, entry);
  return entry;
}

/** All that can be asked now, the built-in one first, then runs, the newest first. What cannot be read is named. */
export async function listModels(): Promise<{ models: ModelEntry[]; problems: string[] }> {
  const models: ModelEntry[] = [];
  const problems: string[] = [];
  const list = async (find: () => Promise<ModelEntry | undefined>) => {
    try {
      const entry = await find();
      if (entry) models.push(entry);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  };
  if (builtIn) {
    await list(async () => entryOf(BUILT_IN, "Built-in, trained on synthetic images", (await builtIn!).checkpoint));
  }
  for (const name of (await runs.list()).sort().reverse()) await list(() => entryOfRun(name));
  for (const name of (await FILES.list()).sort()) await list(() => entryOfFile(name));
  return { models, problems };
}

/** A file's name without its ending. */
const bare = (fileName: string): string => fileName.replace(/\.safetensors$/i, "");

/**
 * Keeps a file.
 * @throws CheckpointError, SafetensorsError if it is not a model's; DataError if it was never trained; InputError if it cannot be stored
 */
export async function addModel(gpu: Gpu, fileName: string, bytes: Uint8Array): Promise<ModelEntry> {
  if (isTorchFile(bytes)) {
    throw new DataError(
      `${fileName}: is a file of PyTorch's, which a training can begin from (Train, Start from, Open weights…); here a checkpoint of this program is needed (.safetensors)`,
    );
  }
  const checkpoint = parseCheckpoint(bytes, fileName);
  if (!trainedPhase(checkpoint)) throw new DataError(`${fileName}: was not trained: there is nothing to predict`);
  // Whether the weights fit shows when they are loaded.
  openModel(gpu, { checkpoint, file: fileName })[Symbol.dispose]();
  const kept = (await FILES.list()).map(bare);
  const name = `${freeName(cleanName(bare(fileName), 60, "model"), kept)}.safetensors`;
  await FILES.write(name, bytes);
  return entryOfFile(name);
}

/** The files of weights that were opened to begin trainings from. */
export async function listWeights(): Promise<WeightsEntry[]> {
  return (await WEIGHTS.list()).sort().map((name) => ({ id: `weights:${name}`, name }));
}

/**
 * Keeps a file of weights for trainings to begin from; a checkpoint becomes a model, as by `addModel`.
 * @throws TorchFileError, SafetensorsError, WeightsError if it holds none; DataError, InputError as `addModel`
 */
export async function addWeights(gpu: () => Promise<Gpu>, fileName: string, bytes: Uint8Array): Promise<ModelId> {
  const source = await parseSource(bytes, fileName);
  if ("checkpoint" in source) return (await addModel(await gpu(), fileName, bytes)).id;
  const [ending = ""] = /\.[A-Za-z0-9]{1,20}$/.exec(fileName) ?? [];
  const kept = (await WEIGHTS.list()).map((name) => name.slice(0, name.length - ending.length));
  const own = fileName.slice(0, fileName.length - ending.length);
  const name = `${freeName(cleanName(own, 60, "weights"), kept)}${ending}`;
  await WEIGHTS.write(name, bytes);
  return `weights:${name}`;
}

/** Of a file; a run's goes with its run. */
export async function removeModel(id: ModelId): Promise<void> {
  if (id.startsWith("weights:")) {
    await WEIGHTS.remove(id.slice("weights:".length));
    return;
  }
  if (!id.startsWith("file:")) throw new InputError(`${id}: only models from files are removed here`);
  await FILES.remove(id.slice("file:".length));
  entries.delete(id);
}
