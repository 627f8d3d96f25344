/** Boxes around the parts of a predicted mask. */
import { describe, expect, test } from "vitest";
import { outline, outlineBoxes } from "../../src/explain/outline.ts";

const [W, H] = [40, 30];
const crop = { x0: 100, y0: 50, x1: 180, y1: 140 };

/** A mask that falls from 1 inside each disc to 0 outside within two pixels. */
const discs = (...all: readonly [x: number, y: number, radius: number][]) =>
  Float32Array.from({ length: W * H }, (_, i) => {
    const [x, y] = [(i % W) + 0.5, Math.floor(i / W) + 0.5];
    const depth = Math.max(...all.map(([cx, cy, r]) => r - Math.hypot(x - cx, y - cy)));
    return Math.min(1, Math.max(0, 0.5 + depth / 2));
  });

const near = ({ x0, y0, x1, y1 }: { x0: number; y0: number; x1: number; y1: number }) =>
  [x0, y0, x1, y1].map((edge) => Math.round(edge));

describe("boxes of an outline", () => {
  test("are one around each part, the largest first, in pixels of the whole picture", () => {
    const mask = discs([8, 8, 4], [26, 18, 8]);
    // Two pixels across and three down for each of the mask.
    expect(outlineBoxes(mask, W, H, crop).map(near)).toEqual([
      [136, 80, 168, 128],
      [108, 62, 124, 86],
    ]);
    const { box } = outline(mask, W, H, crop);
    expect(near(box!)).toEqual([108, 62, 168, 128]);
  });

  test("leave out crumbs beside a much larger part, and holes in it", () => {
    const mask = discs([20, 15, 12], [37.5, 2.5, 1]);
    for (let y = 13; y < 17; y++) mask.fill(0, y * W + 18, y * W + 22);
    expect(outline(mask, W, H, crop).rings).toHaveLength(3);
    expect(outlineBoxes(mask, W, H, crop).map(near)).toEqual([[116, 59, 164, 131]]);
  });

  test("are none of an empty mask", () => {
    expect(outlineBoxes(new Float32Array(W * H), W, H, crop)).toEqual([]);
  });
});
