/** The folder that a training run leaves behind. */
import { existsSync } from "node:fs";
import { readdir, rm, rmdir, stat } from "node:fs/promises";
import path from "node:path";
import type { Evaluation } from "../metrics/evaluation.ts";
import { writePredictions, type EvaluatedSide, type Predictions } from "../metrics/predictions.ts";
import { parseCheckpoint, type Checkpoint } from "../train/checkpoint.ts";
import type { TrainConfig } from "../train/config.ts";
import type { Stage } from "../train/stage.ts";
import type { EpochRecord } from "../train/training.ts";
import { removeEventFiles } from "./event-file.ts";
import { requireKept } from "./kept-folders.ts";
import { lockFolder, unlockFolder } from "./folder-lock.ts";
import { InputError, readInput, removeLeftovers, requireWritableFolder, writeWhole } from "./files.ts";

/** Which image is on which side. */
const SPLIT = "split.json";
/** A line an epoch. */
const METRICS = "metrics.jsonl";
/** Which variants of the kernels the run computes with. */
const VARIANTS = "variants.json";

/** What the network says of each image of a side. */
export const predictionsFile = (on: EvaluatedSide): string =>
  on === "val" ? "predictions.json" : `predictions-${on}.json`;

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** The settings of a run with the split that it was begun with, where its folder has that. */
export function withOwnSplit(config: TrainConfig, dir: string): TrainConfig {
  const file = path.join(dir, SPLIT);
  return existsSync(file) ? { ...config, split: file, folds: 0, fold: 0 } : config;
}

export class RunFolder {
  readonly dir: string;
  #records: EpochRecord[] = [];
  #hasCheckpoint = false;
  #variants: string | undefined;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** @throws InputError if a new run cannot be made there, such as because the folder holds something already */
  static async requireFree(dir: string): Promise<void> {
    await requireWritableFolder(dir);
    // What begins like this is a lock, or what a killed process has left of one.
    if (existsSync(dir) && (await readdir(dir)).some((name) => !name.startsWith(".mganet-"))) {
      throw new InputError(`${dir}: the folder is not empty; choose another --out, or --resume ${dir}`);
    }
  }

  /** A new run. @throws InputError as `requireFree` and `lockFolder` do */
  static async create(dir: string, config: TrainConfig): Promise<RunFolder> {
    await RunFolder.requireFree(dir);
    await lockFolder(dir);
    // Another process may have begun and ended a run in the meantime.
    await RunFolder.requireFree(dir);
    const run = new RunFolder(dir);
    await writeWhole(run.file("config.json"), json(config));
    return run;
  }

  /**
   * A run that was interrupted, with its last checkpoint. Lines of metrics.jsonl that are later than that are forgotten.
   * @throws InputError, CheckpointError
   */
  static async open(dir: string): Promise<{ run: RunFolder; checkpoint: Checkpoint; file: string }> {
    const run = new RunFolder(dir);
    if (!existsSync(dir)) throw new InputError(`${dir}: no such folder`);
    const file = run.file("last.safetensors");
    if (!existsSync(file)) {
      const begun = existsSync(run.file("config.json"));
      const why = begun
        ? "the run ended before its first checkpoint; train anew, with another --out"
        : "not a run folder";
      throw new InputError(`${dir}: ${why} (there is no last.safetensors)`);
    }
    await requireWritableFolder(dir);
    await lockFolder(dir);
    const checkpoint = parseCheckpoint(await readInput(file), file);
    const { position } = checkpoint;
    run.#records = (await readRecords(run.file(METRICS))).filter((r) => r.step <= position.step);
    run.#hasCheckpoint = true;
    run.#variants = await readVariants(run.file(VARIANTS));
    await removeLeftovers(dir);
    return { run, checkpoint, file };
  }

  /**
   * The same, or undefined where there is nothing to go on from: what a run left that ended before its first checkpoint is
   * taken away then, so that it can begin anew.
   */
  static async reopen(dir: string) {
    const begun = new RunFolder(dir);
    if (existsSync(begun.file("last.safetensors"))) return RunFolder.open(dir);
    if (!existsSync(dir)) return undefined;
    await lockFolder(dir);
    await removeLeftovers(dir);
    await begun.discard();
    return undefined;
  }

  /** What a finished or begun run has recorded of its epochs. */
  static records(dir: string): Promise<EpochRecord[]> {
    return readRecords(path.join(dir, METRICS));
  }

