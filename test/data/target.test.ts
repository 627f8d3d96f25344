/** What the segmentation branch learns to mark, and which images have it. */
import { expect, test } from "vitest";
import { assembleBatch } from "../../src/data/batches.ts";
import { ellipseMask } from "../../src/data/ellipse.ts";
import type { Box, Prepared } from "../../src/data/sample.ts";
import { drawTarget, hasTarget, maskTargets } from "../../src/data/target.ts";
import { preparedImages } from "./prepared.ts";

const [width, height] = [11, 7];
const shape = Uint8Array.from({ length: width * height }, (_, i) => (i % 5 === 0 ? 1 : 0));
const [first, second] = preparedImages(2, width, height) as [Prepared, Prepared];

const drawn = (image: Partial<Prepared>, target: (typeof maskTargets)[number]): number[] => {
  const out = new Float32Array(width * height).fill(9);
  drawTarget({ boxes: [], width, height, ...image }, target, out);
  return [...out];
};

test("is the ellipses, as before there was a choice, the boxes, or the outline", () => {
  expect(drawn(second, "ellipse")).toEqual([...ellipseMask(second.boxes, width, height)]);
  expect(drawn({ ...second, shape }, "outline")).toEqual([...shape]);
  const boxes: Box[] = [
    { x0: 1.4, y0: 2.5, x1: 4.5, y1: 5.6 },
    { x0: -3, y0: -2, x1: 0.6, y1: 0.5 },
    { x0: 9.2, y0: 6, x1: 30, y1: 40 },
    { x0: 6, y0: 3, x1: 6.4, y1: 4 },
  ];
  const inside = Array.from({ length: width * height }, (_, i): number => {
    const [x, y] = [(i % width) + 0.5, Math.floor(i / width) + 0.5];
    return boxes.some((b) => b.x0 <= x && x < b.x1 && b.y0 <= y && y < b.y1) ? 1 : 0;
  });
  expect(drawn({ boxes }, "box")).toEqual(inside);
  expect(inside.reduce((a, b) => a + b)).toBe(3 * 4 + 2);
});

test("is empty for an image without it", () => {
  for (const target of maskTargets) expect(drawn({}, target)).toEqual(Array(width * height).fill(0));
  expect(drawn({ boxes: second.boxes }, "outline")).toEqual(Array(width * height).fill(0));
});

test("is mirrored as pixels with its image", () => {
  const images = [{ ...first, shape }, second];
  for (const target of maskTargets) {
    const [plain, flipped] = [
      [false, false],
      [true, false],
    ].map((flips) => assembleBatch(images, flips, target).target);
    for (let y = 0; y < height; y++) {
      const row = [...plain!.subarray(y * width, (y + 1) * width)].reverse();
      expect([...flipped!.subarray(y * width, (y + 1) * width)]).toEqual(row);
    }
    expect(flipped!.subarray(width * height)).toEqual(plain!.subarray(width * height));
  }
  expect(assembleBatch(images, []).target).toEqual(assembleBatch(images, [], "ellipse").target);
});

test("is known of images with boxes or an outline, and of those known to have no nodule", () => {
  const has = (image: Parameters<typeof hasTarget>[0]) => maskTargets.map((target) => hasTarget(image, target));
  expect(has(second)).toEqual([true, true, false]);
  expect(has({ ...second, shape })).toEqual([true, true, true]);
  expect(has({ boxes: [] })).toEqual([false, false, false]);
  expect(has({ boxes: [], outline: "none" })).toEqual([true, true, true]);
});
