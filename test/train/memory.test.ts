/** Training steps leak no memory, neither in the process nor on the heap. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { assembleBatch } from "../../src/data/batches.ts";
import { Adam, adamDefaults } from "../../src/optim/adam.ts";
import { TrainingStep } from "../../src/train/step.ts";
import { preparedImages } from "../data/prepared.ts";
import { useGpu } from "../support/gpu.ts";
import { mganetModel } from "../support/mganet.ts";
import { config } from "./support.ts";
import { slow } from "../support/selection.ts";

const gpu = useGpu();

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function memory(): { resident: number; heap: number } {
  collect();
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  return { resident: rss, heap: heapUsed };
}

test(
  "200 steps after a warm-up grow resident memory by less than 2 %, and the heap by less than 1 MB",
  slow,
  async () => {
    const phase = mganetModel(config).phase("segmentation");
    const adam = new Adam(phase.slabs, adamDefaults);
    const step = await TrainingStep.create(gpu(), phase, adam, { ...config, batch: 2 });
    const batch = assembleBatch(preparedImages(2, 32, 32), []);
    const run = async (count: number) => {
      for (let i = 0; i < count; i++) await step.run(batch, 1e-4);
    };
    await run(100);
    let before = memory();
    await run(200);
    let after = memory();
    // Allocators keep pages for later for a while; a leak would grow in every stretch, so the steadiest of four counts.
    for (let more = 0; more < 3 && after.resident >= 1.02 * before.resident; more++) {
      before = after;
      await run(200);
      after = memory();
    }
    expect(after.resident).toBeLessThan(1.02 * before.resident);
    expect(after.heap - before.heap).toBeLessThan(1e6);
  },
);
