/** Finds runs in zip files and folders. Every file of a run is checked; what is not a run's is left out. */
import { unzipSync, type UnzipFileInfo } from "fflate";
import { DataError, oneLine, reasonOf } from "../../src/data/sample.ts";
import { parseSplit } from "../../src/data/split-file.ts";
import { readRun } from "../../src/runs/report.ts";
import { isEventFile, readCheckpoint } from "../../src/runs/run.ts";
import { InputError, readText } from "../../src/runs/store.ts";
import type { FileEntry } from "../../src/web/set-files.ts";
import { GivenFiles } from "./given-files.ts";

export interface FoundRuns {
  /** Named as their folders. */
  runs: GivenFiles[];
  /** What is not taken, and why: one line each. */
  notes: string[];
}

/** The files of a run. Its report is made here anew: one that was given could say anything. */
const TEXTS =
  /^(?:(?:config|split|variants|summary|followed|page)\.json|metrics\.jsonl|predictions(?:-test|-external)?\.json)$/;
const CHECKPOINTS = /^(?:last|best)\.safetensors$/;
const isOfRun = (name: string): boolean => TEXTS.test(name) || CHECKPOINTS.test(name) || isEventFile(name);

/** Beside them; the report is made anew, and locks mean nothing here. */
const EXPECTED = /^(?:report\.html|\.mganet-.*)$/;

/** Bytes: a text far larger than any run has, a checkpoint as large as a page can hold. */
const [MOST_TEXT, MOST_CHECKPOINT, MOST_ALL] = [2 ** 26, 2 ** 31 - 1, 2 ** 32];
const MOST_FILES = 10_000;
const MOST_RUNS = 50;

/** A file that can be read when its place is known. */
interface Given {
  /** With folders, separated by "/". */
  path: string;
  bytes: number;
  read: () => Promise<Uint8Array>;
}

/** @throws InputError, DataError, CheckpointError, in one line, if there is no run in it, or the only one cannot be used */
export async function runsIn(entries: readonly FileEntry[]): Promise<FoundRuns> {
  const given: Given[] = [];
  for (const { path, file } of entries) {
    if (/\.zip$/i.test(path)) given.push(...(await unpacked(path, file)));
    else given.push({ path, bytes: file.size, read: async () => new Uint8Array(await file.arrayBuffer()) });
  }
  const folders = byFolder(given);
  if (folders.size === 0) throw new InputError("there is no run in that: no folder with a config.json");
  if (folders.size > MOST_RUNS) {
    throw new InputError(`there are ${folders.size} runs in that: take at most ${MOST_RUNS} at once`);
  }
  const found: FoundRuns = { runs: [], notes: [] };
  for (const [folder, files] of folders) {
    const left = files.map(({ path }) => nameOf(path)).filter((name) => !isOfRun(name) && !EXPECTED.test(name));
    if (left.length > 0) found.notes.push(`${folder}: not taken: ${left.slice(0, 5).join(", ")}`);
    const own = files.filter(({ path }) => isOfRun(nameOf(path)));
    try {
      found.runs.push(await checked(folder, own));
    } catch (error) {
      if (folders.size === 1) throw error;
      found.notes.push(oneLine((error as Error).message));
    }
  }
  return found;
}

export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/** The files beside each config.json. */
function byFolder(given: readonly Given[]): Map<string, Given[]> {
  const folders = new Map<string, Given[]>();
  for (const { path } of given) if (nameOf(path) === "config.json") folders.set(folderOf(path), []);
  for (const file of given) folders.get(folderOf(file.path))?.push(file);
  return folders;
}

/** What a zip file holds; nothing is unpacked that is not asked for, and nothing beyond the size it claims. */
async function unpacked(zip: string, file: Blob): Promise<Given[]> {
  const refuse = (why: string) => new InputError(`${zip}: ${why}`);
  if (file.size > MOST_ALL) throw refuse("is larger than 4 GiB");
  const bytes = new Uint8Array(await file.arrayBuffer());
  const unzip = (filter: (info: UnzipFileInfo) => boolean) => {
    try {
      return unzipSync(bytes, { filter });
    } catch (error) {
      throw refuse(`is not a zip file that can be read: ${oneLine((error as Error).message)}`);
    }
  };
  const found: UnzipFileInfo[] = [];
  unzip((info) => {
    found.push(info);
    if (found.length > MOST_FILES) throw new Error(`it holds more than ${MOST_FILES} files`);
    return false;
  });
  const bad = found.find(({ name }) => /(?:^|[\\/])\.\.(?:[\\/]|$)|^[\\/]|^[a-z]:|\\|\0/i.test(name));
  if (bad) throw refuse(`names a file outside itself: ${oneLine(bad.name.slice(0, 60))}`);
  const folder = zip.replace(/\.zip$/i, "");
  return found
    .filter(({ name }) => !name.endsWith("/"))
    .map(({ name, originalSize }) => ({
      path: name.includes("/") ? name : `${nameOf(folder)}/${name}`,
      bytes: originalSize,
      read: () => Promise.resolve(unzip((info) => info.name === name)[name]!),
    }));
}

/** Reads and checks a run's files. @throws InputError, DataError, CheckpointError */
async function checked(folder: string, files: readonly Given[]): Promise<GivenFiles> {
  let total = 0;
  const read = new Map<string, Uint8Array>();
  for (const { path, bytes, read: open } of files) {
    total += bytes;
    const most = CHECKPOINTS.test(nameOf(path)) ? MOST_CHECKPOINT : MOST_TEXT;
    if (bytes > most || total > MOST_ALL) throw new InputError(`${path}: is too large for a file of a run`);
    read.set(nameOf(path), await open());
  }
  const store = new GivenFiles(folder === "" ? "the run" : folder, read);
  const { config, records } = await readRun(store);
  const checkpoints = [...read.keys()].filter((name) => CHECKPOINTS.test(name));
  if (checkpoints.length === 0 && records.length === 0) {
    throw new InputError(
      `${store.name}: has neither a checkpoint nor the record of an epoch: there is nothing to take`,
    );
  }
  for (const name of checkpoints) {
    const { checkpoint } = await readCheckpoint(store, name);
    if (JSON.stringify(checkpoint.config) === JSON.stringify(config)) continue;
    throw new InputError(`${store.path(name)}: is of another run: its settings are not those of config.json`);
  }
  if (read.has("split.json")) {
    try {
      parseSplit(await readText(store, "split.json"));
    } catch (error) {
      throw new DataError(`${store.path("split.json")}: ${reasonOf(error)}`);
    }
  }
  return store;
}
