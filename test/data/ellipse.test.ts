import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ellipseMask } from "../../src/data/ellipse.ts";
import { coin, stream } from "../../src/data/random.ts";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import type { Box } from "../../src/data/sample.ts";

/** The definition, pixel by pixel. */
function bruteForce(boxes: readonly Box[], width: number, height: number): Float32Array {
  return Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [(i % width) + 0.5, Math.floor(i / width) + 0.5];
    const inside = boxes.some(({ x0, y0, x1, y1 }) => {
      const [cx, cy, a, b] = [(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2];
      return ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 <= 1;
    });
    return inside ? 1 : 0;
  });
}

test("agrees with the definition on random boxes, alone and in unions, inside the image and across its edge", () => {
  const random = stream(1);
  const value = (low: number, high: number) => low + ((random.next() >>> 0) / 2 ** 32) * (high - low);
  for (let round = 0; round < 300; round++) {
    const [width, height] = [17 + (round % 5), 13 + (round % 7)];
    const boxes = Array.from({ length: 1 + (round % 3) }, () => {
      const [x0, y0] = [value(-6, width), value(-6, height)];
      const box = { x0, y0, x1: x0 + value(0.1, 20), y1: y0 + value(0.1, 20) };
      // Whole and half numbers put centres exactly on the rim.
      if (coin(random)) for (const key of ["x0", "y0", "x1", "y1"] as const) box[key] = Math.round(2 * box[key]) / 2;
      return box;
    });
    expect(ellipseMask(boxes, width, height), JSON.stringify(boxes)).toEqual(bruteForce(boxes, width, height));
  }
});

test.each(["mganet-none", "mganet-parallel"])("agrees with the masks that PyTorch wrote (%s)", (name) => {
  const bytes = readFileSync(new URL(`../reference/data/${name}.safetensors`, import.meta.url));
  const { tensors } = parseSafetensors(bytes, name);
  const [boxes, target] = [tensors.get("in.boxes")!, tensors.get("in.target")!];
  const [count, , height, width] = target.shape as [number, number, number, number];
  for (let i = 0; i < count; i++) {
    const [x0, y0, x1, y1] = boxes.data.slice(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    const expected = target.data.slice(i * width * height, (i + 1) * width * height);
    expect(ellipseMask([{ x0, y0, x1, y1 }], width, height)).toEqual(expected);
  }
});

test("a box without area has no pixel, and what was in the output before is gone", () => {
  const out = new Float32Array(16).fill(7);
  const flat = { x0: 1, y0: 2, x1: 3, y1: 2 };
  expect(ellipseMask([flat], 4, 4, out)).toEqual(new Float32Array(16));
});

test("a circle of diameter 2 holds its four pixels, two boxes hold the union", () => {
  const circle = { x0: 0, y0: 0, x1: 2, y1: 2 };
  expect([...ellipseMask([circle, { x0: 2, y0: 0, x1: 3, y1: 1 }], 3, 2)]).toEqual([1, 1, 1, 1, 1, 0]);
});
