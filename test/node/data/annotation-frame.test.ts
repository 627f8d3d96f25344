import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { annotationFrame, type PictureSize } from "../../../src/data/annotation-frame.ts";
import { type Box, DataError } from "../../../src/data/sample.ts";
import { decodeGrey } from "../../../src/node/data/decode.ts";

/** Of the stored picture, which is black but for this box. */
const [width, height] = [90, 60];
const BOX: Box = { x0: 10, y0: 20, x1: 40, y1: 35 };

/** The picture's file with an EXIF orientation. */
function turnedFile(orientation: number): Promise<Buffer> {
  const grey = Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return x >= BOX.x0 && x < BOX.x1 && y >= BOX.y0 && y < BOX.y1 ? 255 : 0;
  });
  const stored = sharp(grey, { raw: { width, height, channels: 1 } });
  return stored.toColourspace("b-w").withMetadata({ orientation }).png().toBuffer();
}

/** Where the decoder, which does not know of boxes, shows it. */
async function shownBox(bytes: Uint8Array): Promise<Box & { width: number; height: number }> {
  const { grey, ...size } = await decodeGrey(bytes);
  const lit = [...grey.keys()].filter((i) => grey[i]! > 127);
  const xs = lit.map((i) => i % size.width);
  const ys = lit.map((i) => Math.floor(i / size.width));
  const box = { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs) + 1, y1: Math.max(...ys) + 1 };
  return { ...box, ...size };
}

const sizeOf = (orientation: number): PictureSize => {
  const [w, h] = orientation >= 5 ? [height, width] : [width, height];
  return orientation === 1 ? { width, height } : { width: w, height: h, stored: { width, height, orientation } };
};

describe.each([1, 2, 3, 4, 5, 6, 7, 8])("EXIF orientation %s", (orientation) => {
  test("takes a box of the stored picture where the decoder shows it", async () => {
    const { width: w, height: h, ...shown } = await shownBox(await turnedFile(orientation));
    const size = sizeOf(orientation);
    expect({ width: w, height: h }).toMatchObject({ width: size.width, height: size.height });
    // Only where the sides change places does a declared size tell which picture it was.
    const declared = orientation >= 5 ? { width, height } : undefined;
    const frame = annotationFrame(size, declared);
    if (declared) {
      expect(frame.place(BOX)).toEqual(shown);
      expect(frame.note).toBe("its annotation was made on 90x60, before it was rotated");
    } else expect(frame.place(shown)).toEqual(shown);
  });

  test("takes a box without a declared size, and one declared as viewers see it, as it stands", () => {
    const size = sizeOf(orientation);
    const { width: w, height: h } = size;
    for (const declared of [undefined, { width: w, height: h }, { width: 0, height: 0 }]) {
      expect(annotationFrame(size, declared).place(BOX)).toEqual(BOX);
    }
  });

  test("is heeded by a size that was halved or doubled before or after the turn", async () => {
    const { x0, y0, x1, y1 } = await shownBox(await turnedFile(orientation));
    const size = sizeOf(orientation);
    const half = ({ x0, y0, x1, y1 }: Box) => ({ x0: x0 / 2, y0: y0 / 2, x1: x1 / 2, y1: y1 / 2 });
    const shown = { x0, y0, x1, y1 };
    const asShown = annotationFrame(size, { width: size.width / 2, height: size.height / 2 });
    expect(asShown.place(half(shown))).toEqual(shown);
    expect(asShown.note).toMatch(/^its annotation was made on \d+x\d+: scaled to \d+x\d+$/);
    if (orientation < 5) return;
    const asStored = annotationFrame(size, { width: width / 2, height: height / 2 });
    expect(asStored.place(half(BOX))).toEqual(shown);
    expect(asStored.note).toBe("its annotation was made on 45x30, before it was rotated");
  });
});

describe("pixels that are not square", () => {
  // Stored 90 x 60, shown 90 x 120.
  const size: PictureSize = { width: 90, height: 120, stored: { width: 90, height: 60, orientation: 1 } };

  test("boxes without a size are in stored pixels, which is said", () => {
    const frame = annotationFrame(size);
    expect(frame.place(BOX)).toEqual({ x0: 10, y0: 40, x1: 40, y1: 70 });
    expect(frame.note).toBe("its annotation was made on 90x60, before it was stretched to square pixels");
  });

  test("boxes of the stretched picture stand", () => {
    expect(annotationFrame(size, { width: 90, height: 120 }).place(BOX)).toEqual(BOX);
  });
});

test.each([
  [{ width: 90, height: 61 }, "its annotation was made on an image of 90x61, but it is 90x60"],
  [
    { width: 60, height: 90 },
    "its annotation was made on an image of 60x90, but it is 90x60, with width and height swapped",
  ],
  [{ width: 90, height: 0 }, "its annotation was made on an image of 90x0, but it is 90x60"],
])("a declared size of another shape (%j) is refused: where the nodule is, is not known", (declared, reason) => {
  const refused = () => annotationFrame({ width: 90, height: 60 }, declared);
  expect(refused).toThrow(DataError);
  expect(refused).toThrow(`${reason}: remove the size from the annotation if it is wrong`);
});

test("sides that agree but for rounding are of one shape", () => {
  const frame = annotationFrame({ width: 320, height: 240 }, { width: 107, height: 80 });
  const { x1, y1 } = frame.place({ x0: 0, y0: 0, x1: 107, y1: 80 });
  expect([x1, y1]).toEqual([320, 240]);
});
