import { describe, expect, test } from "vitest";
import { requireContent, requireSize, whiteLevel } from "../../src/data/grey-levels.ts";
import { DataError } from "../../src/data/sample.ts";

const of = (least: number, greatest: number) => ({ least, greatest });

describe("what is white", () => {
  test.each([
    [0, 3760, 4095, "has levels 0 to 3760: read as 12 bits"],
    [0, 4095, 4095, "has levels 0 to 4095: read as 12 bits"],
    [0, 1024, 4095, "has levels 0 to 1024: read as 12 bits"],
    [0, 1020, 1023, "has levels 0 to 1020: read as 10 bits"],
    [0, 800, 1023, "has levels 0 to 800: read as 10 bits"],
    [0, 16383, 16383, "has levels 0 to 16380: read as 14 bits"],
    [3, 235, 255, "has levels 3 to 235: read as 8 bits"],
    [0, 65535, 65535, undefined],
    [200, 20000, 65535, undefined],
    [0, 4096, 65535, "has levels 0 to 4096: read as 16 bits, which makes it dim"],
  ])("of whole numbers from %s to %s is %s", (least, greatest, white, note) => {
    expect(whiteLevel(of(least, greatest), "whole")).toEqual(note === undefined ? { white } : { white, note });
  });

  test.each([
    [0, 1, 1],
    [0.1, 0.92, 1],
    [-1e-6, 1.0005, 1],
    [0, 235.5, 255],
    [0, 4000, 4095],
    [0, 60000.5, 65535],
  ])("of floats from %s to %s is %s, which is said", (least, greatest, white) => {
    const scale = whiteLevel(of(least, greatest), "float");
    expect(scale.white).toBe(white);
    expect(scale.note).toMatch(/^has levels .* to .*: read as /);
  });

  test.each([
    [0, 700, "whole", "has levels 0 to 700, which is a dim picture of 12 bits or one of fewer; save it with 8 bits"],
    [0, 15040, "whole", "has levels 0 to 15040, which is a dim picture of 16 bits or one of 14; save it with 8 bits"],
    [0, 50, "whole", "has levels 0 to 50, which is a dim picture of 8 bits or one of fewer; save it with 8 bits"],
    [0, 3, "whole", "is blank: all its pixels have levels 0 to 3"],
    [0, 70000, "whole", "has levels 0 to 70000: its white level is unknown"],
    [-5, 3000, "whole", "has levels -5 to 3000: its black level is unknown"],
    [-0.5, 0.5, "float", "has levels -0.5 to 0.5: its black level is unknown"],
    [-60, 0, "float", "has levels -60 to 0: its black level is unknown"],
    [0, 30, "float", "has levels 0 to 30, which is a dim picture of 8 bits or one of fewer; save it with 8 bits"],
    [0, 0.01, "float", "is blank: all its pixels have levels 0 to 0.01"],
    [0, NaN, "float", "has levels that are not numbers"],
    [0, Infinity, "float", "has levels that are not numbers"],
  ] as const)("is not known of levels from %s to %s (%s): refused with the range", (least, greatest, kind, reason) => {
    expect(() => whiteLevel(of(least, greatest), kind)).toThrow(new DataError(reason));
  });
});

describe("a picture that shows nothing", () => {
  const filled = (level: (i: number) => number) => ({
    width: 100,
    height: 80,
    grey: Uint8Array.from({ length: 8000 }, (_, i) => level(i)),
  });
  const speckle = (i: number) => (i * 7919) % 97;

  test.each<[string, (i: number) => number, string]>([
    ["black", () => 0, "is blank: all its pixels have level 0"],
    ["of four levels", (i) => i % 4, "is blank: all its pixels have levels 0 to 3"],
    ["of fifteen near white", (i) => 240 + (i % 15), "is blank: all its pixels have levels 240 to 254"],
    ["of black and white", (i) => 255 * (i % 2), "is blank: its pixels have only 2 levels, from 0 to 255"],
    ["black with a cursor", (i) => (i < 20 ? 10 * i : 2), "is blank: all but 18 of its pixels have levels 0 to 10"],
  ])("(%s) is refused with its levels", (_, level, reason) => {
    expect(() => requireContent(filled(level))).toThrow(new DataError(reason));
  });

  test("is none with a few shades more, or little tissue", () => {
    for (const level of [(i: number) => i % 20, speckle, (i: number) => (i % 100 < 5 ? speckle(i) : 0)]) {
      requireContent(filled(level));
    }
  });

  test("may be a part of a picture", () => {
    const half = filled((i) => (i % 100 < 50 ? 7 : speckle(i)));
    requireContent(half);
    requireContent(half, { x0: 50, y0: 0, x1: 100, y1: 80 });
    const left = { x0: 0, y0: 10, x1: 50, y1: 70 };
    expect(() => requireContent(half, left, "the left half")).toThrow(
      new DataError("the left half is blank: all its pixels have level 7"),
    );
  });

  test("is one of no size to speak of", () => {
    requireSize({ width: 16, height: 16 });
    expect(() => requireSize({ width: 1, height: 1 })).toThrow(
      new DataError("is too small: 1x1 pixels; each side needs at least 16"),
    );
    expect(() => requireSize({ width: 2000, height: 15 })).toThrow("is too small: 2000x15 pixels");
  });
});
