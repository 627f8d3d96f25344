import { beforeAll, describe, expect, test } from "vitest";
import { stream } from "../../../src/data/random.ts";
import { type CropMethod, tissueRectangle } from "../../../src/node/data/crop.ts";
import type { GreyImage } from "../../../src/node/data/decode.ts";
import { loadOpenCv, type OpenCv } from "../../../src/node/data/opencv.ts";
import { TEXT, TISSUE, ultrasound } from "./images.ts";
import { slow } from "../../support/selection.ts";

let cv: OpenCv;
const before = ["uncaughtException", "unhandledRejection"].map((e) => process.listenerCount(e));
beforeAll(async () => {
  ({ cv } = await loadOpenCv());
});

const filled = (width: number, height: number, level: (i: number) => number): GreyImage => ({
  width,
  height,
  grey: Uint8Array.from({ length: width * height }, (_, i) => level(i)),
});

describe.each<Exclude<CropMethod, "none">>(["adaptive", "fixed"])("%s tissue crop", (method) => {
  test("keeps the tissue with a margin and removes the text under it", () => {
    const box = tissueRectangle(cv, ultrasound(1), method);
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
    const box = tissueRectangle(cv, pair, method);
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
    expect(tissueRectangle(cv, image, method)).toEqual({ x0: 0, y0: 0, x1: image.width, y1: image.height });
  });

  test("survives noise, which has a contour for every speck", () => {
    const random = stream(3);
    const noise = filled(1200, 900, () => (random.next() & 1023 ? 0 : 255));
    const box = tissueRectangle(cv, noise, method);
    expect(box.x1).toBeLessThanOrEqual(1200);
  });
});

test("OpenCV's memory does not grow: 50 images of 3 MB would not fit into its 128 MB", slow, () => {
  const image = filled(20000, 150, (i) => (i % 20000 < 12000 && i % 7 < 5 ? 200 : 0)); // low: its squares are small
  const heap = () => {
    const mat = new cv.Mat(1, 1, cv.CV_8UC1);
    const { byteLength } = mat.data.buffer;
    mat.delete();
    return byteLength;
  };
  const start = heap();
  for (let i = 0; i < 50; i++) tissueRectangle(cv, image, "fixed");
  expect(heap()).toBe(start);
});

test("loading OpenCV leaves no listener behind, and is done once", async () => {
  expect(["uncaughtException", "unhandledRejection"].map((e) => process.listenerCount(e))).toEqual(before);
  expect((await loadOpenCv()).cv).toBe(cv);
});
