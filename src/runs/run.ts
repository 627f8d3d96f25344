/** The folder of a training run: its files, locking and resuming. */
import type { Evaluation } from "../metrics/evaluation.ts";
import { evaluatedSides, writePredictions, type EvaluatedSide, type Predictions } from "../metrics/predictions.ts";
import { parseCheckpoint, type Checkpoint } from "../train/checkpoint.ts";
import type { TrainConfig } from "../train/config.ts";
import { parseSource, type Source } from "../train/initial.ts";
import type { EpochRecord } from "../train/training.ts";
import { readingRun } from "./damage.ts";
import { InputError, isOwnFile, readJson, readText, toJson, type Store } from "./store.ts";

const CONFIG = "config.json";
/** Which image is on which side. */
const SPLIT = "split.json";
/** One line per epoch. */
const METRICS = "metrics.jsonl";
/** The kernel variants that the run uses. */
const VARIANTS = "variants.json";
/** Written last: a run that has it is complete. */
const SUMMARY = "summary.json";
/** Images followed through the training (followed.ts). */
export const FOLLOWED = "followed.json";
/** The page of a run or a study (report.ts). */
export const REPORT = "report.html";
export const LAST = "last.safetensors";
const BEST = "best.safetensors";

/** The network's predictions for each image of a side. */
export const predictionsFile = (on: EvaluatedSide): string =>
  on === "val" ? "predictions.json" : `predictions-${on}.json`;

/** TensorBoard's event files. */
export const isEventFile = (name: string): boolean => /^events\.out\.tfevents\.\d+\.mganet$/.test(name);

/** A loaded checkpoint, and its folder. */
export interface Loaded {
  checkpoint: Checkpoint;
  /** Its path, for messages, and its name in the folder. */
  file: string;
  name: string;
  /** Its folder, normally that of its run. */
  store: Store;
}

/** Whether a run has finished. */
export const isComplete = (store: Store): Promise<boolean> => store.exists(SUMMARY);

/**
 * Makes a run one that has yet to be trained, because its weights are gone or damaged: what would be taken for a later one's is removed.
 * Only the lock's holder may call it.
 */
export async function beginAgain(store: Store): Promise<void> {
  await store.remove(SUMMARY);
  for (const name of [REPORT, LAST, BEST, ...evaluatedSides.map(predictionsFile)]) await store.remove(name);
}

/** Makes a finished run one that ends again from its last checkpoint. Only the lock's holder may call it. */
export const forgetSummary = (store: Store): Promise<void> => store.remove(SUMMARY);

/** The summary of a finished run. @throws InputError if it is empty or torn, as a crash of the machine may leave it */
export async function readSummary(store: Store): Promise<object> {
  const summary = await readJson(store, SUMMARY);
  if (typeof summary === "object" && summary !== null) return summary;
  throw new InputError(`${store.path(SUMMARY)}: is not the summary of a run`);
}

export const hasCheckpoint = (store: Store): Promise<boolean> => store.exists(LAST);

/** The split that a run was started with; undefined if its folder has none. */
export const ownSplit = async (store: Store): Promise<string | undefined> =>
  (await store.exists(SPLIT)) ? readText(store, SPLIT) : undefined;

/** @throws InputError, CheckpointError */
export async function readCheckpoint(store: Store, name: string): Promise<Loaded> {
  const file = store.path(name);
  return { checkpoint: parseCheckpoint(await store.read(name), file), file, name, store };
}

/**
 * The checkpoint `name` of a run; by default best if it exists, else last.
 * @throws InputError, CheckpointError
 */
export const runCheckpoint = async (store: Store, name?: "best" | "last"): Promise<Loaded> =>
  readCheckpoint(store, await checkpointName(store, name));

/** Its file. @throws InputError if there is none */
export async function checkpointName(store: Store, name?: "best" | "last"): Promise<string> {
  const names = name ? [`${name}.safetensors`] : [BEST, LAST];
  for (const file of names) if (await store.exists(file)) return file;
  throw new InputError(`${store.name}: there is no checkpoint ${names.join(" or ")}`);
}

/**
 * A checkpoint for another run to begin from.
 * @param file what to call it
 * @throws InputError, CheckpointError if it is none, or nothing has been trained in it
 */
export const readSource = async (store: Store, name: string, file = store.path(name)): Promise<Source> =>
  parseSource(await store.read(name), file);

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