  file(name: string): string {
    return path.join(this.dir, name);
  }

  /** Whether training came to its end and said so. */
  get isComplete(): boolean {
    return existsSync(this.file("summary.json"));
  }

  /** Seconds of training that the run has recorded of a stage. */
  seconds(stage: Stage): number {
    return this.#records.reduce((sum, record) => sum + (record.stage === stage ? record.seconds : 0), 0);
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
    await writeWhole(this.file(`${name}.safetensors`), bytes);
    if (name === "last") this.#hasCheckpoint = true;
  }

  /** Adds a line to metrics.jsonl. */
  async record(record: EpochRecord): Promise<void> {
    this.#records.push(record);
    await writeWhole(this.file(METRICS), this.#records.map((r) => `${JSON.stringify(r)}\n`).join(""));
  }

  /** Keeps which images are trained on and which are held out. */
  async saveSplit(text: string): Promise<void> {
    await writeWhole(this.file(SPLIT), text);
  }

  /** Keeps what the network says of each image of a side. */
  async savePredictions(predictions: Predictions): Promise<void> {
    await RunFolder.savePredictions(this.dir, predictions);
  }

  /** The same in the folder of a run that is not open. */
  static async savePredictions(dir: string, predictions: Predictions): Promise<void> {
    await writeWhole(path.join(dir, predictionsFile(predictions.on)), writePredictions(predictions));
  }

  /**
   * Notes which variants of the kernels the run computes with from now on.
   * @returns false if it was begun with others: what follows is not bit for bit what it would have been
   */
  async computesWith(variants: string): Promise<boolean> {
    const before = this.#variants;
    if (variants !== before) await writeWhole(this.file(VARIANTS), json({ variants }));
    this.#variants = variants;
    return before === undefined || variants === before;
  }

  /** Takes away a run that has failed before its first checkpoint: there is nothing to go on from, or to look at. */
  async discard(): Promise<void> {
    // Never from a folder that has taken its place.
    await requireKept(this.dir);
    const names = ["config.json", SPLIT, VARIANTS, METRICS, "best.safetensors", predictionsFile("val")];
    for (const name of names) await rm(this.file(name), { force: true });
    await removeEventFiles(this.dir);
    await unlockFolder(this.dir);
    await rmdir(this.dir).catch(() => {}); // Someone else has put something there.
  }

  /** Ends the run: nothing is written to its folder after that. */
  async summary(value: unknown): Promise<void> {
    await writeWhole(this.file("summary.json"), json(value));
    await unlockFolder(this.dir);
  }
}

/** Of a run that does not say, or not in a way that can be read, nothing is known. */
async function readVariants(file: string): Promise<string | undefined> {
  if (!existsSync(file)) return undefined;
  try {
    const { variants } = JSON.parse((await readInput(file)).toString("utf8")) as { variants?: unknown };
    return typeof variants === "string" ? variants : undefined;
  } catch {
    return undefined;
  }
}

async function readRecords(file: string): Promise<EpochRecord[]> {
  if (!existsSync(file)) return [];
  const lines = (await readInput(file)).toString("utf8").split("\n");
  return lines.filter(Boolean).map((line, i) => {
    const record = parseRecord(line);
    if (!record) throw new InputError(`${file}: line ${i + 1} is not the record of an epoch`);
    return record;
  });
}

function parseRecord(line: string): EpochRecord | undefined {
  try {
    const value = JSON.parse(line) as EpochRecord | null;
    return typeof value?.step === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The checkpoint that a user names by a run folder or a file. In a folder: `name`, or best where there is one, else last.
 * @throws InputError, CheckpointError
 */
export async function findCheckpoint(
  target: string,
  name?: "best" | "last",
): Promise<{ checkpoint: Checkpoint; file: string }> {
  if (!existsSync(target)) throw new InputError(`${target}: no such file or folder`);
  if ((await stat(target)).isDirectory()) {
    const names = name ? [name] : ["best", "last"];
    const found = names.map((n) => path.join(target, `${n}.safetensors`)).find(existsSync);
    if (!found) {
      throw new InputError(`${target}: there is no checkpoint ${names.map((n) => `${n}.safetensors`).join(" or ")}`);
    }
    return { checkpoint: parseCheckpoint(await readInput(found), found), file: found };
  }
  if (name) throw new InputError(`${target}: --checkpoint chooses within a run folder, but this is a file`);
  return { checkpoint: parseCheckpoint(await readInput(target), target), file: target };
}
