/**
 * The folder of a shard's predictions, or of a whole set's: job.json says what of, predictions.jsonl is results and journal in one.
 *
 * Lines are added in the images' order, whole batches at a time. So the valid lines at the beginning are all that was done: whatever
 * a killed process or a crashed machine has left behind them is cut off, and the work goes on there.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { open, readdir, stat, type FileHandle } from "node:fs/promises";
import path from "node:path";
import {
  differenceOf,
  parseJob,
  parseSummary,
  type PredictionJob,
  type PredictionSummary,
} from "../runs/prediction-job.ts";
import { LineCounts, LineOrder, parseLine, type PredictionLine, writeLine } from "../runs/prediction-lines.ts";
import { placeOf, type Shard } from "../runs/shard.ts";
import { isOwnFile, toJson } from "../runs/store.ts";
import { InputError, readInput, reason, removeLeftovers, requireWritableFolder, writeWhole } from "./files.ts";
import { awaitFolder, unlockFolder } from "./folder-lock.ts";
import { requireKept } from "./kept-folders.ts";
import { LineFile } from "./line-file.ts";

export const JOB = "job.json";
export const LINES = "predictions.jsonl";
export const TABLE = "predictions.csv";
export const SUMMARY = "summary.json";
/** Folder of the shards within an output folder. */
export const SHARDS = "shards";

/** Milliseconds after which lines are flushed to the disk: a crash of the machine costs no more. */
const FLUSH_MS = 10_000;
/**
 * Lines are written when this many times the length of the last write has passed: a slow shared folder then costs a twentieth of the
 * time. On a disk that is every batch. A killed process loses what was held back.
 */
const WRITES_APART = 20;
/** The most milliseconds between two writes. */
const HELD_MS = 5000;

export const shardFolder = (out: string, { index, of }: Shard): string =>
  path.join(out, SHARDS, `${String(index).padStart(String(of).length, "0")}-of-${of}`);

/** How far a folder's lines go. */
export interface Extent {
  /** In the order of the shard's images. */
  order: LineOrder;
  counts: LineCounts;
  /** Of the file, up to the last line that counts. */
  bytes: number;
  /** Whether anything is behind that. */
  torn: boolean;
}

/** @param name what the k-th image of the shard is called; without it names are not compared */
export async function extentOf(dir: string, shard: Shard, name?: (k: number) => string | undefined): Promise<Extent> {
  const file = path.join(dir, LINES);
  const order = new LineOrder((k) => placeOf(shard, k), name);
  const counts = new LineCounts();
  const extent: Extent = { order, counts, bytes: 0, torn: false };
  const size = (await stat(file).catch(() => undefined))?.size;
  if (size === undefined) return extent;
  const lines = new LineFile(file);
  for (let line = await lines.next(); line; line = await lines.next()) {
    const parsed = parseLine(line.text);
    if (!parsed || !order.accepts(parsed)) break;
    counts.add(parsed);
    extent.bytes = line.end;
  }
  return { ...extent, torn: size > extent.bytes };
}

/** @throws InputError if it is no folder of predictions */
export async function readJob(dir: string): Promise<PredictionJob> {
  const job = parseJob((await readInput(path.join(dir, JOB))).toString("utf8"));
  if (!job) throw new InputError(`${path.join(dir, JOB)}: is not the job of a prediction`);
  return job;
}

/**
 * Checks, before the work, that an output folder can take a shard or a whole set.
 * @throws InputError for a folder that cannot be written, or holds something else
 */
export async function requirePredictionFolder(out: string, shard: Shard | undefined): Promise<void> {
  await requireWritableFolder(out);
  const names = existsSync(out) ? (await readdir(out)).filter((name) => !isOwnFile(name)) : [];
  const other = (why: string) => new InputError(`${out}: ${why}; choose another --out`);
  if (!shard) {
    if (names.includes(SHARDS)) throw other("holds shards of a set: give --shard, or merge them");
    if (names.length > 0 && !names.includes(JOB)) throw other("the folder is not empty, and holds nothing to resume");
    return;
  }
  if (names.includes(JOB)) throw other("was begun without --shard");
  if (names.length > 0 && !names.includes(SHARDS)) throw other("the folder is not empty, and holds no shards");
  const differs = (await shardNames(out)).find((name) => !name.endsWith(`-of-${shard.of}`));
  if (differs !== undefined) throw other(`holds the shard ${differs.replaceAll("-", " ")}, not of ${shard.of}`);
}

export class PredictionFolder implements AsyncDisposable {
  readonly dir: string;
  /** What was done before. */
  readonly extent: Extent;
  readonly #job: PredictionJob;
  readonly #journal: FileHandle;
  /** Lines to be written. */
  #held = "";
  #writing = Promise.resolve();
  #failure: Error | undefined;
  #flushed = performance.now();
  /** When the next write is due; Infinity while one is under way. */
  #due = 0;

  private constructor(dir: string, job: PredictionJob, extent: Extent, journal: FileHandle) {
    this.dir = dir;
    this.#job = job;
    this.extent = extent;
    this.#journal = journal;
  }