/** Leaves out of metrics.jsonl what is no record of an epoch. Only the lock's holder may call it. */
export async function keepReadableRecords(store: Store): Promise<void> {
  const lines = (await readText(store, METRICS)).split("\n").filter((line) => parseRecord(line) !== undefined);
  await store.write(METRICS, lines.map((line) => `${line}\n`).join(""));
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

  /** @throws InputError if a new run cannot be created there, for example because the folder is not empty */
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
    // Another process may have started and finished a run meanwhile.
    await Run.requireFree(store);
    const run = new Run(store);
    await store.write(CONFIG, toJson(config));
    return run;
  }

  /**
   * An interrupted run, with its last checkpoint. Later lines of metrics.jsonl are dropped.
   * @throws InputError; DamagedRunError for files that cannot be used
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
    const { loaded, records } = await readingRun(async () => ({
      loaded: await readCheckpoint(store, LAST),
      records: await readRecords(store),
    }));
    const { position } = loaded.checkpoint;
    run.#records = records.filter((r) => r.step <= position.step);
    run.#hasCheckpoint = true;
    run.#variants = await readVariants(store);
    await store.removeLeftovers();
    return { run, loaded };
  }

  /**
   * The same, or undefined if there is nothing to resume: the remains of a run that ended before its first checkpoint are then
   * removed, so that it can start again.
   */
  static async reopen(store: Store): Promise<{ run: Run; loaded: Loaded } | undefined> {
    if (await store.exists(LAST)) return Run.open(store);
    if (!(await store.exists(""))) return undefined;
    await store.lock();
    await store.removeLeftovers();
    await new Run(store).discard();
    return undefined;
  }

  /** The records of the epochs so far. */
  get records(): readonly EpochRecord[] {
    return this.#records;
  }

  /** Recorded seconds of training, in one phase or in all. */
  seconds(stage?: string): number {
    return secondsOf(this.#records, stage);
  }

  /** The latest evaluation of the held-out images. */
  get lastEvaluation(): Evaluation | undefined {
    return this.#records.findLast((record) => record.validation !== undefined)?.validation;
  }

  /** Whether there is a checkpoint to resume from. */
  get hasCheckpoint(): boolean {
    return this.#hasCheckpoint;
  }

  async save(name: "last" | "best", bytes: Uint8Array): Promise<void> {
    await this.store.write(`${name}.safetensors`, bytes);
    if (name === "last") this.#hasCheckpoint = true;
  }

  /**
   * Saves the state from which a run begins, where that is not its seed's: from then on it can be resumed without the file that the weights
   * came from. It does not count as a checkpoint of the run's own: one that fails before the first leaves nothing behind.
   */
  async saveInitial(bytes: Uint8Array): Promise<void> {
    await this.store.write(LAST, bytes);
  }

  /** Adds a line to metrics.jsonl. */
  async record(record: EpochRecord): Promise<void> {
    this.#records.push(record);
    await this.store.write(METRICS, this.#records.map((r) => `${JSON.stringify(r)}\n`).join(""));
  }

  /** Saves which images are trained on and which are held out. */
  async saveSplit(text: string): Promise<void> {
    await this.store.write(SPLIT, text);
  }

  /**
   * Records the kernel variants that the run uses from now on.
   * @returns false if it was started with others: the rest is then not bit for bit what it would have been
   */
  async computesWith(variants: string): Promise<boolean> {
    const before = this.#variants;
    if (variants !== before) await this.store.write(VARIANTS, toJson({ variants }));
    this.#variants = variants;
    return before === undefined || variants === before;
  }

  /** Removes a run that failed before its first checkpoint: there is nothing to resume or inspect. */
  async discard(): Promise<void> {
    // Never from a folder that replaced it.
    await this.store.requireOwn();
    const names = [CONFIG, SPLIT, VARIANTS, METRICS, BEST, LAST, FOLLOWED, predictionsFile("val")];
    const found = await this.store.list();
    for (const name of found.filter((n) => names.includes(n) || isEventFile(n))) await this.store.remove(name);
    await this.store.unlock();
    await this.store.removeIfEmpty();
  }

  /** Ends the run: nothing is written to its folder afterwards. */
  async summary(value: object): Promise<void> {
    await this.store.write(SUMMARY, toJson(value));
    await this.store.unlock();
  }
}

/** Seconds of training from records, in one phase or in all. */
export const secondsOf = (records: readonly EpochRecord[], stage?: string): number =>
  records.reduce((sum, record) => sum + (stage === undefined || record.stage === stage ? record.seconds : 0), 0);

/** The adapter that a run ended on; undefined if its summary does not say. */
export async function readAdapter(store: Store): Promise<string | undefined> {
  const { adapter } = (await readSummary(store)) as { adapter?: unknown };
  return typeof adapter === "string" ? adapter : undefined;
}

/** Undefined if the run has no record of them, or an unreadable one. */
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
