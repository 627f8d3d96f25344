/**
 * The folder of a shard's predictions, or of a whole set's: job.json says what of, predictions.jsonl is results and journal in one.
 *
 * Lines are added in the images' order, whole batches at a time. So the valid lines at the beginning are all that was done: whatever
 * a killed process or a crashed machine has left behind them is cut off, and the work goes on there.
 */
import { existsSync } from "node:fs";
import { open, readdir, stat, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { differenceOf, parseJob, type PredictionJob } from "../runs/prediction-job.ts";
import { LineCounts, LineOrder, parseLine, type PredictionLine, writeLine } from "../runs/prediction-lines.ts";
import { placeOf, type Shard } from "../runs/shard.ts";
import { isOwnFile, toJson } from "../runs/store.ts";
import { InputError, readInput, reason, removeLeftovers, requireWritableFolder, writeWhole } from "./files.ts";
import { lockFolder, unlockFolder } from "./folder-lock.ts";
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
  if (!names.includes(SHARDS)) return;
  const shards = (await readdir(path.join(out, SHARDS))).filter((name) => !isOwnFile(name));
  const differs = shards.find((name) => !name.endsWith(`-of-${shard.of}`));
  if (differs !== undefined) throw other(`holds the shard ${differs.replaceAll("-", " ")}, not of ${shard.of}`);
}

export class PredictionFolder implements AsyncDisposable {
  readonly dir: string;
  /** What was done before. */
  readonly extent: Extent;
  readonly #job: PredictionJob;
  readonly #journal: FileHandle;
  #flushed = performance.now();

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
   * @throws InputError if another process is at work there, or it was begun with another checkpoint, other images or options
   */
  static async open(
    dir: string,
    job: PredictionJob,
    name: (k: number) => string | undefined,
  ): Promise<PredictionFolder> {
    const shard = job.shard ?? { index: 1, of: 1 };
    await lockFolder(dir);
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

  /** Adds the lines of a batch. @throws InputError if they cannot be written, or the folder is gone */
  async add(lines: readonly PredictionLine[]): Promise<void> {
    await requireKept(this.dir);
    await this.#writing(async () => {
      await this.#journal.appendFile(lines.map(writeLine).join(""));
      if (performance.now() - this.#flushed < FLUSH_MS) return;
      await this.#journal.datasync();
      this.#flushed = performance.now();
    });
    for (const line of lines) this.extent.counts.add(line);
  }

  /** Flushes what was added. */
  async flush(): Promise<void> {
    await this.#writing(() => this.#journal.datasync());
  }

  async #writing(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      throw new InputError(`${path.join(this.dir, LINES)}: cannot be written: ${reason(error)}`, { cause: error });
    }
  }

  /** All is done: writes the summary, which a merge asks for. */
  async finish(): Promise<void> {
    await this.flush();
    await writeSummary(this.dir, this.#job, this.extent.counts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#journal.close();
    await unlockFolder(this.dir);
  }
}

/** The file that says that a folder is complete. */
export async function writeSummary(dir: string, job: PredictionJob, counts: LineCounts): Promise<void> {
  const { lines, predicted, leftOut, reasons } = counts;
  await writeWhole(path.join(dir, SUMMARY), toJson({ ...job, lines, predicted, leftOut, reasons }));
}
