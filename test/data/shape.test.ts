/** True outlines as masks, against scikit-image, area averaging by matrices, and the definitions. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { mirror } from "../../src/data/boxes.ts";
import { components, runsOf } from "../../src/data/components.ts";
import { stream } from "../../src/data/random.ts";
import type { Box, Point } from "../../src/data/sample.ts";
import { aroundShape, ellipsePolygon, isRectangle, moved, shapeMask } from "../../src/data/shape.ts";

interface Cases {
  polygons: { points: [number, number][]; size: [number, number]; rows: string[] }[];
  masks: { mask: string[]; crop: [number, number, number, number]; size: [number, number]; rows: string[] }[];
}
const file = new URL("../reference/data/outlines.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf8")) as Cases;

const rowsOf = (mask: Uint8Array, width: number): string[] =>
  Array.from({ length: mask.length / width }, (_, y) => mask.subarray(y * width, (y + 1) * width).join(""));
const whole = (width: number, height: number): Box => ({ x0: 0, y0: 0, x1: width, y1: height });
const pointsOf = (pairs: readonly (readonly [number, number])[]): Point[] => pairs.map(([x, y]) => ({ x, y }));

describe("a polygon", () => {
  test.each(cases.polygons)(
    "of $points.length corners is filled as scikit-image fills it",
    ({ points, size, rows }) => {
      const [width, height] = size;
      const polygon = pointsOf(points);
      expect(rowsOf(shapeMask([{ polygon }], whole(width, height), width, height), width)).toEqual(rows);
      // Drawn backwards, and from another corner.
      const backwards = [...polygon.slice(2), ...polygon.slice(0, 2)].reverse();
      expect(rowsOf(shapeMask([{ polygon: backwards }], whole(width, height), width, height), width)).toEqual(rows);
    },
  );

  test("that crosses itself is filled where it winds around a pixel's centre", () => {
    const random = stream(5);
    const value = (most: number) => ((random.next() >>> 0) / 2 ** 32) * most;
    for (let round = 0; round < 60; round++) {
      const [width, height] = [13 + (round % 5), 11 + (round % 7)];
      const polygon = Array.from({ length: 5 + (round % 6) }, () => ({ x: value(20) - 3, y: value(18) - 3 }));
      const mask = shapeMask([{ polygon }], whole(width, height), width, height);
      for (let i = 0; i < mask.length; i++) {
        const turns = windings(polygon, (i % width) + 0.5, Math.floor(i / width) + 0.5);
        expect(mask[i], `${i} of ${JSON.stringify(polygon)}`).toBe(Math.round(turns) === 0 ? 0 : 1);
      }
    }
  });

  test("of whole numbers holds each pixel once: beside another, neither both nor none", () => {
    const halves = [
      pointsOf([[1, 1], [6, 1], [6, 7]]), // prettier-ignore
      pointsOf([[1, 1], [6, 7], [1, 7]]), // prettier-ignore
    ].map((polygon) => shapeMask([{ polygon }], whole(8, 8), 8, 8));
    const both = shapeMask([{ polygon: pointsOf([[1, 1], [6, 1], [6, 7], [1, 7]]) }], whole(8, 8), 8, 8); // prettier-ignore
    expect(halves[0]!.map((lit, i) => lit + halves[1]![i]!)).toEqual(both);
    expect(both.reduce((sum, lit) => sum + lit, 0)).toBe(30);
  });

  test("follows crop and size as boxes do, and what was in the output before is gone", () => {
    const polygon = pointsOf([[120, 60], [200, 60], [200, 100], [120, 100]]); // prettier-ignore
    const out = new Uint8Array(10 * 5).fill(9);
    const mask = shapeMask([{ polygon }], { x0: 100, y0: 50, x1: 200, y1: 100 }, 10, 5, out);
    expect(mask).toBe(out);
    expect(rowsOf(mask, 10)).toEqual(["0000000000", ...Array<string>(4).fill("0011111111")]);
  });

  test("of an ellipse has its area, upright and rotated", () => {
    const box = { x0: 10, y0: 20, x1: 90, y1: 60 };
    for (const degrees of [0, 30, 90]) {
      const polygon = ellipsePolygon(box, degrees);
      const mask = shapeMask([{ polygon }], whole(100, 100), 100, 100);
      expect(mask.reduce((sum, lit) => sum + lit, 0) / (Math.PI * 40 * 20)).toBeCloseTo(1, 2);
    }
    const { x0, y0, x1, y1 } = aroundShape([{ polygon: ellipsePolygon(box, 90) }])!;
    [x0, y0, x1, y1].forEach((edge, i) => expect(edge).toBeCloseTo([30, 0, 70, 80][i]!, 6));
  });
});

/** How often a polygon winds around a point, by the angles that its edges subtend there. */
function windings(polygon: readonly Point[], x: number, y: number): number {
  const angle = polygon.reduce((sum, a, i) => {
    const b = polygon[(i + 1) % polygon.length]!;
    const [ax, ay, bx, by] = [a.x - x, a.y - y, b.x - x, b.y - y];
    return sum + Math.atan2(ax * by - ay * bx, ax * bx + ay * by);
  }, 0);
  return angle / (2 * Math.PI);
}