  /**
   * Begins, or goes on where an earlier process ended.
   *
   * @param name what the k-th image of the shard is called
   * @param onWait told before it waits for a process on another machine that may be gone
   * @throws InputError if another process is at work there, or it was begun with another checkpoint, other images or options
   */
  static async open(
    dir: string,
    job: PredictionJob,
    name: (k: number) => string | undefined,
    { onWait, signal }: { onWait: (line: string) => void; signal?: AbortSignal },
  ): Promise<PredictionFolder> {
    const shard = job.shard ?? { index: 1, of: 1 };
    await awaitFolder(dir, onWait, signal);
    try {
      await removeLeftovers(dir);
      const file = path.join(dir, JOB);
      let was = job;
      if (existsSync(file)) {
        was = await readJob(dir);
        const difference = differenceOf(was, job);
        if (difference !== undefined) {
          throw new InputError(`${dir}: was begun with ${difference}; choose another --out`);
        }
      } else if (existsSync(path.join(dir, LINES))) {
        throw new InputError(`${dir}: has ${LINES}, but no ${JOB} that says what of; choose another --out`);
      } else await writeWhole(file, toJson(job));
      const extent = await extentOf(dir, shard, name);
      const journal = await open(path.join(dir, LINES), "a");
      if (extent.torn) await journal.truncate(extent.bytes);
      return new PredictionFolder(dir, was, extent, journal);
    } catch (error) {
      await unlockFolder(dir);
      throw error;
    }
  }

  /** Whether all images are done; of a film at the end that has to be seen. */
  isDone(images: number): boolean {
    const { reached, frame } = this.extent.order;
    return reached === images && frame === undefined;
  }

  /** Records which adapter goes on. @returns those before it, if it is another one */
  async takePart(adapter: string): Promise<readonly string[]> {
    const { adapters } = this.#job;
    if (adapters.includes(adapter)) return [];
    this.#job.adapters = [...adapters, adapter];
    await writeWhole(path.join(this.dir, JOB), toJson(this.#job));
    return adapters;
  }

  /**
   * Adds the lines of a batch; they are written soon, beside the work that follows.
   * @throws InputError if earlier ones could not be written, or the folder is gone
   */
  add(lines: readonly PredictionLine[]): void {
    if (this.#failure) throw this.#failure;
    this.#held += lines.map(writeLine).join("");
    for (const line of lines) this.extent.counts.add(line);
    if (performance.now() < this.#due) return;
    this.#due = Infinity;
    this.#writing = this.#write(performance.now() - this.#flushed > FLUSH_MS).catch((error: unknown) => {
      this.#failure = error as Error;
    });
  }

  /** Writes what is held back, and flushes all to the disk. @throws as `add` */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#failure) throw this.#failure;
    await this.#write(true);
  }

  async #write(flush: boolean): Promise<void> {
    const begun = performance.now();
    const text = this.#held;
    this.#held = "";
    await requireKept(this.dir);
    try {
      await this.#journal.appendFile(text);
      if (flush) await this.#journal.datasync();
    } catch (error) {
      throw new InputError(`${path.join(this.dir, LINES)}: cannot be written: ${reason(error)}`, { cause: error });
    }
    const now = performance.now();
    if (flush) this.#flushed = now;
    this.#due = now + Math.min(WRITES_APART * (now - begun), HELD_MS);
  }

  /** All is done: writes the summary, which a merge asks for. */
  async finish(): Promise<void> {
    await this.flush();
    await writeWhole(
      path.join(this.dir, SUMMARY),
      summaryText(this.#job, this.extent.counts, await sha256Of(path.join(this.dir, LINES))),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    // What is done counts, whatever has ended the work; what cannot be written is done again.
    if (this.#held !== "" && !this.#failure) await this.#write(false).catch(() => {});
    await this.#journal.close();
    await unlockFolder(this.dir);
  }
}

/** The file that says that a folder is complete. */
export const summaryText = (
  job: PredictionJob,
  { lines, predicted, leftOut, reasons }: LineCounts,
  sha256: string,
): string => toJson({ ...job, lines, predicted, leftOut, reasons, sha256 });

/** The summary of a folder that is complete; undefined if there is none, or one that a crash has left empty or torn. */
export async function summaryOf(dir: string): Promise<PredictionSummary | undefined> {
  const file = path.join(dir, SUMMARY);
  return existsSync(file) ? parseSummary((await readInput(file)).toString("utf8")) : undefined;
}

/** SHA-256 of a file, read piece by piece. @throws InputError */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  } catch (error) {
    throw new InputError(`${file}: ${reason(error)}`, { cause: error });
  }
  return hash.digest("hex");
}

/** The folders of the shards within an output folder. */
export async function shardNames(out: string): Promise<string[]> {
  const below = path.join(out, SHARDS);
  const found = existsSync(below) ? await readdir(below, { withFileTypes: true }) : [];
  // A file, such as somebody's notes, is no shard.
  return found
    .filter((entry) => !entry.isFile() && !isOwnFile(entry.name))
    .map(({ name }) => name)
    .sort();
}
