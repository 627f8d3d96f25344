/** Resolves what users name on the command line: run folders and checkpoint files. */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { FolderStore } from "../node/folder-store.ts";
import { readCheckpoint, runCheckpoint, type Loaded } from "../runs/run.ts";
import { InputError } from "../runs/store.ts";

/**
 * The checkpoint named by a run folder or a file. In a folder: `name`; by default best if it exists, else last.
 * @throws InputError, CheckpointError
 */
export async function findCheckpoint(target: string, name?: "best" | "last"): Promise<Loaded> {
  if (!existsSync(target)) throw new InputError(`${target}: no such file or folder`);
  if ((await stat(target)).isDirectory()) return runCheckpoint(new FolderStore(target), name);
  if (name) throw new InputError(`${target}: --checkpoint chooses within a run folder, but this is a file`);
  const {
    checkpoint,
    store,
    name: file,
  } = await readCheckpoint(new FolderStore(path.dirname(target)), path.basename(target));
  return { checkpoint, store, name: file, file: target };
}

/** Whether two names refer to the same file or folder. */
export const sameFile = (a: string, b: string): boolean => path.resolve(a) === path.resolve(b);
