/** A graph that asks for more than the adapter has: which layer, which limit, and what would fit. */
import { describe, expect, test } from "vitest";
import type { Capabilities } from "../../src/gpu/capabilities.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { PlanError, requireFit } from "../../src/graph/compile.ts";
import { Graph } from "../../src/graph/graph.ts";
import { MGANet } from "../../src/models/mganet.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { config, MadeUpData } from "../train/support.ts";

/** An adapter that allows so much in one binding. Nothing else of it is asked for. */
const adapter = (maxBindingBytes: number) => ({ caps: { maxBindingBytes } as Capabilities }) as Gpu;

const MiB = 2 ** 20;
const net = new MGANet(config);

/** Whether a pass over `batch` images fits; the error where it does not. */
function fits(gpu: Gpu, batch: number): PlanError | undefined {
  const graph = new Graph({ training: true });
  const { logits, mask } = net.forward(graph.input("image", [batch, 64, 64, 3]));
  try {
    requireFit(gpu, graph, { outputs: { logits, mask } });
    return undefined;
  } catch (error) {
    if (error instanceof PlanError) return error;
    throw error;
  }
}

describe("a batch that is too large", () => {
  test.each([1, 2, 5])("is refused at a limit of %d MiB with the batch that fits, and that one does", (limit) => {
    const gpu = adapter(limit * MiB);
    const { message } = fits(gpu, 500)!;
    // The largest tensor: [N, 64, 64, 8], before the last convolution of the decoder's fourth block.
    const [, layer, shape, size, allowed, batch] =
      /^([\w.]+): a tensor (\[.*\]) takes (.*) in one binding, and this adapter allows (.*); a batch of at most (\d+) fits$/.exec(
        message,
      )!;
    expect(layer).toMatch(/^(segmenter|classifier)\./);
    expect(shape).toMatch(/^\[500, /);
    expect(size).toMatch(/ MiB$/);
    expect(allowed).toBe(`${limit}.0 MiB`);
    expect(fits(gpu, Number(batch))).toBeUndefined();
    expect(fits(gpu, Number(batch) + 1)).toBeInstanceOf(PlanError);
  });

  test("is found before a training begins, in the stage that comes later too", () => {
    const check = (limit: number) => () => new Trainer(adapter(limit), config, new MadeUpData()).check();
    expect(check(MiB)).not.toThrow();
    expect(check(MiB / 4)).toThrow(PlanError);
    // The slab of the classifier's parameters is what the segmentation stage does without.
    const segmentationOnly = { ...config, epochs: { segmentation: 1, joint: 0 } };
    const limit = 4 * net.segmenter.parameters().reduce((sum, p) => sum + 64 * Math.ceil(p.size / 64), 0);
    expect(() => new Trainer(adapter(limit), segmentationOnly, new MadeUpData()).check()).not.toThrow();
    expect(check(limit)).toThrow(/use a smaller input or width$/);
  });
});
