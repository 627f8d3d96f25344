/** Training whose device is lost, or whose images lack a class. */
import { expect, test } from "vitest";
import type { Batch } from "../../src/data/sample.ts";
import { DeviceLostError, GpuError } from "../../src/gpu/gpu.ts";
import { hasMemory } from "../../src/gpu/has-memory.ts";
import { openGpu } from "../../src/node/open-gpu.ts";
import { requireResources } from "../../src/node/resources.ts";
import { parseCheckpoint } from "../../src/train/checkpoint.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { EpochRecord } from "../../src/train/training.ts";
import { useGpu } from "../support/gpu.ts";
import { mganetConfig } from "../support/mganet.ts";
import { config, MadeUpData } from "./support.ts";
import { slow } from "../support/selection.ts";

const gpu = useGpu();

test("a device that is lost in a step is named, with what the driver says", async () => {
  const own = await openGpu();
  const trainer = new Trainer(own, config, new MadeUpData());
  let steps = 0;
  const fitting = trainer.fit({
    onStep: () => void (++steps === 2 && own.device.destroy()),
    save: () => Promise.resolve(),
  });
  await expect(fitting).rejects.toThrow(DeviceLostError);
  await expect(fitting).rejects.toThrow(/^the GPU device was lost \(.+\); unsaved work is lost$/);
});

test("a validation error in a step is passed on with what the device says", async () => {
  const own = await openGpu();
  const trainer = new Trainer(own, config, new MadeUpData());
  let steps = 0;
  const fitting = trainer.fit({
    onStep: () => void (++steps === 2 && own.device.createBuffer({ size: 2 ** 50, usage: GPUBufferUsage.STORAGE })),
    save: () => Promise.resolve(),
  });
  await expect(fitting).rejects.toThrow(GpuError);
  await expect(fitting).rejects.toThrow(/exceeds the max buffer size limit/);
  own.destroy();
});

test("results that are asked of a device that was given back are refused with a reason", async () => {
  const own = await openGpu();
  const buffer = own.createStorage(16, "x");
  own.destroy();
  await expect(own.read(buffer, 0, 16)).rejects.toThrow("the device was destroyed: its Gpu's destroy() was called");
});

test("what the machine or the adapter has not the memory for is refused with the numbers, before there are images", async () => {
  const large = mganetConfig({ batch: 512 });
  const check = (machine: number, changes = {}) => requireResources(gpu(), { ...large, ...changes }, machine);
  await check(2 ** 50);
  await check(2 ** 20, { batch: 2, size: [32, 32], width: 1 / 16 });
  await expect(check(2 ** 30)).rejects.toThrow(
    /^batch 512 at 96x96, parallel fusion, width 0.25 needs at least [\d.]+ GiB of memory, and this machine has 1\.0 GiB; use a smaller batch, size or width, or --recompute$/,
  );
  await expect(check(2 ** 50, { batch: 1024, size: [1024, 1024] })).rejects.toThrow(
    /^segmenter\.encoder\.conv1: a tensor \[1024, 1024, 1024, 3\] needs 12\.0 GiB/,
  );
  expect(await hasMemory(gpu(), 2 ** 20)).toBe(true);
  gpu().check();
});

/** The same images, with the held-out ones of one class, or without any. */
class OneSided extends MadeUpData {
  readonly #label: 0 | 1 | undefined;
  override readonly unlabelled: ReadonlySet<string>;

  constructor(label: 0 | 1 | undefined, ids: readonly string[]) {
    super();
    this.#label = label;
    this.unlabelled = new Set(label === undefined ? ids : []);
  }

  override async *validation(): AsyncGenerator<Batch> {
    for await (const batch of super.validation()) yield { ...batch, label: batch.label.map(() => this.#label ?? 0) };
  }
}

test.each([0, 1, undefined] as const)(
  "where all held-out images are of class %s, the best epoch is that of the least loss",
  slow,
  async (label) => {
    const ids: string[] = [];
    for await (const batch of new MadeUpData().validation()) ids.push(...batch.ids);
    const trainer = new Trainer(gpu(), config, new OneSided(label, ids));
    const records: EpochRecord[] = [];
    let saved: Uint8Array | undefined;
    const { best } = await trainer.fit({
      onEpoch: (record) => void records.push(record),
      save: (name, bytes) => Promise.resolve(void (name === "best" && (saved = bytes))),
    });
    trainer.release();
    const joint = records.filter(({ stage }) => stage === "joint");
    const losses = joint.map(({ validation }) => validation!.loss!);
    expect(losses.every((loss) => loss > 0)).toBe(true);
    const least = Math.min(...losses);
    const epoch = losses.indexOf(least) + 1;
    expect(best).toEqual({ stage: "joint", epoch, loss: least, metrics: joint[epoch - 1]!.validation });
    expect(parseCheckpoint(saved!, "best").best).toEqual(best);
  },
);

test("where both classes are held out, it is that of the greatest F1, and no loss is noted", slow, async () => {
  const trainer = new Trainer(gpu(), config, new MadeUpData());
  const records: EpochRecord[] = [];
  const { best } = await trainer.fit({ onEpoch: (record) => void records.push(record), save: () => Promise.resolve() });
  trainer.release();
  expect(records.some(({ validation }) => validation?.loss !== undefined)).toBe(false);
  expect(best!.f1).toBe(Math.max(...records.flatMap(({ validation }) => validation?.f1 ?? [])));
  expect(best!.loss).toBe(undefined);
});
