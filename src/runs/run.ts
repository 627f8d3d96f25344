/** The folder that a training run leaves behind. */
import type { Evaluation } from "../metrics/evaluation.ts";
import { writePredictions, type EvaluatedSide, type Predictions } from "../metrics/predictions.ts";
import { parseCheckpoint, type Checkpoint } from "../train/checkpoint.ts";
import type { TrainConfig } from "../train/config.ts";
import type { EpochRecord } from "../train/training.ts";
import { InputError, isOwnFile, readText, toJson, type Store } from "./store.ts";

const CONFIG = "config.json";
/** Which image is on which side. */
const SPLIT = "split.json";
/** A line an epoch. */
const METRICS = "metrics.jsonl";
/** Which variants of the kernels the run computes with. */
const VARIANTS = "variants.json";
/** The last of all files: a run that has one has everything. */
const SUMMARY = "summary.json";
const LAST = "last.safetensors";
const BEST = "best.safetensors";

/** What the network says of each image of a side. */
export const predictionsFile = (on: EvaluatedSide): string =>
  on === "val" ? "predictions.json" : `predictions-${on}.json`;

/** TensorBoard's event files. */
export const isEventFile = (name: string): boolean => /^events\.out\.tfevents\.\d+\.mganet$/.test(name);

/** A checkpoint, and the folder that it lies in. */
export interface Loaded {
  checkpoint: Checkpoint;
  /** Its path, for messages, and its name in the folder. */
  file: string;
  name: string;
  /** Its folder: that of its run, as a rule. */
  store: Store;
}

/** Whether a run has finished. */
export const isComplete = (store: Store): Promise<boolean> => store.exists(SUMMARY);

export const hasCheckpoint = (store: Store): Promise<boolean> => store.exists(LAST);

/** The split that a run was started with; undefined where its folder has none. */
export const ownSplit = async (store: Store): Promise<string | undefined> =>
  (await store.exists(SPLIT)) ? readText(store, SPLIT) : undefined;

/** @throws InputError, CheckpointError */
export async function readCheckpoint(store: Store, name: string): Promise<Loaded> {
  const file = store.path(name);
  return { checkpoint: parseCheckpoint(await store.read(name), file), file, name, store };
}

/**
 * The checkpoint `name` of a run, or best where there is one, else last.
 * @throws InputError, CheckpointError
 */
export async function runCheckpoint(store: Store, name?: "best" | "last"): Promise<Loaded> {
  const names = name ? [`${name}.safetensors`] : [BEST, LAST];
  for (const file of names) if (await store.exists(file)) return readCheckpoint(store, file);
  throw new InputError(`${store.name}: there is no checkpoint ${names.join(" or ")}`);
}

/** The epochs that a run has recorded so far. @throws InputError */
export async function readRecords(store: Store): Promise<EpochRecord[]> {
  if (!(await store.exists(METRICS))) return [];
  const lines = (await readText(store, METRICS)).split("\n");
  return lines.filter(Boolean).map((line, i) => {
    const record = parseRecord(line);
    if (!record) throw new InputError(`${store.path(METRICS)}: line ${i + 1} is not the record of an epoch`);
    return record;
  });
}

/** Copies the records of one run into the folder of another. */
export const copyRecords = async (from: Store, to: Store): Promise<void> => to.write(METRICS, await from.read(METRICS));

export const savePredictions = (store: Store, predictions: Predictions): Promise<void> =>
  store.write(predictionsFile(predictions.on), writePredictions(predictions));

export class Run {
  readonly store: Store;
  #records: EpochRecord[] = [];
  #hasCheckpoint = false;
  #variants: string | undefined;

  private constructor(store: Store) {
    this.store = store;
  }

  /** @throws InputError if a new run cannot be made there, such as because the folder holds something already */
  static async requireFree(store: Store): Promise<void> {
    await store.requireWritable();
    if ((await store.list()).some((name) => !isOwnFile(name))) {
      throw new InputError(`${store.name}: the folder is not empty; choose another --out, or --resume ${store.name}`);
    }
  }

  /** A new run. @throws InputError as `requireFree` and `Store.lock` do */
  static async create(store: Store, config: TrainConfig): Promise<Run> {
    await Run.requireFree(store);
    await store.lock();
    // Another process may have started and finished a run in the meantime.
    await Run.requireFree(store);
    const run = new Run(store);
    await store.write(CONFIG, toJson(config));
    return run;
  }

