/** Folders that this process works in: each write first checks that the folder is still the same one. */
import { mkdir } from "node:fs/promises";
import path from "node:path";

/** The check before a write in each folder; throws if the folder is gone. */
const kept = new Map<string, () => Promise<void>>();

/** Calls `check` before each `writeWhole` in a folder or below. @returns a function that ends this */
export function keepFolder(folder: string, check: () => Promise<void>): () => void {
  kept.set(folder, check);
  return () => void (kept.get(folder) === check && kept.delete(folder));
}

/** The kept folders that contain a path, outermost first. */
function around(name: string): string[] {
  const folder = path.resolve(name);
  return [...kept.keys()]
    .filter((root) => folder === root || folder.startsWith(root.endsWith(path.sep) ? root : root + path.sep))
    .sort((a, b) => a.length - b.length);
}

/** @throws what the checks of the kept folders around a path throw */
export async function requireKept(name: string): Promise<void> {
  for (const root of around(name)) await kept.get(root)!();
}

/** Creates a folder and its parents, but never a kept one that is gone. */
export async function makeFolder(folder: string): Promise<void> {
  await requireKept(folder);
  const root = around(folder).at(-1);
  if (root === undefined) return void (await mkdir(folder, { recursive: true }));
  let level = root;
  for (const name of path.relative(root, path.resolve(folder)).split(path.sep).filter(Boolean)) {
    level = path.join(level, name);
    await mkdir(level).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    });
  }
}
