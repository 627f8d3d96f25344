/** An evaluation compares masks with the targets of its batches, and with true outlines where these are known. */
import { expect, test } from "vitest";
import { assembleBatch } from "../../src/data/batches.ts";
import { benignMalignant } from "../../src/data/classes.ts";
import type { Batch, Prepared } from "../../src/data/sample.ts";
import { maskScore } from "../../src/metrics/mask.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import type { Predictor } from "../../src/train/predictor.ts";
import { preparedImages } from "../data/prepared.ts";

const size = 16;
const images = preparedImages(5, size, size);
const pixels = (lit: (x: number, y: number) => boolean) =>
  Uint8Array.from({ length: size * size }, (_, i) => (lit(i % size, Math.floor(i / size)) ? 1 : 0));
const left = pixels((x) => x < 8);
const upper = pixels((_, y) => y < 6);

/** Predicts the same mask for every image. */
const predictor = (mask: Uint8Array) =>
  ({
    refresh: () => {},
    predict: (batch: Float32Array) =>
      Promise.resolve(
        Array.from({ length: batch.length / (3 * size * size) }, () => ({ probabilities: [0.4, 0.6], mask })),
      ),
  }) as unknown as Predictor;

async function* batches(prepared: readonly Prepared[]): AsyncGenerator<Batch> {
  yield await Promise.resolve(assembleBatch(prepared.slice(0, 3), []));
  yield assembleBatch(prepared.slice(3), []);
}

test("with the target, and with the outlines of the images that have one", async () => {
  const outlines = new Map([
    ["image-0", upper],
    ["image-3", left],
    ["image-4", pixels(() => false)],
  ]);
  const options = { unlabelled: new Set<string>(), classes: benignMalignant, classifies: true };
  const { metrics, images: found } = await evaluate(predictor(left), batches(images), {
    ...options,
    bare: new Set(["image-3"]),
    outlines,
  });
  const outlineDice = (2 * 48) / (128 + 96);
  expect(found.map((p) => p.outlineDice)).toEqual([outlineDice, undefined, undefined, 1, 0]);
  expect(metrics.outlineDice).toBeCloseTo((outlineDice + 1 + 0) / 3, 12);
  // The target is another one, and an image without it may have an outline.
  const { target } = assembleBatch(images, []);
  found.forEach(({ dice, iou }, i) => {
    const own = maskScore(left, target.subarray(i * size * size, (i + 1) * size * size));
    expect({ dice, iou }).toEqual(i === 3 ? { dice: null, iou: null } : own);
  });
  const plain = await evaluate(predictor(left), batches(images), options);
  expect(plain.metrics).not.toHaveProperty("outlineDice");
  expect(plain.images.every((p) => !("outlineDice" in p))).toBe(true);
});
