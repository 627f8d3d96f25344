import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { LOCK } from "../../src/node/folder-lock.ts";
import { InputError } from "../../src/node/files.ts";
import { RunFolder } from "../../src/node/run-folder.ts";
import { presets } from "../../src/train/config.ts";
import type { EpochRecord } from "../../src/train/training.ts";
import { temporaryFolder } from "./data/images.ts";

const root = temporaryFolder();
const config = presets.quick;
const record = (step: number): EpochRecord => {
  return { stage: "joint", epoch: step, step, lr: 1e-3, loss: 1, seconds: 1, imagesPerSecond: 1 };
};

describe("a new run", () => {
  test("writes its configuration at once and a line for each epoch", async () => {
    const dir = path.join(root, "new", "run");
    const run = await RunFolder.create(dir, config);
    expect(JSON.parse(readFileSync(path.join(dir, "config.json"), "utf8"))).toEqual(config);
    await run.record(record(1));
    await run.record({ ...record(2), validation: { images: 3, dice: 0.5 } });
    await run.record(record(3));
    const lines = readFileSync(path.join(dir, "metrics.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as EpochRecord).step)).toEqual([1, 2, 3]);
    expect(run.lastEvaluation).toEqual({ images: 3, dice: 0.5 });
    expect([run.hasCheckpoint, run.isComplete]).toEqual([false, false]);
    await run.save("last", new Uint8Array(3));
    const files = ["config.json", "last.safetensors", "metrics.jsonl"];
    expect(readdirSync(dir).sort()).toEqual([LOCK, ...files]);
    await run.summary({ seconds: 1 });
    expect([run.hasCheckpoint, run.isComplete]).toEqual([true, true]);
    expect(readdirSync(dir).sort()).toEqual([...files, "summary.json"]);
    await expect(RunFolder.create(dir, config)).rejects.toThrow(/the folder is not empty/);
    await expect(RunFolder.requireFree(dir)).rejects.toThrow(InputError);
  });

  test("that fails before its first checkpoint is taken away, but nothing of anybody else's", async () => {
    const dir = path.join(root, "failed");
    const run = await RunFolder.create(dir, config);
    await run.record(record(1));
    await run.discard();
    expect(existsSync(dir)).toBe(false);
    const other = await RunFolder.create(dir, config);
    writeFileSync(path.join(dir, "notes.txt"), "mine");
    await other.discard();
    expect(readdirSync(dir)).toEqual(["notes.txt"]);
  });
});
