import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { outline } from "../../src/explain/outline.ts";
import { overlay } from "../../src/node/overlay.ts";

/** A mask [8, 8] that is 1 in columns 2..5 and rows 4..6. */
const mask = Float32Array.from({ length: 64 }, (_, i) => (i % 8 >= 2 && i % 8 <= 5 && i >= 32 && i < 56 ? 1 : 0));

const malignant = { short: "malignant 90 %", alarming: true };
const benign = { short: "benign 80 %", alarming: false };

describe("outline", () => {
  test("is in pixels of the original, of which the mask covers the crop", () => {
    const { rings, box } = outline(mask, 8, 8, { x0: 100, y0: 50, x1: 180, y1: 90 });
    expect(rings.length).toBe(1);
    // The line at half height runs between the centres of the pixels on either side.
    expect(box).toEqual({ x0: 120, y0: 70, x1: 160, y1: 85 });
  });

  test("of an empty mask is nothing; of two nodules two rings in one box", () => {
    const whole = { x0: 0, y0: 0, x1: 8, y1: 8 };
    expect(outline(new Float32Array(64), 8, 8, whole)).toEqual({ rings: [], box: undefined });
    const two = Float32Array.from({ length: 64 }, (_, i) => (i === 9 || i === 54 ? 1 : 0));
    const { rings, box } = outline(two, 8, 8, whole);
    expect(rings.length).toBe(2);
    expect(box).toEqual({ x0: 1, y0: 1, x1: 7, y1: 7 });
  });
});

describe("overlay", () => {
  const plain = sharp({ create: { width: 120, height: 80, channels: 3, background: "#404040" } });
  const found = outline(mask, 8, 8, { x0: 0, y0: 0, x1: 120, y1: 80 });

  test.each([
    // Stored upside down: it is turned before the outline is drawn.
    ["JPEG turned by EXIF", () => plain.clone().withMetadata({ orientation: 3 }).jpeg()],
    ["grey JPEG", () => plain.clone().toColourspace("b-w").jpeg()],
    ["CMYK JPEG", () => plain.clone().toColourspace("cmyk").jpeg()],
    ["PNG of 16 bits", () => plain.clone().toColourspace("rgb16").png()],
    ["grey PNG of 16 bits", () => plain.clone().toColourspace("grey16").png()],
    ["PNG with a palette", () => plain.clone().png({ palette: true })],
    ["transparent PNG", () => plain.clone().ensureAlpha(0.5).png()],
    ["TIFF", () => plain.clone().tiff()],
    ["WebP", () => plain.clone().webp()],
  ])("of a %s keeps the pixels where they are and shows the outline", async (_, make) => {
    const picture = await overlay(await make().toBuffer(), found, malignant);
    const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([120, 80]);
    expect((await sharp(picture).metadata()).depth).toBe("uchar");
    const red = (x: number, y: number) => data[(y * info.width + x) * info.channels]!;
    // On the left edge of the outline, inside, and outside.
    expect(red(30, 55)).toBeGreaterThan(150);
    expect(red(60, 55)).toBeGreaterThan(red(15, 60));
    expect(red(15, 60)).toBeLessThan(100);
  });

  test("of a picture that EXIF turns lies on the turned picture", async () => {
    const stored = plain.clone().resize(80, 120, { fit: "fill" }).withMetadata({ orientation: 6 }).jpeg();
    const picture = await overlay(await stored.toBuffer(), found, malignant);
    const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([120, 80]);
    expect(data[(55 * info.width + 30) * info.channels]).toBeGreaterThan(150);
  });

  test("says so when there is no nodule or no class", async () => {
    const image = await plain.png().toBuffer();
    const none = { rings: [], box: undefined };
    const pictures = await Promise.all([
      overlay(image, none, benign),
      overlay(image, none, undefined),
      overlay(image, found, undefined),
      overlay(image, found, benign),
    ]);
    expect(new Set(pictures.map((p) => p.toString("base64"))).size).toBe(4);
  });
});
