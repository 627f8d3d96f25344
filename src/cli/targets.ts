/** Resolves what users name on the command line: run folders and checkpoint files. */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { FolderStore } from "../node/folder-store.ts";
import { checkpointName, readCheckpoint, readSource, runCheckpoint, type Loaded } from "../runs/run.ts";
import { InputError } from "../runs/store.ts";
import { partOf, type Source } from "../train/initial.ts";

/**
 * The checkpoint named by a run folder or a file. In a folder: `name`; by default best if it exists, else last.
 * @throws InputError, CheckpointError
 */
export async function findCheckpoint(target: string, name?: "best" | "last"): Promise<Loaded> {
  if (await isFolder(target)) return runCheckpoint(new FolderStore(target), name);
  if (name) throw new InputError(`${target}: --checkpoint chooses within a run folder, but this is a file`);
  const {
    checkpoint,
    store,
    name: file,
  } = await readCheckpoint(new FolderStore(path.dirname(target)), path.basename(target));
  return { checkpoint, store, name: file, file: target };
}

/** @throws InputError if there is neither a folder nor a file of this name */
async function isFolder(target: string): Promise<boolean> {
  if (!existsSync(target)) throw new InputError(`${target}: no such file or folder`);
  return (await stat(target)).isDirectory();
}

/**
 * The checkpoint, for another run to begin from, that is named by a run folder (best if it exists, else last) or a file; or a part of it, named
 * as PART=RUN.
 * @throws InputError, CheckpointError
 */
export async function findSource(target: string): Promise<Source> {
  const [part, whole] = splitPart(target);
  if (part !== undefined) {
    const [second] = splitPart(whole);
    if (second !== undefined) {
      throw new InputError(`${target}: names two parts, ${part} and ${second}; name one, as in ${part}=FILE`);
    }
    return partOf(await findSource(whole), part);
  }
  if (!(await isFolder(target))) {
    return readSource(new FolderStore(path.dirname(target)), path.basename(target), target);
  }
  const store = new FolderStore(target);
  return readSource(store, await checkpointName(store));
}

/** "classifier=FILE" as its part and the file, unless there is a file of the whole name. */
function splitPart(target: string): [part: string | undefined, file: string] {
  const [, part, file] = existsSync(target) ? [] : (/^([A-Za-z_]\w*(?:\.\w+)*)=(.+)$/.exec(target) ?? []);
  return [part, file ?? target];
}

/** Whether two names refer to the same file or folder. */
export const sameFile = (a: string, b: string): boolean => path.resolve(a) === path.resolve(b);
