import { describe, expect, test } from "vitest";
import { stream } from "../../../src/data/random.ts";
import type { GreyImage } from "../../../src/data/grey-image.ts";
import { resizeGrey } from "../../../src/data/resample.ts";
import { type CropMethod, tissueRectangle, wholeImage } from "../../../src/data/tissue/crop.ts";
import { TEXT, TISSUE, ultrasound } from "../../node/data/images.ts";

const filled = (width: number, height: number, level: (i: number) => number): GreyImage => ({
  width,
  height,
  grey: Uint8Array.from({ length: width * height }, (_, i) => level(i)),
});

describe.each<Exclude<CropMethod, "none">>(["adaptive", "fixed"])("%s tissue crop", (method) => {
  test("keeps the tissue with a margin and removes the text under it", () => {
    const box = tissueRectangle(ultrasound(1), method);
    expect(box.x0).toBeLessThanOrEqual(TISSUE.x0);
    expect(box.y0).toBeLessThanOrEqual(TISSUE.y0);
    expect(box.x1).toBeGreaterThanOrEqual(TISSUE.x1);
    expect(box.y1).toBeGreaterThanOrEqual(TISSUE.y1);
    expect(box.y1).toBeLessThanOrEqual(TEXT.y0);
    expect(TISSUE.x0 - box.x0 + box.x1 - TISSUE.x1).toBeLessThan(16);
  });

  test("keeps both of two scans side by side with a black gap between them", () => {
    const random = stream(2);
    const pair = filled(560, 360, (i) => {
      const [x, y] = [i % 560, Math.floor(i / 560)];
      return y >= 40 && y < 300 && ((x >= 40 && x < 240) || (x >= 256 && x < 500)) ? 40 + (random.next() & 127) : 0;
    });
    const box = tissueRectangle(pair, method);
    expect(box.x0).toBeLessThanOrEqual(40);
    expect(box.x1).toBeGreaterThanOrEqual(500);
  });

  test.each<[string, GreyImage]>([
    ["black", filled(300, 200, () => 0)],
    ["white", filled(300, 200, () => 255)],
    ["grey", filled(300, 200, () => 128)],
    ["tiny", filled(5, 5, (i) => i * 10)],
    ["one pixel", filled(1, 1, () => 200)],
    ["one bright spot", filled(300, 200, (i) => (i % 300 > 280 && i > 57000 ? 255 : 0))],
  ])("keeps the whole of an image without tissue (%s)", (_, image) => {
    expect(tissueRectangle(image, method)).toEqual({ x0: 0, y0: 0, x1: image.width, y1: image.height });
  });

  test("survives noise, which has a contour for every speck", () => {
    const random = stream(3);
    const noise = filled(1200, 900, () => (random.next() & 1023 ? 0 : 255));
    const box = tissueRectangle(noise, method);
    expect(box.x1).toBeLessThanOrEqual(1200);
  });
});

test("a picture of 16 million pixels has its tissue where the small one has it", () => {
  const small = ultrasound(1);
  const side = 4096;
  const large = { width: side, height: side, grey: resizeGrey(small, wholeImage(small), side, side) };
  const [a, b] = [small, large].map((picture) => tissueRectangle(picture, "fixed"));
  for (const [key, scale] of [
    ["x0", side / 320],
    ["x1", side / 320],
    ["y0", side / 240],
    ["y1", side / 240],
  ] as const) {
    expect(Math.abs(b![key] / scale - a![key])).toBeLessThan(4);
  }
});
