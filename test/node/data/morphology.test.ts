import type opencv from "@techstark/opencv-js";
import { expect, test } from "vitest";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { stream } from "../../../src/data/random.ts";
import { tissueRectangle } from "../../../src/node/data/crop.ts";
import { closeAndOpen } from "../../../src/node/data/morphology.ts";
import { loadOpenCv } from "../../../src/node/data/opencv.ts";
import { encode, ultrasound } from "./images.ts";

test("closing and opening give what OpenCV's give, pixel for pixel, also where a square is larger than the picture", async () => {
  const cv = (await loadOpenCv()).cv as unknown as typeof opencv;
  for (let seed = 0; seed < 200; seed++) {
    const random = stream(seed, 5);
    const upTo = (most: number) => uniformInt(random, 0, most);
    const [width, height] = [1 + upTo(70), 1 + upTo(70)];
    const [close, open] = [3 + 2 * upTo(12), 3 + 2 * upTo(12)];
    const share = upTo(40);
    const picture = Uint8Array.from({ length: width * height }, () => (upTo(40) < share ? 255 : 0));
    const mat = new cv.Mat(height, width, Number(cv.CV_8UC1));
    mat.data.set(picture);
    for (const [kind, side] of [
      [Number(cv.MORPH_CLOSE), close],
      [Number(cv.MORPH_OPEN), open],
    ] as const) {
      const square = cv.Mat.ones(side, side, Number(cv.CV_8UC1));
      cv.morphologyEx(mat, mat, kind, square);
      square.delete();
    }
    closeAndOpen(picture, width, height, { close, open });
    expect(Buffer.compare(picture, mat.data), `${width}x${height}, ${close}, ${open}`).toBe(0);
    mat.delete();
  }
});

test("a picture of 16 million pixels has its tissue where the small one has it", async () => {
  const { cv } = await loadOpenCv();
  const small = ultrasound(1);
  const side = 4096;
  const image = encode(small).resize(side, side, { fit: "fill", kernel: "cubic" }).toColourspace("b-w");
  const large = { width: side, height: side, grey: await image.raw().toBuffer() };
  const [a, b] = [small, large].map((picture) => tissueRectangle(cv, picture, "fixed"));
  for (const [key, scale] of [
    ["x0", side / 320],
    ["x1", side / 320],
    ["y0", side / 240],
    ["y1", side / 240],
  ] as const) {
    expect(Math.abs(b![key] / scale - a![key])).toBeLessThan(4);
  }
});
