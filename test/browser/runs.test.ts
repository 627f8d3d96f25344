/** Runs in a page's worker, with their folders in the private file system: Chromium with its software adapter, SwiftShader. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isOwnFile, readJson, readText, type Store } from "../../src/runs/store.ts";
import { parseCheckpoint } from "../../src/train/checkpoint.ts";
import type { RunnerEvent } from "../../src/web/runner.ts";
import { temporaryFolder } from "../cli/support.ts";
import { chromiumFor, openPage, type OpenPage } from "../support/chromium.ts";
import { mganetConfig } from "../support/mganet.ts";
import { trainOnNode, type NodeRun } from "../support/node-run.ts";
import { PageWorker } from "../support/page-workers.ts";
import { runSuite } from "../support/run-suite.ts";

const { leftOut, required } = chromiumFor("Runs are not tested in a browser");

/** 20 steps: 5 of the segmentation stage, 15 of the joint one. */
const config = mganetConfig({
  ...{ width: 1 / 16, size: [32, 32], batch: 4, crop: "none", evalEvery: 1 },
  ...{ phantomImages: 25, epochs: { segmentation: 1, joint: 3 } },
});

const lossesOf = (events: readonly RunnerEvent[]) => events.flatMap((e) => (e.type === "step" ? [e.loss] : []));
const filesOf = async (store: Store) => (await store.list()).filter((name) => !isOwnFile(name)).sort();
/** The names of an object's entries, and of those below. */
const keysOf = (value: unknown): unknown =>
  value !== null && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, keysOf(entry)]))
    : null;