  /**
   * A run that was interrupted, with its last checkpoint. Lines of metrics.jsonl that are later than that are dropped.
   * @throws InputError, CheckpointError
   */
  static async open(store: Store): Promise<{ run: Run; loaded: Loaded }> {
    const run = new Run(store);
    if (!(await store.exists(LAST))) {
      if (!(await store.exists(""))) throw new InputError(`${store.name}: no such folder`);
      const why = (await store.exists(CONFIG))
        ? "the run ended before its first checkpoint; start it again, with another --out"
        : "not a run folder";
      throw new InputError(`${store.name}: ${why} (there is no ${LAST})`);
    }
    await store.requireWritable();
    await store.lock();
    const loaded = await readCheckpoint(store, LAST);
    const { position } = loaded.checkpoint;
    run.#records = (await readRecords(store)).filter((r) => r.step <= position.step);
    run.#hasCheckpoint = true;
    run.#variants = await readVariants(store);
    await store.removeLeftovers();
    return { run, loaded };
  }

  /**
   * The same, or undefined where there is nothing to resume: what is left of a run that ended before its first checkpoint is
   * removed then, so that it can start again.
   */
  static async reopen(store: Store): Promise<{ run: Run; loaded: Loaded } | undefined> {
    if (await store.exists(LAST)) return Run.open(store);
    if (!(await store.exists(""))) return undefined;
    await store.lock();
    await store.removeLeftovers();
    await new Run(store).discard();
    return undefined;
  }

  /** What has been recorded of the epochs so far. */
  get records(): readonly EpochRecord[] {
    return this.#records;
  }

  /** Seconds of training that the run has recorded, in one phase or in all. */
  seconds(stage?: string): number {
    return secondsOf(this.#records, stage);
  }

  /** The latest evaluation of the held-out images. */
  get lastEvaluation(): Evaluation | undefined {
    return this.#records.findLast((record) => record.validation !== undefined)?.validation;
  }

  /** Whether there is something to resume from. */
  get hasCheckpoint(): boolean {
    return this.#hasCheckpoint;
  }

  async save(name: "last" | "best", bytes: Uint8Array): Promise<void> {
    await this.store.write(`${name}.safetensors`, bytes);
    if (name === "last") this.#hasCheckpoint = true;
  }

  /** Adds a line to metrics.jsonl. */
  async record(record: EpochRecord): Promise<void> {
    this.#records.push(record);
    await this.store.write(METRICS, this.#records.map((r) => `${JSON.stringify(r)}\n`).join(""));
  }

  /** Keeps which images are trained on and which are held out. */
  async saveSplit(text: string): Promise<void> {
    await this.store.write(SPLIT, text);
  }

  /**
   * Notes which variants of the kernels the run computes with from now on.
   * @returns false if it was started with others: what follows is then not bit for bit what it would have been
   */
  async computesWith(variants: string): Promise<boolean> {
    const before = this.#variants;
    if (variants !== before) await this.store.write(VARIANTS, toJson({ variants }));
    this.#variants = variants;
    return before === undefined || variants === before;
  }

  /** Removes a run that has failed before its first checkpoint: there is nothing to resume, or to look at. */
  async discard(): Promise<void> {
    // Never from a folder that has taken its place.
    await this.store.requireOwn();
    const names = [CONFIG, SPLIT, VARIANTS, METRICS, BEST, predictionsFile("val")];
    const found = await this.store.list();
    for (const name of found.filter((n) => names.includes(n) || isEventFile(n))) await this.store.remove(name);
    await this.store.unlock();
    await this.store.removeIfEmpty();
  }

  /** Ends the run: nothing is written to its folder after that. */
  async summary(value: object): Promise<void> {
    await this.store.write(SUMMARY, toJson(value));
    await this.store.unlock();
  }
}

/** Seconds of training by records, in one phase or in all. */
export const secondsOf = (records: readonly EpochRecord[], stage?: string): number =>
  records.reduce((sum, record) => sum + (stage === undefined || record.stage === stage ? record.seconds : 0), 0);

/** Of a run that does not say, or not in a way that can be read, nothing is known. */
async function readVariants(store: Store): Promise<string | undefined> {
  if (!(await store.exists(VARIANTS))) return undefined;
  try {
    const { variants } = JSON.parse(await readText(store, VARIANTS)) as { variants?: unknown };
    return typeof variants === "string" ? variants : undefined;
  } catch {
    return undefined;
  }
}

function parseRecord(line: string): EpochRecord | undefined {
  try {
    const value = JSON.parse(line) as EpochRecord | null;
    return typeof value?.step === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}
