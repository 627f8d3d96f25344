/** The project's own readers of PNG, JPEG, WebP, AVIF and TIFF files, against sharp; in Chromium: test/browser/decode.test.ts. */
import { describe, expect, test } from "vitest";
import { isAvif, readAvif } from "../../../src/data/pictures/avif.ts";
import { turnUpright, uprightSize } from "../../../src/data/pictures/exif.ts";
import { isJpeg, readJpeg } from "../../../src/data/pictures/jpeg.ts";
import { decodePng } from "../../../src/data/pictures/png-pixels.ts";
import { isPng, readPng } from "../../../src/data/pictures/png.ts";
import { tiffImage } from "../../../src/data/pictures/tiff-image.ts";
import { decodeTiff } from "../../../src/data/pictures/tiff-pixels.ts";
import { isWebP, readWebP } from "../../../src/data/pictures/webp.ts";
import { DataError } from "../../../src/data/sample.ts";
import { decodeLevels } from "../../../src/node/data/decode.ts";
import { exact, lossy } from "../../browser/decode-files.ts";

const files = [...(await exact()), ...(await lossy())];
const named = (pattern: RegExp) => files.filter(([name]) => pattern.test(name));

/** Whether two lists of numbers are the same, without a comparison that shows them. */
const same = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length && Array.prototype.every.call(a, (level, i) => level === b[i]);

test.each(named(/\.png$/))("%s has the levels that sharp reads", async (_, bytes) => {
  const png = readPng(bytes);
  const { levels, channels } = decodePng(png);
  const expected = await decodeLevels(bytes);
  expect(channels).toBe(expected.channels);
  expect(same(turnUpright(levels, png, channels, png.orientation), expected.levels)).toBe(true);
});

test.each(named(/^(?!film|jpeg).*\.tif$/))("%s has the levels that sharp reads", async (_, bytes) => {
  const { levels, channels } = await decodeTiff(bytes, tiffImage(bytes, 1), () => Promise.reject(new Error("no JPEG")));
  const expected = await decodeLevels(bytes);
  expect(channels).toBe(expected.channels);
  expect(same(levels, expected.levels)).toBe(true);
});

describe("a JPEG file", () => {
  test.each(named(/\.jpg$/))("%s is followed to its end, and has its size", async (_, bytes) => {
    const header = readJpeg(bytes);
    const { width, height } = await decodeLevels(bytes);
    expect(uprightSize(header, header.orientation)).toMatchObject({ width, height });
  });

  test.each(named(/^(grey|4:4:4|progressive|mozjpeg)\.jpg$/))("%s is refused wherever it is cut off", (_, bytes) => {
    for (let length = bytes.length - 1; length > 2; length -= 97) {
      expect(() => readJpeg(bytes.subarray(0, length)), `${length} bytes`).toThrow(DataError);
    }
  });

  test.each(named(/^(grey|progressive)\.jpg$/))("%s is refused with a code that means nothing", (_, bytes) => {
    const damaged = bytes.map((byte, i) => (i > 700 && i % 50 === 0 ? byte ^ 0x55 : byte));
    expect(() => readJpeg(damaged)).toThrow(/cut off|damaged/);
  });
});

test.each(named(/\.(png|webp|avif)$/))(
  "%s is known by its beginning, and refused when its end is missing",
  (name, bytes) => {
    const [known, read] = name.endsWith("png")
      ? [isPng, readPng]
      : name.endsWith("webp")
        ? [isWebP, readWebP]
        : [isAvif, readAvif];
    expect(known(bytes)).toBe(true);
    expect(isJpeg(bytes)).toBe(false);
    expect(() => read(bytes)).not.toThrow();
    expect(() => read(bytes.subarray(0, -1))).toThrow(/is cut off$/);
  },
);
