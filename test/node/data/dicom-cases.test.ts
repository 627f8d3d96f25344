/** The files of test/cases/dicom: each renders as it must, or is refused with the reason. */
import { readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { annotationFrame } from "../../../src/data/annotation-frame.ts";
import { DataError } from "../../../src/data/sample.ts";
import { dicomSize, isDicom, renderDicom } from "../../../src/node/data/dicom.ts";

const folder = path.join(import.meta.dirname, "../../cases/dicom");
const read = (name: string) => new Uint8Array(readFileSync(path.join(folder, name)));
const reference = async (name: string) =>
  new Uint8Array(await sharp(path.join(folder, name)).ensureAlpha().toColourspace("srgb").raw().toBuffer());
const worst = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((most, level, i) => Math.max(most, Math.abs(level - b[i]!)), 0);

describe("a DICOM file that was taken wrongly once", () => {
  test.each([
    "12in16_declared16_x.dcm",
    "12in16_overlaybits.dcm",
    "mono2_lutinverse.dcm",
    "nopreamble.dcm",
    "rgb_rle_c.dcm",
    "voilut_shuffled.dcm",
    "whole.dcm",
    "window_empty.dcm",
    "window_linear_exact.dcm",
  ])("%s looks as it must", async (name) => {
    const bytes = read(name);
    expect(isDicom(bytes)).toBe(true);
    expect(await dicomSize(bytes)).toEqual({ width: 320, height: 240, frames: 1 });
    const { width, height, rgba } = await renderDicom(bytes);
    expect([width, height]).toEqual([320, 240]);
    const expected = await reference(name.endsWith("_c.dcm") ? "ref_c.png" : "ref_g.png");
    expect(rgba.length).toBe(expected.length);
    expect(worst(rgba, expected)).toBeLessThanOrEqual(1);
  });

  test("aspect2to1_x.dcm is stretched to square pixels, and boxes drawn on it with it", async () => {
    const bytes = read("aspect2to1_x.dcm");
    const { frames, ...size } = await dicomSize(bytes);
    expect(frames).toBe(1);
    expect(size).toEqual({ width: 320, height: 480, stored: { width: 320, height: 240, orientation: 1 } });
    const drawn = { x0: 50, y0: 40, x1: 140, y1: 100 };
    expect(annotationFrame(size).place(drawn)).toEqual({ x0: 50, y0: 80, x1: 140, y1: 200 });
    const { rgba } = await renderDicom(bytes);
    const grey = await reference("ref_g.png");
    const level = (x: number, y: number) => grey[4 * (320 * Math.min(239, Math.max(0, y)) + x)]!;
    // Each row has two, whose centres lie a quarter of a row above and below its own.
    const expected = Uint8Array.from({ length: rgba.length }, (_, i) => {
      const [x, y] = [(i >> 2) % 320, Math.floor(i / 1280)];
      const [row, other] = [y >> 1, (y >> 1) + (y % 2 ? 1 : -1)];
      return i % 4 === 3 ? 255 : Math.floor(0.75 * level(x, row) + 0.25 * level(x, other) + 0.5);
    });
    expect(worst(rgba, expected)).toBe(0);
  });

  test.each([
    ["cut_half.dcm", /it is truncated: it has 36800 bytes of pixels instead of 76800$/],
    ["rescale_slope_zero_x.dcm", /its rescale slope is 0, which makes all pixels one level$/],
  ])("%s is refused with its reason", async (name, reason) => {
    const error: unknown = await renderDicom(read(name)).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toMatch(reason);
  });
});
