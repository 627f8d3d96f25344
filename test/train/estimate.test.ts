/** The time of a training, from a few steps. */
import { expect, test } from "vitest";
import { PlanError } from "../../src/graph/plan-error.ts";
import { estimateTime } from "../../src/train/estimate.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { openGpu } from "../../src/node/open-gpu.ts";
import { useGpu } from "../support/gpu.ts";
import { mganetConfig } from "../support/mganet.ts";
import { config, MadeUpData } from "./support.ts";

const gpu = useGpu();
const counts = { train: 22, labelled: 13, val: 6 };

/** Every look at it is a second later. */
function ticking() {
  let now = 0;
  return () => (now += 1000);
}

test("adds up steps and evaluations of all phases, each with the images it trains on", async () => {
  const told: string[] = [];
  const found = await estimateTime(
    gpu(),
    mganetConfig({ ...config, epochs: { segmentation: 3, joint: 2 }, evalEvery: 2 }),
    counts,
    {
      clock: ticking(),
      onPhase: (title, what) => told.push(`${title} ${what}`),
    },
  );
  // With this clock three steps together take a second.
  const step = 1 / 3;
  const [segmentation, joint] = found.phases;
  // Batches of 4: five and three steps; the six held-out images in two batches, after epochs 2 and 3, and after epoch 2.
  expect(segmentation).toMatchObject({ stage: "segmentation", epochs: 3, batches: 5 });
  expect(segmentation!.step).toBeCloseTo(step);
  expect(segmentation!.imagesPerSecond).toBeCloseTo(12);
  expect(segmentation!.all).toBeCloseTo((3 * 5 + 2 * 2) * step);
  expect(segmentation!.epoch).toBeCloseTo(segmentation!.all / 3);
  expect(joint!.all).toBeCloseTo((2 * 3 + 1 * 2) * step);
  expect(found.all).toBeCloseTo(segmentation!.all + joint!.all);
  expect(found.compiling).toBe(2);
  expect(told.map((text) => text.split(" ").at(-1))).toEqual(["compiling", "running", "compiling", "running"]);
});

test("what it compiles, a training on the same device need not compile", async () => {
  await estimateTime(gpu(), config, counts);
  const before = gpu().counters.pipelines;
  const trainer = new Trainer(gpu(), config, new MadeUpData());
  await trainer.fit({ save: () => Promise.resolve() });
  trainer.release();
  expect(gpu().counters.pipelines).toBe(before);
});

test("can be stopped, and leaves nothing behind", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const told: string[] = [];
  const stopped = estimateTime(gpu(), config, counts, {
    signal: controller.signal,
    onPhase: (_, what) => {
      told.push(what);
      controller.abort(reason);
    },
  });
  await expect(stopped).rejects.toBe(reason);
  expect(told).toEqual(["compiling"]);
  await estimateTime(gpu(), config, counts); // The device is as good as before.
});

test("refuses what does not fit the adapter, and too few images for a batch", async () => {
  const small = await openGpu({ defaultLimits: true });
  const large = mganetConfig({ ...config, width: 1, size: [2048, 2048], batch: 64 });
  await expect(estimateTime(small, large, { train: 64, labelled: 64, val: 8 })).rejects.toThrow(PlanError);
  await expect(estimateTime(small, large, counts)).rejects.toThrow(
    "64 is more than the 22 training images of the segmentation stage",
  );
  small.destroy();
});
