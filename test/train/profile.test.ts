/** Profiling does not change the bits of a training run. */
import { expect, test } from "vitest";
import { Trainer } from "../../src/train/trainer.ts";
import { useGpu } from "../support/gpu.ts";
import { config, MadeUpData } from "./support.ts";
import { slow } from "../support/selection.ts";

const gpu = useGpu();

async function train(profiled: boolean) {
  const warm: string[] = [];
  let last = new Uint8Array();
  const trainer = new Trainer(gpu(), config, new MadeUpData());
  const onWarm = async (stage: string, step: { profile: (...args: never[]) => unknown }, batch: unknown) => {
    const nodes = (await step.profile(gpu() as never, batch as never)) as { ms: number }[];
    warm.push(`${stage} ${nodes.length > 100 && nodes.every(({ ms }) => ms > 0)}`);
  };
  await trainer.fit({
    ...(profiled ? { onWarm } : {}),
    save: (_, bytes) => Promise.resolve(void (last = bytes.slice())),
  });
  return { warm, last };
}

test(
  "each stage is profiled once, and nothing of it is left in the weights, moments and statistics",
  slow,
  async () => {
    const plain = await train(false);
    const profiled = await train(true);
    expect(plain.warm).toEqual([]);
    expect(profiled.warm).toEqual(["segmentation true", "joint true"]);
    expect(Buffer.from(profiled.last).equals(Buffer.from(plain.last)), "the bytes of the last checkpoint").toBe(true);
  },
);
