/** The folder that a training run leaves behind. */
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { parseCheckpoint, type Checkpoint } from "../train/checkpoint.ts";
import type { TrainConfig } from "../train/config.ts";
import type { EpochRecord } from "../train/trainer.ts";
import { InputError, readInput, writeWhole } from "./files.ts";

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

export class RunFolder {
  readonly dir: string;
  #records: EpochRecord[] = [];

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** A new run. @throws InputError if the folder holds something already */
  static async create(dir: string, config: TrainConfig): Promise<RunFolder> {
    if (existsSync(dir)) {
      const folder = (await stat(dir)).isDirectory();
      if (!folder) throw new InputError(`${dir}: is a file, not a folder`);
      if ((await readdir(dir)).length > 0) {
        throw new InputError(`${dir}: the folder is not empty; choose another --out, or --resume ${dir}`);
      }
    }
    const run = new RunFolder(dir);
    await writeWhole(run.file("config.json"), json(config));
    return run;
  }

  /** A run that was interrupted, with its last checkpoint; later lines of metrics.jsonl are forgotten. */
  static async open(dir: string): Promise<{ run: RunFolder; checkpoint: Checkpoint; file: string }> {
    const run = new RunFolder(dir);
    if (!existsSync(dir)) throw new InputError(`${dir}: no such folder`);
    const file = run.file("last.safetensors");
    if (!existsSync(file)) throw new InputError(`${dir}: there is no last.safetensors to go on from`);
    const checkpoint = parseCheckpoint(await readInput(file), file);
    const { position } = checkpoint;
    run.#records = (await readRecords(run.file("metrics.jsonl"))).filter((r) => r.step <= position.step);
    return { run, checkpoint, file };
  }

  file(name: string): string {
    return path.join(this.dir, name);
  }

  async save(name: "last" | "best", bytes: Uint8Array): Promise<void> {
    await writeWhole(this.file(`${name}.safetensors`), bytes);
  }

  /** Adds a line to metrics.jsonl. */
  async record(record: EpochRecord): Promise<void> {
    this.#records.push(record);
    await writeWhole(this.file("metrics.jsonl"), this.#records.map((r) => `${JSON.stringify(r)}\n`).join(""));
  }

  async summary(value: unknown): Promise<void> {
    await writeWhole(this.file("summary.json"), json(value));
  }
}

async function readRecords(file: string): Promise<EpochRecord[]> {
  if (!existsSync(file)) return [];
  const lines = (await readInput(file)).toString("utf8").split("\n");
  return lines.filter(Boolean).map((line, i) => {
    try {
      return JSON.parse(line) as EpochRecord;
    } catch {
      throw new InputError(`${file}: line ${i + 1} is not JSON`);
    }
  });
}

/**
 * The checkpoint that a user names by a run folder or a file. In a folder: `name`, or best where there is one, else last.
 * @throws InputError, CheckpointError
 */
export async function findCheckpoint(target: string, name?: string): Promise<{ checkpoint: Checkpoint; file: string }> {
  if (!existsSync(target)) throw new InputError(`${target}: no such file or folder`);
  if (!(await stat(target)).isDirectory())
    return { checkpoint: parseCheckpoint(await readInput(target), target), file: target };
  const names = name ? [name] : ["best", "last"];
  const file = names.map((n) => path.join(target, `${n}.safetensors`)).find(existsSync);
  if (!file)
    throw new InputError(`${target}: there is no checkpoint ${names.map((n) => `${n}.safetensors`).join(" or ")}`);
  return { checkpoint: parseCheckpoint(await readInput(file), file), file };
}