describe.skipIf(leftOut)("in Chromium", () => {
  let opened: OpenPage;
  let worker: PageWorker;
  const fresh = () => PageWorker.spawn(opened.page);

  beforeAll(async () => {
    opened = await openPage(required(), { file: "runs.html" });
    worker = await fresh();
    await opened.page.exposeFunction("crash", () => opened.endGpuProcess());
  });
  afterAll(async () => (opened as typeof opened | undefined)?.close());

  let next = 0;
  runSuite([["in the private file system", (name) => worker.store(`suite-${next++}/${name}`)]]);

  test("a file is the old one or the new one, whenever it is read and whenever its writer is killed", async () => {
    const store = worker.store("killed");
    const length = 300_000;
    await store.write("whole", new Uint8Array(length));
    const requireWhole = async () => {
      const found = await store.read("whole");
      expect([found.length, new Set(found).size]).toEqual([length, 1]);
    };
    for (let kill = 0; kill < 4; kill++) {
      const writer = await fresh();
      const ended = writer.call("writeForEver", "killed", "whole", length);
      await writer.call("store", "killed", "exists", "whole");
      for (let read = 0; read < 8; read++) await requireWhole();
      await writer.terminate();
      expect(await ended).toBe("ended");
      await requireWhole();
    }
    await store.removeLeftovers();
    expect(await store.list()).toEqual(["whole"]);
  });

  test("a folder is one worker's, until that unlocks it or ends", async () => {
    const store = worker.store("locked");
    await store.lock();
    await store.lock();
    const other = await fresh();
    const refused = "locked: another tab or window of this page is at work there; wait for it, or close it";
    await expect(other.store("locked").lock()).rejects.toThrow(refused);
    await store.unlock();
    expect(await store.list()).toEqual([]);
    await other.store("locked").lock();
    await expect(store.lock()).rejects.toThrow(refused);
    await other.terminate();
    await expect
      .poll(() =>
        store.lock().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    await store.unlock();
  });

  test("nothing is written to a folder that was deleted or replaced", async () => {
    const store = worker.store("gone");
    await store.lock();
    const other = (await fresh()).store("gone");
    await store.write("file", "mine");
    await other.remove(".mganet-lock");
    await other.remove("file");
    await other.removeIfEmpty();
    await expect(store.write("file", "again")).rejects.toThrow("gone: the folder is gone: deleted or replaced");
    expect(await other.exists("")).toBe(false);
    await other.write("file", "another's");
    await expect(store.write("file", "again")).rejects.toThrow("gone: the folder is gone: deleted or replaced");
    await expect(store.remove("file")).rejects.toThrow("gone: the folder is gone");
    expect(await readText(other, "file")).toBe("another's");
    await store.unlock();
  });

  test("what cannot be read or written is named, with the reason", async () => {
    const store = worker.store("faults");
    await store.write("folder/file", "text");
    await expect(store.read("none")).rejects.toThrow("faults/none: no such file or folder");
    await expect(store.read("folder")).rejects.toThrow("faults/folder: is a folder, not a file");
    await expect(store.write("folder", "text")).rejects.toThrow(/^faults\/folder: cannot be written: /);
    await expect(store.write("folder/file/below", "text")).rejects.toThrow(
      "faults/folder/file/below: cannot be written: a file is where a folder should be, or a folder where a file",
    );
    await expect(worker.store("faults/folder/file").requireWritable()).rejects.toThrow("a file is where a folder");
    await expect(store.write("..", "text")).rejects.toThrow("faults/..: is not a possible name of a file");
    expect(await readText(store, "folder/file")).toBe("text");
    expect(await store.list()).toEqual(["folder"]);
  });

  test("a full storage is one clear error, and the old file stays", async () => {
    const store = worker.store("full");
    await store.write("file", "old");
    const session = await opened.page.context().newCDPSession(opened.page);
    const { origin } = new URL(opened.page.url());
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1000 });
    await expect(store.write("file", new Uint8Array(2_000_000))).rejects.toThrow(
      "full/file: cannot be written: the browser's storage is full",
    );
    await session.send("Storage.overrideQuotaForOrigin", { origin });
    expect(await store.list()).toEqual(["file"]);
    expect(await readText(store, "file")).toBe("old");
  });

  describe("a training", () => {
    const folder = path.join(temporaryFolder(), "run");
    let onNode: NodeRun;
    let whole: string;

    test("gives the losses that Node gives on the same adapter, and the same files", async () => {
      const [node, end] = await Promise.all([
        trainOnNode(required(), folder, config),
        worker.call("start", config, "runs/whole"),
      ]);
      onNode = node;
      expect(end).toBeUndefined();
      const events = await worker.events();
      const last = events.at(-1)!;
      expect(last, JSON.stringify(last)).toMatchObject({ type: "finished", folder: "runs/whole" });
      expect(onNode.adapter).toContain("SwiftShader");
      const losses = lossesOf(events);
      expect(losses.length).toBe(20);
      losses.forEach((loss, i) => expect(Math.abs(loss / onNode.losses[i]! - 1)).toBeLessThan(1e-5));
      expect(new Set(events.map(({ type }) => type))).toEqual(
        new Set(["preparing", "data", "run", "phase", "compiled", "step", "epoch", "trained", "finished"]),
      );

      const store = worker.store("runs/whole");
      expect((await store.list()).sort()).toEqual(await filesOf(store)); // No lock, and nothing left over.
      expect(await filesOf(store)).toEqual(readdirSync(folder).sort());
      const read = (file: string) => readFileSync(path.join(folder, file));
      for (const file of ["config.json", "split.json", "variants.json"]) {
        expect(await readText(store, file), file).toBe(read(file).toString());
      }
      for (const file of ["summary.json", "predictions.json"]) {
        expect(keysOf(await readJson(store, file)), file).toEqual(keysOf(JSON.parse(read(file).toString())));
      }
      const lines = (content: string) =>
        content
          .trimEnd()
          .split("\n")
          .map((line) => keysOf(JSON.parse(line)));
      expect(lines(await readText(store, "metrics.jsonl"))).toEqual(lines(read("metrics.jsonl").toString()));
      for (const file of ["last.safetensors", "best.safetensors"]) {
        const ours = parseCheckpoint(await store.read(file), file);
        const nodes = parseCheckpoint(read(file), file);
        expect([ours.config, ours.position.step]).toEqual([config, nodes.position.step]);
        expect([...ours.model.keys()]).toEqual([...nodes.model.keys()]);
      }
      whole = (await worker.call("digest", "runs/whole", "last.safetensors")) as string;
    });

    test("from an earlier model, killed before its first step, resumes without that model", async () => {
      const settings = { ...config, seed: 2, freeze: "segmentation", epochs: { segmentation: 0, joint: 1 } };
      const [first, second] = [await fresh(), await fresh()];
      const earlier = worker.store("earlier");
      await earlier.write("model.safetensors", await worker.store("runs/whole").read("best.safetensors"));
      await first.interruptAt({ type: "remark" }, "kill");
      const ended = await first.call("fineTune", settings, "runs/tuned", "earlier", "model.safetensors");
      expect(ended, JSON.stringify((await first.events()).at(-1))).toBe("ended");
      // Without the weights that its configuration names, it does not begin.
      await second.call("start", await readJson(worker.store("runs/tuned"), "config.json"), "runs/without");
      expect((await second.events()).at(-1)).toMatchObject({
        ...{ type: "failed", expected: true, resumable: false, setting: "init" },
        message: "init: the weights of earlier/model.safetensors are not at hand",
      });
      await earlier.remove("model.safetensors");
      await second.call("resume", "runs/tuned");
      expect((await second.events()).at(-1)).toMatchObject({ type: "finished", folder: "runs/tuned" });
      const weights = async (name: string, file: string) =>
        parseCheckpoint(await worker.store(name).read(file), file).model;
      const [before, after] = [
        await weights("runs/whole", "best.safetensors"),
        await weights("runs/tuned", "last.safetensors"),
      ];
      for (const name of ["segmenter.encoder.bn1.running_mean", "segmenter.head.weight"]) {
        expect(after.get(name), name).toEqual(before.get(name));
      }
      expect(after.get("fc.weight")).not.toEqual(before.get("fc.weight"));
    });

    test("that is killed, killed at a checkpoint, stopped and without its GPU, and resumed each time, ends with the same bits", async () => {
      const name = "runs/interrupted";
      const [first, second, third] = [await fresh(), await fresh(), await fresh()];
      // Within an epoch: what came after the last checkpoint is trained again.
      await first.interruptAt({ type: "step", stage: "joint", epoch: 1, batch: 3 }, "kill");
      expect(await first.call("start", config, name)).toBe("ended");
      // As soon as a checkpoint was written.
      await second.interruptAt({ type: "step", stage: "joint", epoch: 2, batch: 1 }, "kill");
      const resumed = second.call("resume", name);
      await expect
        .poll(async () => (await second.events()).some(({ type }) => type === "run"), { timeout: 60_000 })
        .toBe(true);
      await third.call("resume", name);
      expect((await third.events()).at(-1)).toEqual({
        ...{ type: "failed", folder: name, expected: true, resumable: true },
        message: `${name}: another tab or window of this page is at work there; wait for it, or close it`,
      });
      expect(await resumed).toBe("ended");
      await third.interruptAt({ type: "step", stage: "joint", epoch: 2, batch: 3 }, "stop");
      await third.call("resume", name);
      expect((await third.events()).at(-1)).toEqual({ type: "stopped", folder: name, resumable: true });
      // The device is lost; the next run gets another one.
      const told = worker.call("lost");
      await third.interruptAt({ type: "epoch" }, "crash");
      await third.call("resume", name);
      const lost = /^the GPU device was lost \(.+\); unsaved work is lost$/;
      expect((await third.events()).at(-1)).toEqual({
        ...{ type: "failed", folder: name, expected: true, resumable: true },
        message: expect.stringMatching(lost) as string,
      });
      expect(await told).toMatch(lost);
      await third.call("resume", name);
      expect((await third.events()).at(-1)).toMatchObject({ type: "finished" });
      expect(await third.call("digest", name, "last.safetensors")).toBe(whole);
      await third.call("resume", name);
      expect((await third.events()).at(-1)).toMatchObject({
        type: "failed",
        message: `${name}: this run has finished`,
      });
    });
  });

  test("reports no error after all that", () => expect(opened.errors).toEqual([]));
});
