/** The runs of this browser: what there is, what a person noted on them, and their removal. */
import { readFollowed, type Followed } from "../../src/runs/followed.ts";
import { hasCheckpoint, isComplete, readRecords } from "../../src/runs/run.ts";
import { InputError, readJson, toJson } from "../../src/runs/store.ts";
import type { RunSummary } from "../../src/runs/train.ts";
import { checkConfig, specOf, type TrainConfig } from "../../src/train/config.ts";
import type { EpochRecord } from "../../src/train/training.ts";
import { OpfsStore } from "../../src/web/opfs-store.ts";
import { RUNS } from "../../src/web/runner.ts";
import { removeAll } from "../project/remove-all.ts";

/** A run in the browser's storage. */
export interface RunInfo {
  /** Its folder's name. */
  name: string;
  config: TrainConfig;
  /** Of its network. */
  title: string;
  records: EpochRecord[];
  /** Null while it has not finished. */
  summary: Pick<RunSummary, "stopped" | "seconds"> | null;
  hasCheckpoint: boolean;
  /** What a person wrote about it; "" if nothing. */
  note: string;
}

export const runs = new OpfsStore(RUNS);

/** What the page keeps beside a run; the command line does not look at it. */
export const PAGE = "page.json";
export const MOST_NOTE = 200;

/** All runs, the newest first. One that cannot be read is left out. */
export async function listRuns(): Promise<RunInfo[]> {
  const found: RunInfo[] = [];
  for (const name of (await runs.list()).sort().reverse()) {
    const store = runs.folder(name);
    try {
      const config = checkConfig(await readJson(store, "config.json"));
      found.push({
        ...{ name, config, title: specOf(config).title, records: await readRecords(store) },
        summary: (await isComplete(store)) ? ((await readJson(store, "summary.json")) as RunSummary) : null,
        hasCheckpoint: await hasCheckpoint(store),
        note: await noteOf(name),
      });
    } catch {
      continue;
    }
  }
  return found;
}

async function noteOf(name: string): Promise<string> {
  const store = runs.folder(name);
  if (!(await store.exists(PAGE))) return "";
  const { note } = ((await readJson(store, PAGE).catch(() => null)) ?? {}) as { note?: unknown };
  return typeof note === "string" ? note.slice(0, MOST_NOTE) : "";
}

/** @throws InputError if it is too long, the run is gone, or it cannot be stored */
export async function setNote(name: string, note: string): Promise<void> {
  if (note.length > MOST_NOTE) throw new InputError(`a note has at most ${MOST_NOTE} letters, not ${note.length}`);
  const store = runs.folder(name);
  if (!(await store.exists("config.json"))) throw new InputError(`${name}: there is no such run`);
  if (note.trim() === "") await store.remove(PAGE);
  else await store.write(PAGE, toJson({ note: note.trim() }));
}

export const followedOf = async (name: string): Promise<Followed | null> =>
  (await readFollowed(runs.folder(name))) ?? null;

export const removeRun = (name: string): Promise<void> => removeAll(runs, name);

/** @throws InputError if a training writes to the run, here or in another tab */
export async function requireIdle(name: string): Promise<void> {
  const { held = [] } = await navigator.locks.query();
  if (!held.some((lock) => lock.name === `mganet:${runs.path(name)}`)) return;
  throw new InputError(`${name}: it is being trained: pause it first`);
}
