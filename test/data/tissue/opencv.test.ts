/** Each step of the crop to the tissue against OpenCV's. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { beforeAll, expect, test } from "vitest";
import { phantomImage } from "../../../src/data/phantom/phantom.ts";
import { stream } from "../../../src/data/random.ts";
import { outerContours } from "../../../src/data/tissue/contours.ts";
import { tissueRectangle } from "../../../src/data/tissue/crop.ts";
import { closeAndOpen } from "../../../src/data/tissue/morphology.ts";
import { aboveLocalMean } from "../../../src/data/tissue/threshold.ts";
import { loadOpenCv, type OpenCv } from "../../support/opencv.ts";

let cv: OpenCv;
beforeAll(async () => {
  ({ cv } = await loadOpenCv());
});

const draw = (seed: number) => {
  const random = stream(seed, 5);
  return (most: number) => uniformInt(random, 0, most);
};

/** A picture as OpenCV has it; the caller deletes it. */
function matOf(picture: Uint8Array, width: number, height: number) {
  const mat = new cv.Mat(height, width, Number(cv.CV_8UC1));
  mat.data.set(picture);
  return mat;
}

test("the local threshold gives what OpenCV's gives, pixel for pixel, also where the window is larger than the picture", () => {
  for (let seed = 0; seed < 200; seed++) {
    const upTo = draw(seed);
    const [width, height, side] = [1 + upTo(60), 1 + upTo(60), 3 + 2 * upTo(20)];
    const grey = Uint8Array.from({ length: width * height }, () => upTo(seed % 2 ? 255 : 8));
    const mat = matOf(grey, width, height);
    const kinds = [Number(cv.ADAPTIVE_THRESH_MEAN_C), Number(cv.THRESH_BINARY)] as const;
    cv.adaptiveThreshold(mat, mat, 255, ...kinds, side, 0);
    expect(Buffer.compare(aboveLocalMean({ width, height, grey }, side), mat.data), `${width}x${height}, ${side}`).toBe(
      0,
    );
    mat.delete();
  }
});

test("closing and opening give what OpenCV's give, pixel for pixel, also where a square is larger than the picture", () => {
  for (let seed = 0; seed < 200; seed++) {
    const upTo = draw(seed);
    const [width, height] = [1 + upTo(70), 1 + upTo(70)];
    const [close, open] = [3 + 2 * upTo(12), 3 + 2 * upTo(12)];
    const share = upTo(40);
    const picture = Uint8Array.from({ length: width * height }, () => (upTo(40) < share ? 255 : 0));
    const mat = matOf(picture, width, height);
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

/** Boxes and areas of OpenCV's outermost contours, in no order. */
function contoursOf(picture: Uint8Array, width: number, height: number): string[] {
  const [mat, found, hierarchy] = [matOf(picture, width, height), new cv.MatVector(), new cv.Mat()];
  cv.findContours(mat, found, hierarchy, Number(cv.RETR_EXTERNAL), Number(cv.CHAIN_APPROX_SIMPLE));
  const all = Array.from({ length: found.size() }, (_, i) => {
    const contour = found.get(i);
    const { x, y, width: w, height: h } = cv.boundingRect(contour);
    const text = [x, y, x + w, y + h, cv.contourArea(contour)].join(" ");
    contour.delete();
    return text;
  });
  for (const object of [mat, found, hierarchy]) object.delete();
  return all.sort();
}

test("contours have the boxes and areas of OpenCV's, with holes, nested parts, lines and corners", () => {
  for (let seed = 0; seed < 300; seed++) {
    const upTo = draw(seed);
    const [width, height, share] = [1 + upTo(40), 1 + upTo(40), 1 + upTo(39)];
    const picture = Uint8Array.from({ length: width * height }, () => (upTo(40) < share ? 255 : 0));
    const expected = contoursOf(picture, width, height);
    const actual = outerContours(picture, width, height).map(({ box: { x0, y0, x1, y1 }, area }) =>
      [x0, y0, x1, y1, area].join(" "),
    );
    expect(actual.sort(), `${width}x${height}, seed ${seed}`).toEqual(expected);
  }
});

test("a ring within a ring is one contour, since the inner one lies in the hole of the outer", () => {
  const rings = ["#######", "#     #", "# ### #", "# # # #", "# ### #", "#     #", "#######"].join("");
  const picture = Uint8Array.from(rings, (c) => (c === "#" ? 255 : 0));
  expect(outerContours(picture, 7, 7)).toEqual([{ box: { x0: 0, y0: 0, x1: 7, y1: 7 }, area: 36 }]);
});

test("the tissue of phantoms is where OpenCV finds it", () => {
  for (let i = 0; i < 6; i++) {
    const image = phantomImage(3, i, { scanner: i % 2 ? "phantom-b" : "phantom" });
    const { width, height } = image;
    // The steps and lengths of crop.ts, by OpenCV.
    const side = Math.min(width, height);
    const odd = (x: number) => Math.max(3, 2 * Math.floor(x / 2) + 1);
    const mat = matOf(image.grey, width, height);
    const kinds = [Number(cv.ADAPTIVE_THRESH_MEAN_C), Number(cv.THRESH_BINARY)] as const;
    cv.adaptiveThreshold(mat, mat, 255, ...kinds, odd(0.04 * side), 0);
    for (const [kind, share] of [
      [Number(cv.MORPH_CLOSE), 0.02],
      [Number(cv.MORPH_OPEN), 0.025],
    ] as const) {
      const square = cv.Mat.ones(odd(share * side), odd(share * side), Number(cv.CV_8UC1));
      cv.morphologyEx(mat, mat, kind, square);
      square.delete();
    }
    const all = contoursOf(mat.data, width, height).map((text) => text.split(" ").map(Number));
    mat.delete();
    const largest = Math.max(...all.map((contour) => contour[4]!));
    const kept = all.filter((contour) => contour[4]! >= 0.25 * largest);
    const margin = Math.round(0.01 * side);
    expect(tissueRectangle(image, "adaptive")).toEqual({
      x0: Math.max(0, Math.min(...kept.map((contour) => contour[0]!)) - margin),
      y0: Math.max(0, Math.min(...kept.map((contour) => contour[1]!)) - margin),
      x1: Math.min(width, Math.max(...kept.map((contour) => contour[2]!)) + margin),
      y1: Math.min(height, Math.max(...kept.map((contour) => contour[3]!)) + margin),
    });
  }
});
