/** Consecutive training runs on one device: a finished one frees its device memory. */
import { beforeAll, expect, test, vi } from "vitest";
import { folderImages } from "../../src/node/image-source.ts";
import { evaluateImages } from "../../src/runs/evaluate-images.ts";
import { openModel } from "../../src/runs/open-model.ts";
import { parseCheckpoint } from "../../src/train/checkpoint.ts";
import type { TrainConfig } from "../../src/train/config.ts";
import { continuation, pretraining } from "../../src/train/pretrained.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { preparedImages } from "../data/prepared.ts";
import { useGpu } from "../support/gpu.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { config, MadeUpData } from "./support.ts";
import { slow } from "../support/selection.ts";

const gpu = useGpu();

/** Bytes in buffers that have been made and not destroyed since. */
let alive = 0;
beforeAll(() => {
  const { device } = gpu();
  const create = device.createBuffer.bind(device);
  vi.spyOn(device, "createBuffer").mockImplementation((descriptor) => {
    const buffer = create(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    let there = true;
    buffer.destroy = () => {
      if (there) alive -= descriptor.size;
      there = false;
      destroy();
    };
    alive += descriptor.size;
    return buffer;
  });
});

/** Trains to the end. @returns the last checkpoint, and the most bytes that were alive */
async function train(settings: TrainConfig, from?: Uint8Array) {
  let most = 0;
  let last: Uint8Array = new Uint8Array();
  const trainer = new Trainer(gpu(), settings, new MadeUpData());
  if (from) trainer.resume(parseCheckpoint(from, "from"), "from");
  await trainer.fit({
    onStep: () => void (most = Math.max(most, alive)),
    save: async (name, bytes) => void (name === "last" && (last = await Promise.resolve(bytes))),
  });
  trainer.release();
  return { last, most };
}

test("no buffer of a training, of its evaluation or of a start from another one is left", slow, async () => {
  const whole = await train(config);
  expect(whole.most).toBeGreaterThan(1e5);
  expect(alive).toBe(0);
  const pretrained = parseCheckpoint((await train(pretraining(config))).last, "pretrained");
  const begun = await continuation(gpu(), config, pretrained, "pretrained");
  expect(alive).toBe(0);
  const { last } = await train(config, begun);
  expect(alive).toBe(0);
  expect(Buffer.from(last).equals(whole.last), "the bytes of the last checkpoint").toBe(true);
  const name = "last.safetensors";
  const loaded = { checkpoint: parseCheckpoint(last, name), file: name, name, store: new MemoryStore() };
  {
    using open = openModel(gpu(), loaded);
    await evaluateImages(open, folderImages, preparedImages(6, 32, 32));
  }
  expect(alive).toBe(0);
});
