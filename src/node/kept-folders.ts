/** Folders that this process is at work in: before each write in one, it is made sure that it still is the same folder. */
import { mkdir } from "node:fs/promises";
import path from "node:path";

/** What is asked of each before a write in it; throws where the folder is gone. */
const kept = new Map<string, () => Promise<void>>();

/** Has `check` called before each `writeWhole` in a folder or below. @returns a function that ends that */
export function keepFolder(folder: string, check: () => Promise<void>): () => void {
  kept.set(folder, check);
  return () => void (kept.get(folder) === check && kept.delete(folder));
}

/** The kept folders that a path lies in, the outermost first. */
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

/** Makes a folder and those around it, but never a kept one that is gone. */
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
