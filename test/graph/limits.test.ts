/** A graph that exceeds the adapter's limits: the error says which layer, which limit, and what would fit. */
import { describe, expect, test } from "vitest";
import type { Capabilities } from "../../src/gpu/capabilities.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { PlanError } from "../../src/graph/compile.ts";
import { requireFit } from "../../src/graph/preview.ts";
import { Graph } from "../../src/graph/graph.ts";
import { MGANet } from "../../src/models/mganet/network.ts";
import { mganet } from "../../src/models/mganet/spec.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { mganetModel } from "../support/mganet.ts";
import { config, MadeUpData } from "../train/support.ts";

const KiB = 2 ** 10;
const MiB = 2 ** 20;

/** An adapter that allows so much in one binding and in one buffer. Nothing else of it is asked for. */
const adapter = (maxBindingBytes: number, maxBufferBytes = 4096 * MiB) =>
  ({ caps: { maxBindingBytes, maxBufferBytes, offsetAlignment: 256 } as Capabilities }) as unknown as Gpu;

const { net } = mganetModel(config);

/** Whether a pass over `batch` images fits; the error where it does not. */
function fits(gpu: Gpu, batch: number, of = net, size = 64): PlanError | undefined {
  const graph = new Graph({ training: true });
  const { logits, mask } = of.forward(graph.input("image", [batch, size, size, 3]));
  try {
    requireFit(gpu, graph, { outputs: { logits, mask } });
    return undefined;
  } catch (error) {
    if (error instanceof PlanError) return error;
    throw error;
  }
}

describe("limits of an adapter", () => {
  test("a batch beyond one binding is no obstacle, up to where one image is", () => {
    // The image itself is the largest thing: [64, 64, 3] takes 48 KiB.
    for (const batch of [1, 3, 500]) {
      expect(fits(adapter(48 * KiB), batch)).toBeUndefined();
      expect(fits(adapter(48 * KiB - 16), batch)!.message).toBe(
        `segmenter.encoder.conv1: a tensor [${batch}, 64, 64, 3] needs 48.0 KiB in one binding, and this ` +
          "adapter allows 48.0 KiB; use a smaller batch, input or width",
      );
    }
  });

  test("the paper's preset fits where a binding may have 128 MiB, as by default in browsers", () => {
    const { width, fusion, at } = mganet.presets.paper;
    const { batch, size } = presetFor("paper", PHANTOM);
    expect(fits(adapter(128 * MiB), batch, new MGANet({ width, fusion, at }), size[0])).toBeUndefined();
  });

  test("a weight goes into one binding, whatever the batch", () => {
    const wide = mganetModel({ ...config, width: 1 }).net;
    // [3, 3, 512, 512] takes 9 MiB.
    expect(fits(adapter(9 * MiB), 8, wide)).toBeUndefined();
    expect(fits(adapter(9 * MiB - 16), 8, wide)!.message).toMatch(/^segmenter\.encoder\.layer4.*needs 9\.0 MiB in one/);
  });

  test("a tensor goes into one buffer", () => {
    // [500, 64, 64, 3] takes 23.4 MiB, and after the last upsampling there are two channels.
    expect(fits(adapter(MiB, 24 * MiB), 500)).toBeUndefined();
    expect(fits(adapter(MiB, 23 * MiB), 500)!.message).toMatch(
      /^segmenter\.\S+: a tensor \[500, 64, 64, 3\] needs 23\.4 MiB in one buffer, and this adapter allows 23\.0 MiB; /,
    );
  });

  test.each([
    [1, 0],
    [0, 1],
  ])("are found before a training of %d + %d epochs begins", (segmentation, joint) => {
    const check = (limit: number) => () =>
      new Trainer(adapter(limit), { ...config, epochs: { segmentation, joint } }, new MadeUpData()).check();
    // At this width the largest weight takes 36 KiB; slabs are updated in parts.
    expect(check(36 * KiB)).not.toThrow();
    expect(check(36 * KiB - 16)).toThrow(PlanError);
  });
});
