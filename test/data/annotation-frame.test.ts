import { expect, test } from "vitest";
import { annotationFrame, type PictureSize, type Size } from "../../src/data/annotation-frame.ts";

const box = { x0: 50, y0: 40, x1: 140, y1: 100 };
const size = { width: 320, height: 240 };
const turned: PictureSize = { width: 240, height: 320, stored: { ...size, orientation: 6 } };

function place(picture: PictureSize, drawnOn?: Size) {
  const frame = annotationFrame(picture, drawnOn);
  return { box: frame.place(box), note: frame.note };
}

test("a box stands as it is where the annotation's size is the picture's, or not known", () => {
  for (const drawnOn of [size, undefined, { width: 0, height: 0 }]) {
    expect(place(size, drawnOn)).toEqual({ box, note: undefined });
  }
  expect(place(turned, { width: 240, height: 320 })).toEqual({ box, note: undefined });
});

test("a box of another size of the same shape is scaled, of another shape refused", () => {
  expect(place(size, { width: 640, height: 480 })).toEqual({
    box: { x0: 25, y0: 20, x1: 70, y1: 50 },
    note: "its annotation was made on 640x480: scaled to 320x240",
  });
  expect(() => place(size, { width: 640, height: 400 })).toThrow(
    /made on an image of 640x400, but it is 320x240: remove the size from the annotation if it is wrong$/,
  );
});

test("a box of the stored picture is turned with it, at its own size or another", () => {
  const at6 = { x0: 140, y0: 50, x1: 200, y1: 140 };
  expect(place(turned, size)).toEqual({
    box: at6,
    note: expect.stringMatching(/on 320x240, before it was rotated/) as string,
  });
  expect(annotationFrame(turned, { width: 640, height: 480 }).place({ x0: 100, y0: 80, x1: 280, y1: 200 })).toEqual(
    at6,
  );
  const corners = { 2: [180, 40, 270, 100], 3: [180, 140, 270, 200], 4: [50, 140, 140, 200] };
  for (const [orientation, [x0, y0, x1, y1]] of Object.entries(corners)) {
    // Without a quarter turn the size says nothing: the box is the viewers', and that is told.
    const picture = { ...size, stored: { ...size, orientation: Number(orientation) } };
    expect(place(picture, size)).toEqual({
      box,
      note: expect.stringMatching(`orientation is ${orientation}`) as string,
    });
    // Of a stored picture of another size it is known; here one with wide pixels.
    const wide = { width: 640, height: 240, stored: { ...size, orientation: Number(orientation) } };
    expect(place(wide, size).box).toEqual({ x0: 2 * x0!, y0, x1: 2 * x1!, y1 });
  }
});

test("boxes without a size are in stored pixels where those are not square, else as viewers see them", () => {
  const stretched = { width: 640, height: 240, stored: { ...size, orientation: 1 } };
  expect(place(stretched).box).toEqual({ x0: 100, y0: 40, x1: 280, y1: 100 });
  expect(place(turned)).toEqual({ box, note: expect.stringMatching(/as viewers rotate it/) as string });
});
