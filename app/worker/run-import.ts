/** Takes runs out of zip files and folders into the browser's storage. */
import type { FileEntry } from "../../src/web/set-files.ts";
import { cleanName, freeName } from "../project/names.ts";
import { removeAll } from "../project/remove-all.ts";
import type { GivenFiles } from "./given-files.ts";
import { nameOf, runsIn } from "./run-files.ts";
import { runs } from "./run-list.ts";

export interface Imported {
  /** The runs' names here. */
  names: string[];
  /** What was not taken, and why: one line each. */
  notes: string[];
}

/** @throws as `runsIn`; InputError if they cannot be stored: nothing of that run is then kept */
export async function importRuns(entries: readonly FileEntry[]): Promise<Imported> {
  const { runs: found, notes } = await runsIn(entries);
  const names: string[] = [];
  for (const run of found) names.push(await keep(run));
  return { names, notes };
}

/** Writes a run, its configuration last: without it there is no run. @returns its name here. @throws InputError */
async function keep({ name: folder, files }: GivenFiles): Promise<string> {
  const name = freeName(cleanName(nameOf(folder), 80, "run"), await runs.list());
  const store = runs.folder(name);
  const order = [...files].sort(([a], [b]) => Number(a === "config.json") - Number(b === "config.json"));
  try {
    for (const [file, bytes] of order) await store.write(file, bytes);
  } catch (error) {
    await removeAll(runs, name).catch(() => {});
    throw error;
  }
  return name;
}
