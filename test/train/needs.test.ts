/** The forecast of a training's memory. */
import { expect, test } from "vitest";
import { isLarge, needsOf } from "../../src/train/needs.ts";
import { useGpu } from "../support/gpu.ts";
import { config } from "./support.ts";

const gpu = useGpu();

test("counts three batches of images and targets in f32 on the host, and the largest phase on the device", () => {
  const [one, two] = [2, 4].map((batch) => needsOf(gpu(), { ...config, batch }));
  expect(one!.host).toBe(3 * 2 * 32 * 32 * (3 + 1) * 4);
  expect(two!.host).toBe(2 * one!.host);
  expect(two!.device).toBeGreaterThan(one!.device);
  const alone = needsOf(gpu(), { ...config, batch: 2, epochs: { segmentation: 1, joint: 0 } });
  expect(alone.device).toBeLessThan(one!.device);
});

test("is worth its time from a million pixels a batch", () => {
  expect(isLarge({ ...config, batch: 64, size: [128, 128] })).toBe(false);
  expect(isLarge({ ...config, batch: 65, size: [128, 128] })).toBe(true);
});
