/** A run that is ended for good before its last epoch: what it has learned is its result. */
import { expect, test } from "vitest";
import { readPredictions } from "../../src/runs/predictions.ts";
import { readRun } from "../../src/runs/report.ts";
import { isComplete, readCheckpoint, readRecords } from "../../src/runs/run.ts";
import { EndOfRun, train } from "../../src/runs/train.ts";
import { readJson } from "../../src/runs/store.ts";
import type { RunEvent } from "../../src/runs/events.ts";
import { PageImages } from "../../src/web/image-source.ts";
import { useGpu } from "../support/gpu.ts";
import { mganetConfig } from "../support/mganet.ts";
import { MemoryStore } from "../support/memory-store.ts";

const gpu = useGpu();
const config = mganetConfig({
  ...{ width: 1 / 16, size: [32, 32], batch: 4, crop: "none", evalEvery: 1 },
  ...{ phantomImages: 20, epochs: { segmentation: 1, joint: 3 } },
});

/** Ends a run at the first event for which `when` holds. */
async function endedAt(when: (event: RunEvent) => boolean) {
  const controller = new AbortController();
  const store = new MemoryStore("run");
  const summary = await train({
    ...{ gpu: gpu(), store, config, source: new PageImages(), saveEvery: 0, signal: controller.signal },
    emit: (event) => {
      if (when(event)) controller.abort(new EndOfRun());
    },
  });
  return { store, summary };
}

test("within a later epoch: the best weights so far stay, and the run counts as finished, with where it was ended", async () => {
  const { store, summary } = await endedAt((e) => e.type === "step" && e.stage === "joint" && e.epoch === 2);
  const stopped = { stage: "joint", epoch: 1, epochs: 3 };
  expect(summary).toMatchObject({ stopped, best: { stage: "joint", epoch: 1 } });
  expect(await isComplete(store)).toBe(true);
  expect(store.isLocked).toBe(false);
  expect(await readJson(store, "summary.json")).toMatchObject({ stopped });
  expect((await readRecords(store)).map(({ stage, epoch }) => `${stage} ${epoch}`)).toEqual([
    "segmentation 1",
    "joint 1",
  ]);
  // Nothing is lost: the very last weights too.
  const { checkpoint } = await readCheckpoint(store, "last.safetensors");
  expect(checkpoint.position).toMatchObject({ stage: 1, epoch: 1, batch: expect.any(Number) as number });
  expect(checkpoint.position.batch).toBeGreaterThan(0);
  expect((await readPredictions(store, "val"))!.checkpoint).toBe("best.safetensors");
  expect((await readRun(store)).facts).toMatchObject({ stopped, bestEpoch: { stage: "joint", epoch: 1 } });
});

test("before its first evaluation: it is evaluated as it is", async () => {
  const { store, summary } = await endedAt((event) => event.type === "step");
  expect(summary).toMatchObject({ stopped: { stage: "segmentation", epoch: 0, epochs: 1 }, best: null });
  const kept = (await readPredictions(store, "val"))!;
  expect([kept.checkpoint, kept.images.length]).toEqual(["last.safetensors", 4]);
  expect(summary!.last).toMatchObject({ images: 4 });
});

test("before its first step there is no result: it is only paused", async () => {
  const { store, summary } = await endedAt((event) => event.type === "compiled");
  expect(summary).toBeUndefined();
  expect([await isComplete(store), await store.exists("last.safetensors")]).toEqual([false, true]);
});