describe("a mask", () => {
  const shapeOf = (rows: readonly string[]) => {
    const pixels = Uint8Array.from(rows.join(""), Number);
    return [{ runs: runsOf(components(pixels, rows[0]!.length, rows.length)) }];
  };

  test.each(cases.masks)(
    "cropped to $crop and resized to $size counts where it covers half",
    ({ mask, crop, size, rows }) => {
      const [x0, y0, x1, y1] = crop;
      const [width, height] = size;
      expect(rowsOf(shapeMask(shapeOf(mask), { x0, y0, x1, y1 }, width, height), width)).toEqual(rows);
    },
  );

  test("at its own size is itself, mirrored and turned with its runs", () => {
    const rows = ["0110", "1101", "0011"];
    expect(rowsOf(shapeMask(shapeOf(rows), whole(4, 3), 4, 3), 4)).toEqual(rows);
    const mirrored = moved(shapeOf(rows), (box) => mirror(box, 4));
    expect(rowsOf(shapeMask(mirrored, whole(4, 3), 4, 3), 4)).toEqual(
      rows.map((row) => Array.from(row).reverse().join("")),
    );
    const turned = moved(shapeOf(rows), ({ x0, y0, x1, y1 }) => ({ x0: y0, y0: x0, x1: y1, y1: x1 }));
    expect(rowsOf(shapeMask(turned, whole(3, 4), 3, 4), 3)).toEqual(["010", "110", "101", "011"]);
  });

  test("in two files counts where one of them covers half, not both together", () => {
    const [left, right] = [shapeOf(["10", "00"]), shapeOf(["01", "00"])];
    expect([...shapeMask([...left, ...right], whole(2, 2), 1, 1)]).toEqual([0]);
    expect([...shapeMask(shapeOf(["11", "00"]), whole(2, 2), 1, 1)]).toEqual([1]);
  });
});

test("a rectangle is one, upright or rotated, closed or not; nothing else is", () => {
  const upright: [number, number][] = [[3, 4], [9, 4], [9, 7], [3, 7]]; // prettier-ignore
  const rotated: [number, number][] = [[0, 0], [4, 3], [1, 7], [-3, 4]]; // prettier-ignore
  for (const points of [upright, [...upright, upright[0]!], rotated, [...rotated].reverse()]) {
    expect(isRectangle(pointsOf(points)), JSON.stringify(points)).toBe(true);
  }
  const others: [number, number][][] = [
    [[3, 4], [9, 4], [9, 7]],
    [[0, 3], [4, 0], [8, 3], [4, 6]],
    [[3, 4], [9, 4], [10, 7], [4, 7]],
    [[3, 4], [9, 4], [9, 7], [3, 7], [3, 5]],
    [[3, 4], [9, 7], [9, 4], [3, 7]],
  ]; // prettier-ignore
  for (const points of others) expect(isRectangle(pointsOf(points)), JSON.stringify(points)).toBe(false);
  expect(aroundShape([])).toBe(undefined);
});
