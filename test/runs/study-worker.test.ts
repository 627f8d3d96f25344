/** One process's work on a study that is moved away while it works, with another folder in its place. */
import { mkdirSync, readdirSync, renameSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { FolderStore } from "../../src/node/folder-store.ts";
import { thisProcess } from "../../src/node/process-identity.ts";
import { FolderGoneError, InputError } from "../../src/runs/store.ts";
import { StudyFolder } from "../../src/runs/study-folder.ts";
import { workOn, type StudyWorkings } from "../../src/runs/study-worker.ts";
import type { Place } from "../../src/study/plan.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";
import { temporaryFolder } from "../node/data/images.ts";

const root = temporaryFolder();

type Workings = Pick<StudyWorkings, "isReady" | "train">;
const moments: [string, (folder: StudyFolder, move: () => void) => Partial<Workings>][] = [
  [
    "while it waits for a phase that another process trains",
    (_, move) => ({
      isReady: () => {
        move();
        return Promise.resolve(false);
      },
    }),
  ],
  [
    "between the look at a run and the claim",
    (_, move) => ({
      isReady: () => {
        move();
        return Promise.resolve(true);
      },
    }),
  ],
  [
    "before it reads what a run starts from",
    (_, move) => ({
      train: () => {
        move();
        return Promise.reject(new InputError("metrics.jsonl: no such file or folder"));
      },
    }),
  ],
  [
    "before it writes to a run",
    (folder, move) => ({
      train: async (place) => {
        move();
        await folder.runStore(place).write("config.json", "{}");
        return true;
      },
    }),
  ],
];

test.each(moments)("%s: it ends with one error, and the other folder is left alone", async (name, workings) => {
  const dir = path.join(root, name);
  const store = new FolderStore(dir);
  const config = presetFor("quick", PHANTOM);
  const folder = await StudyFolder.open(store, { config, tables: [3], seeds: [0], checkpoint: "last" }, Object.is);
  await folder.save();
  let moved = false;
  const move = () => {
    if (moved) return;
    moved = true;
    renameSync(dir, `${dir} elsewhere`);
    mkdirSync(dir);
  };
  const places: Place[] = [{ row: "base", seed: 0 }, { row: "proposed", seed: 0 }]; // prettier-ignore
  const task = { folder, emit: () => {}, signal: new AbortController().signal, process: thisProcess() };
  const unasked = () => Promise.reject(new Error("is not to be asked for"));
  const runs = { isReady: () => Promise.resolve(true), train: unasked, ended: unasked, ...workings(folder, move) };
  const error: unknown = await workOn(task, runs, places).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FolderGoneError);
  expect((error as Error).message).toBe(
    `${dir}: the study is gone: moved, deleted or replaced; nothing more is written there`,
  );
  expect(readdirSync(dir)).toEqual([]);
});
