/** Puts the lines of shards together, and makes the table for spreadsheets. Reads and writes piece by piece. */
import { createHash } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { open, readdir, rename, rm, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { csvLine } from "../data/csv.ts";
import { classesOf, isBenignMalignant } from "../data/classes.ts";
import { contentDifference, type PredictionJob } from "../runs/prediction-job.ts";
import { csvColumns, csvRow, LineCounts, parseLine, type PredictionLine, writeLine } from "../runs/prediction-lines.ts";
import { type Shard, showShard, sizeOfShard } from "../runs/shard.ts";
import { isOwnFile } from "../runs/store.ts";
import { InputError, reason, temporaryIn } from "./files.ts";
import { awaitFolder, unlockFolder } from "./folder-lock.ts";
import { LineFile } from "./line-file.ts";
import {
  extentOf,
  JOB,
  LINES,
  readJob,
  shardNames,
  SHARDS,
  sha256Of,
  SUMMARY,
  summaryOf,
  summaryText,
  TABLE,
} from "./prediction-folder.ts";

/** Characters that are written at a time. */
const PIECE = 2 ** 16;
/** Missing shards that a message names. */
const MOST_NAMED = 20;

interface Part {
  dir: string;
  job: PredictionJob;
  shard: Shard;
}

export interface Merged {
  out: string;
  shards: number;
  job: PredictionJob;
  counts: LineCounts;
}

/**
 * Merges all shards of a set, in the order of its images: the result is what one process would have written.
 *
 * @param folders output folders with shards in them, or folders of shards
 * @param onWait told before it waits for a process on another machine that may be gone
 * @throws InputError, having written nothing, if one is missing, not complete, there twice, or of something else than the others
 */
export async function mergeShards(
  folders: readonly string[],
  out: string,
  onWait: (line: string) => void,
): Promise<Merged> {
  const parts = await partsOf(folders);
  const job: PredictionJob = {
    ...parts[0]!.job,
    shard: null,
    adapters: [...new Set(parts.flatMap((part) => part.job.adapters))].sort(),
  };
  for (const { dir, shard } of parts) await requireComplete(dir, shard, job.images.count);
  await requireFree(out, job);
  await awaitFolder(out, onWait);
  try {
    const dirs = parts.map(({ dir }) => dir);
    const counts = await writeResults(out, job, dirs, [LINES, TABLE, SUMMARY]);
    return { out, shards: parts.length, job, counts };
  } finally {
    await unlockFolder(out);
  }
}

/** The shards in their order. */
async function partsOf(folders: readonly string[]): Promise<Part[]> {
  requireDifferent(folders);
  const dirs = (await Promise.all(folders.map(shardsIn))).flat();
  const byIndex = new Map<number, Part>();
  let first: Part | undefined;
  for (const dir of dirs) {
    const job = await readJob(dir);
    const { shard } = job;
    if (!shard) throw new InputError(`${dir}: was predicted without --shard: there is nothing to merge`);
    const part = { dir, job, shard };
    first ??= part;
    const difference = contentDifference(job, first.job);
    if (difference !== undefined) throw new InputError(`${dir}: does not belong to ${first.dir}: it has ${difference}`);
    if (shard.of !== first.shard.of) {
      throw new InputError(`${dir}: is shard ${showShard(shard)}, but ${first.dir} is ${showShard(first.shard)}`);
    }
    const twin = byIndex.get(shard.index);
    if (twin) throw new InputError(`${dir}: is shard ${showShard(shard)}, and so is ${twin.dir}`);
    byIndex.set(shard.index, part);
  }
  const { of } = first!.shard;
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter((index) => !byIndex.has(index));
  if (missing.length > 0) {
    const named = missing.slice(0, MOST_NAMED).join(",");
    const more = missing.length > MOST_NAMED ? ",.." : "";
    throw new InputError(`${folders.join(", ")}: ${missing.length} of ${of} shards are missing: ${named}${more}`);
  }
  return [...byIndex.values()].sort((a, b) => a.shard.index - b.shard.index);
}

/** @throws InputError for a folder that is named twice, also through a link */
function requireDifferent(folders: readonly string[]): void {
  const known = new Map<string, string>();
  for (const folder of folders) {
    const real = existsSync(folder) ? realpathSync(folder) : path.resolve(folder);
    const other = known.get(real);
    if (other !== undefined)
      throw new InputError(`${folder}: is given twice${other === folder ? "" : `: it is ${other}`}`);
    known.set(real, folder);
  }
}

async function shardsIn(folder: string): Promise<string[]> {
  if (existsSync(path.join(folder, JOB))) return [folder];
  const names = await shardNames(folder);
  const below = path.join(folder, SHARDS);
  if (names.length === 0) throw new InputError(`${folder}: holds no shards of predictions`);
  return names.map((name) => path.join(below, name));
}

async function requireComplete(dir: string, shard: Shard, images: number): Promise<void> {
  const { order, torn } = await extentOf(dir, shard);
  const all = sizeOfShard(shard, images);
  const summary = order.reached === all && !torn ? await summaryOf(dir) : undefined;
  if (summary) {
    const { sha256 } = summary;
    if (sha256 === undefined || sha256 === (await sha256Of(path.join(dir, LINES)))) return;
    throw new InputError(
      `${path.join(dir, LINES)}: was changed after it was written; remove ${dir} and run its command again, with --shard ${showShard(shard)}`,
    );
  }
  const behind = order.reached === all ? "all" : String(order.reached);
  throw new InputError(
    `${dir}: is not complete, with ${behind} of ${all} images: run its command again, with --shard ${showShard(shard)}`,
  );
}

/**
 * @throws InputError for a folder that holds something else than shards, or what an earlier merge of the same set has left: whole, or,
 *   without its summary, cut short
 */
async function requireFree(out: string, job: PredictionJob): Promise<void> {
  const names = existsSync(out) ? (await readdir(out)).filter((name) => !isOwnFile(name)) : [];
  if (names.length === 0 || names.includes(SHARDS)) return;
  const foreign = names.find((name) => ![LINES, TABLE, SUMMARY].includes(name));
  if (foreign !== undefined) throw new InputError(`${out}: the folder is not empty (${foreign}); choose another --out`);
  const before = await summaryOf(out);
  if (!names.includes(SUMMARY) || (before && before.shard === null && contentDifference(before, job) === undefined))
    return;
  throw new InputError(`${out}: holds other results; choose another --out`);
}

/**
 * Writes results from the lines of shards: all of these files, or, where the disk is full, none.
 *
 * @param dirs the shards' folders in their order; one of a set that was not shared out
 */
export async function writeResults(
  out: string,
  job: PredictionJob,
  dirs: readonly string[],
  names: readonly (typeof LINES | typeof TABLE | typeof SUMMARY)[],
): Promise<LineCounts> {
  const binary = isBenignMalignant(classesOf(job.classes, job.positive));
  const counts = new LineCounts();
  const hash = createHash("sha256");
  await writingWhole(out, names, async (add) => {
    await add(TABLE, csvLine(csvColumns(job, binary)));
    for await (const line of linesInOrder(dirs, job.images.count)) {
      counts.add(line);
      const text = writeLine(line);
      hash.update(text);
      await add(LINES, text);
      await add(TABLE, csvRow(line, job, binary));
    }
    await add(SUMMARY, summaryText(job, counts, hash.digest("hex")));
  });
  return counts;
}

/** The lines of all images in their order. */
async function* linesInOrder(dirs: readonly string[], images: number): AsyncGenerator<PredictionLine> {
  const files = dirs.map((dir) => new LineFile(path.join(dir, LINES)));
  const next = async (k: number) => {
    const text = (await files[k]!.next())?.text;
    return text === undefined ? undefined : parseLine(text);
  };
  // One after another: there may be more of them than files may be open.
  const heads: (PredictionLine | undefined)[] = [];
  for (const k of files.keys()) heads.push(await next(k));
  for (let index = 0; index < images; index++) {
    const k = index % files.length;
    // Checked before; another process may have written since.
    if (heads[k]?.index !== index) throw new InputError(`${dirs[k]!}: has changed while it was read`);
    for (; heads[k]?.index === index; heads[k] = await next(k)) yield heads[k];
  }
}

/**
 * Puts files in place together: the first when all are on the disk. The summary, if it is one of them, is taken away before and comes
 * last, so that files of two times never look complete, whenever the process is killed.
 */
async function writingWhole<Name extends string>(
  out: string,
  names: readonly Name[],
  write: (add: (name: string, text: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const files = new Map<string, { name: Name; temporary: string; handle: FileHandle; held: string }>();
  const at = { file: out };
  try {
    for (const name of names) {
      const temporary = temporaryIn(out);
      at.file = path.join(out, name);
      files.set(name, { name, temporary, handle: await open(temporary, "wx"), held: "" });
    }
    await write(async (name, text) => {
      const file = files.get(name);
      if (!file) return;
      file.held += text;
      if (file.held.length < PIECE) return;
      at.file = path.join(out, name);
      await file.handle.appendFile(file.held);
      file.held = "";
    });
    for (const { name, handle, held } of files.values()) {
      at.file = path.join(out, name);
      await handle.appendFile(held);
      await handle.sync();
      await handle.close();
    }
    if (files.has(SUMMARY)) await rm(path.join(out, SUMMARY), { force: true });
    for (const { name, temporary } of files.values()) {
      at.file = path.join(out, name);
      await rename(temporary, at.file);
    }
  } catch (error) {
    for (const { handle, temporary } of files.values()) {
      await handle.close().catch(() => {});
      await rm(temporary, { force: true }).catch(() => {});
    }
    if (error instanceof InputError) throw error;
    throw new InputError(`${at.file}: cannot be written: ${reason(error)}`, { cause: error });
  }
}
