/** The folder of a run, on disk and in memory: code that works on a store depends on neither paths nor processes. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { FolderStore } from "../../src/node/folder-store.ts";
import { LOCK } from "../../src/node/folder-lock.ts";
import { Run } from "../../src/runs/run.ts";
import type { Store } from "../../src/runs/store.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";
import { temporaryFolder } from "../node/data/images.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { runSuite } from "../support/run-suite.ts";

const root = temporaryFolder();
const config = presetFor("quick", PHANTOM);

const stores: [string, (name: string) => Store][] = [
  ["in a folder", (name) => new FolderStore(path.join(root, name))],
  ["in memory", (name) => new MemoryStore().folder(name)],
];

runSuite(stores);

test("a folder is locked while a run is written, and free after it", async () => {
  const dir = path.join(root, "locked");
  const run = await Run.create(new FolderStore(dir), config);
  expect(readdirSync(dir)).toContain(LOCK);
  await run.summary({});
  expect(readdirSync(dir)).not.toContain(LOCK);
  const memory = new MemoryStore();
  const other = await Run.create(memory, config);
  expect(memory.isLocked).toBe(true);
  await other.discard();
  expect(memory.isLocked).toBe(false);
});

test("what a folder holds of others stays on disk", async () => {
  const dir = path.join(root, "others");
  const run = await Run.create(new FolderStore(dir), config);
  writeFileSync(path.join(dir, "notes.txt"), "mine");
  await run.discard();
  expect([existsSync(dir), readdirSync(dir)]).toEqual([true, ["notes.txt"]]);
});
