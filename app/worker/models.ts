/** Trained models of the page: the one that comes with it, those of its runs, and files that were opened. */
import type { Classes } from "../../src/data/classes.ts";
import { DataError } from "../../src/data/sample.ts";
import { methodsOf, type ExplainMethod } from "../../src/explain/methods.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { openModel } from "../../src/runs/open-model.ts";
import { hasCheckpoint, readRecords, runCheckpoint, type Loaded } from "../../src/runs/run.ts";
import { InputError, readJson } from "../../src/runs/store.ts";
import { isClassifier, parseCheckpoint, start, trainedPhase, type Checkpoint } from "../../src/train/checkpoint.ts";
import { classesOf } from "../../src/train/classes.ts";
import { checkConfig, outlinesOf, specOf } from "../../src/train/config.ts";
import { OpfsStore } from "../../src/web/opfs-store.ts";
import { RUNS } from "../../src/web/runner.ts";

/** "built-in", "run:NAME" or "file:NAME". */
export type ModelId = string;

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
}

const BUILT_IN = "built-in";
const FILES = new OpfsStore("models");
const runs = new OpfsStore(RUNS);

/** Where the built-in model lies, given by the page. */
let builtIn: Promise<Loaded> | undefined;

/** @param url of its file */
export function offerBuiltIn(url: string): void {
  builtIn ??= fetchModel(url).catch((error: unknown) => {
    builtIn = undefined; // It can be fetched again.
    throw error;
  });
}

async function fetchModel(url: string): Promise<Loaded> {
  const response = await fetch(url);
  if (!response.ok) throw new InputError(`the built-in model cannot be fetched: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const name = "the built-in model";
  return { checkpoint: parseCheckpoint(bytes, name), file: name, name, store: FILES };
}

/** @throws InputError, CheckpointError */
export async function loadModel(id: ModelId): Promise<Loaded> {
  if (id === BUILT_IN) {
    if (!builtIn) throw new InputError("there is no built-in model");
    return builtIn;
  }
  const [kind, name] = [id.slice(0, id.indexOf(":")), id.slice(id.indexOf(":") + 1)];
  if (kind === "run") return runCheckpoint(runs.folder(name));
  if (kind !== "file") throw new InputError(`there is no model ${id}`);
  return { checkpoint: parseCheckpoint(await FILES.read(name), name), file: name, name, store: FILES };
}

/** Of a checkpoint, or of a run, whose last record tells the position. */
function entryOf(id: ModelId, name: string, { config, position }: Pick<Checkpoint, "config" | "position">): ModelEntry {
  const spec = specOf(config);
  const trained = isClassifier({ config, position });
  return {
    ...{ id, name, model: spec.id, title: spec.title, classes: classesOf(config), size: config.size },
    ...{ classifies: trained, outlines: outlinesOf(config).learned },
    ...{ methods: trained ? methodsOf(spec.explain) : [], points: spec.explain.points },
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

/**
 * Keeps a file.
 * @throws CheckpointError, SafetensorsError if it is not a model's; DataError if it was never trained; InputError if it cannot be stored
 */
export async function addModel(gpu: Gpu, fileName: string, bytes: Uint8Array): Promise<ModelEntry> {
  const checkpoint = parseCheckpoint(bytes, fileName);
  if (!trainedPhase(checkpoint)) throw new DataError(`${fileName}: was not trained: there is nothing to predict`);
  // Whether the weights fit shows when they are loaded.
  openModel(gpu, { checkpoint, file: fileName })[Symbol.dispose]();
  const name = await unusedName(fileName);
  await FILES.write(name, bytes);
  return entryOfFile(name);
}

async function unusedName(fileName: string): Promise<string> {
  const base = fileName.replace(/\.safetensors$/i, "").replace(/[^\p{L}\p{N} ._()-]+/gu, "-");
  const clean = base.replace(/^[^\p{L}\p{N}]+/u, "").slice(0, 60) || "model";
  const taken = await FILES.list();
  let name = clean;
  for (let n = 2; taken.includes(`${name}.safetensors`); n++) name = `${clean} (${n})`;
  return `${name}.safetensors`;
}

/** Of a file; a run's goes with its run. */
export async function removeModel(id: ModelId): Promise<void> {
  if (!id.startsWith("file:")) throw new InputError(`${id}: only models from files are removed here`);
  await FILES.remove(id.slice("file:".length));
  entries.delete(id);
}
