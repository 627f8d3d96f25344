/** Tests of the folder of a run that hold on every store. */
import { describe, expect, test } from "vitest";
import { LOCK } from "../../src/node/folder-lock.ts";
import { hasCheckpoint, isComplete, readRecords, Run, runCheckpoint, secondsOf } from "../../src/runs/run.ts";
import { InputError, readJson, readText, type Store } from "../../src/runs/store.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";
import type { EpochRecord } from "../../src/train/training.ts";
import { checkpointBytes, finished, tinyConfig } from "../cli/support.ts";

const config = presetFor("quick", PHANTOM);
const record = (step: number): EpochRecord => {
  return { stage: "joint", epoch: step, step, lr: 1e-3, loss: 1, seconds: 1, imagesPerSecond: 1 };
};

const filesOf = async (store: Store) => (await store.list()).filter((name) => name !== LOCK).sort();

/** Tests of the folder of a run on stores; `make` gives one in a folder of that name, which does not exist yet. */
export const runSuite = (stores: readonly [string, (name: string) => Store][]): void =>
  describe.each(stores)("a run %s", (_, make) => {
    test("writes its configuration at once and a line for each epoch", async () => {
      const store = make("new/run");
      const run = await Run.create(store, config);
      expect(await readJson(store, "config.json")).toEqual(config);
      await run.record(record(1));
      await run.record({ ...record(2), validation: { images: 3, dice: 0.5 } });
      await run.record(record(3));
      const lines = (await readText(store, "metrics.jsonl")).trimEnd().split("\n");
      expect(lines.map((line) => (JSON.parse(line) as EpochRecord).step)).toEqual([1, 2, 3]);
      expect(await readRecords(store)).toEqual(run.records);
      expect(run.lastEvaluation).toEqual({ images: 3, dice: 0.5 });
      expect([run.seconds(), run.seconds("joint"), run.seconds("segmentation")]).toEqual([3, 3, 0]);
      expect(secondsOf(run.records)).toBe(3);
      expect([run.hasCheckpoint, await hasCheckpoint(store), await isComplete(store)]).toEqual([false, false, false]);
      await run.save("last", new Uint8Array(3));
      const files = ["config.json", "last.safetensors", "metrics.jsonl"];
      expect(await filesOf(store)).toEqual(files);
      await run.summary({ seconds: 1 });
      expect([run.hasCheckpoint, await hasCheckpoint(store), await isComplete(store)]).toEqual([true, true, true]);
      expect((await store.list()).sort()).toEqual([...files, "summary.json"]);
      await expect(Run.create(store, config)).rejects.toThrow(/the folder is not empty/);
      await expect(Run.requireFree(store)).rejects.toThrow(InputError);
    });

    test("that fails before its first checkpoint is removed, but nothing of anybody else's", async () => {
      const store = make("failed");
      const run = await Run.create(store, config);
      await run.record(record(1));
      // What it begins from is none of its own.
      await run.saveInitial(new Uint8Array(3));
      expect([run.hasCheckpoint, await hasCheckpoint(store)]).toEqual([false, true]);
      await run.discard();
      expect([await store.exists(""), await store.list()]).toEqual([false, []]);
      const other = await Run.create(store, config);
      await store.write("notes.txt", "mine");
      await other.discard();
      expect(await store.list()).toEqual(["notes.txt"]);
    });

    test("is opened with its last checkpoint, and without the epochs behind it", async () => {
      const store = make("interrupted");
      const run = await Run.create(store, tinyConfig);
      const [last, best] = [
        await checkpointBytes(tinyConfig, { ...finished, stage: 1, epoch: 1, step: 14 }),
        await checkpointBytes(tinyConfig, { ...finished, stage: 1, epoch: 1, step: 7 }),
      ];
      await run.save("last", last);
      await run.save("best", best);
      for (const step of [7, 14, 21]) await run.record(record(step));
      await store.write(".mganet-9-9.tmp", "half a checkpoint");
      await store.unlock();
      const opened = await Run.open(store);
      expect(opened.loaded).toMatchObject({ file: store.path("last.safetensors"), name: "last.safetensors" });
      expect(opened.loaded.checkpoint.position.step).toBe(14);
      expect(opened.run.records.map(({ step }) => step)).toEqual([7, 14]);
      expect(opened.run.hasCheckpoint).toBe(true);
      expect(await filesOf(store)).toEqual(["best.safetensors", "config.json", "last.safetensors", "metrics.jsonl"]);
      expect((await runCheckpoint(store)).checkpoint.position.step).toBe(7);
      expect((await runCheckpoint(store, "last")).checkpoint.position.step).toBe(14);
      await store.unlock();
      expect((await Run.reopen(store))!.run.records.length).toBe(2);
      await store.unlock();
    });

    test("notes the variants that it computes with, and tells when they are others", async () => {
      const store = make("variants");
      const run = await Run.create(store, tinyConfig);
      expect(await run.computesWith("fixed")).toBe(true);
      await run.save("last", await checkpointBytes());
      await store.unlock();
      const again = (await Run.open(store)).run;
      expect([await again.computesWith("fixed"), await again.computesWith("other")]).toEqual([true, false]);
      await store.unlock();
      expect(await (await Run.open(store)).run.computesWith("other")).toBe(true);
      await store.unlock();
    });

    test("cannot be opened before its first checkpoint, nor where there is none; it begins anew there", async () => {
      const store = make("begun");
      await expect(Run.open(store)).rejects.toThrow(`${store.name}: no such folder`);
      expect(await Run.reopen(store)).toBeUndefined();
      await Run.create(store, config);
      await store.unlock();
      await expect(Run.open(store)).rejects.toThrow(/the run ended before its first checkpoint/);
      expect(await Run.reopen(store)).toBeUndefined();
      expect(await store.exists("")).toBe(false);
      await store.write("notes.txt", "mine");
      await expect(Run.open(store)).rejects.toThrow(`${store.name}: not a run folder (there is no last.safetensors)`);
      await expect(runCheckpoint(store)).rejects.toThrow("there is no checkpoint best.safetensors or last.safetensors");
    });

    test("whose metrics are no records is refused by file and line", async () => {
      const store = make("broken");
      await store.write("metrics.jsonl", '{"step":1}\n{\n');
      await expect(readRecords(store)).rejects.toThrow(
        `${store.path("metrics.jsonl")}: line 2 is not the record of an epoch`,
      );
    });
  });
