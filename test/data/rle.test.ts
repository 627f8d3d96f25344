/** Run-length masks, against pycocotools. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { around } from "../../src/data/readers/marked.ts";
import { decompressCounts, maskOfRuns } from "../../src/data/readers/rle.ts";
import { componentBoxes } from "../../src/data/components.ts";

interface Case {
  size: [number, number];
  counts: string;
  runs: number[];
  area: number;
  bbox: [number, number, number, number];
  rows: string[] | null;
}

const file = new URL("../reference/data/coco-rle.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf8")) as Case[];

test.each(cases)("mask $size of area $area", ({ size: [height, width], counts, runs, area, bbox, rows }) => {
  expect(decompressCounts(counts)).toEqual(runs);
  const mask = maskOfRuns(runs, { width, height }, "columns");
  expect(mask.reduce((sum, value) => sum + value, 0)).toBe(area);
  if (rows)
    expect(Array.from({ length: height }, (_, y) => mask.subarray(y * width, (y + 1) * width).join(""))).toEqual(rows);
  const { boxes, specks } = componentBoxes(mask, width, height);
  if (area === 0) expect(boxes).toEqual([]);
  else if (specks === 0) {
    const { x0, y0, x1, y1 } = boxes.reduce(around);
    expect([x0, y0, x1 - x0, y1 - y0]).toEqual(bbox);
  }
});

test("CVAT's run along the rows", () => {
  const mask = maskOfRuns([1, 2, 3], { width: 3, height: 2 }, "rows");
  expect(mask.join("")).toBe("011000");
});

test("what is damaged is refused", () => {
  for (const text of ["P", "0P", "~", "\u0000", "PPPPPPPPPPPP0", "é"]) {
    expect(() => decompressCounts(text), text).toThrow(/damaged run lengths/);
  }
  const size = { width: 3, height: 2 };
  for (const runs of [[5], [7], [-1, 7], [3, NaN, 3], []]) {
    expect(() => maskOfRuns(runs, size, "columns"), String(runs)).toThrow(/do not fill its mask of 3x2/);
  }
  for (const size of [
    { width: 0, height: 2 },
    { width: 1e5, height: 1e5 },
    { width: NaN, height: 2 },
  ]) {
    expect(() => maskOfRuns([1e10], size, "rows")).toThrow(/not a possible size/);
  }
});
