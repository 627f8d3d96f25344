/** True outlines: kept without loss, drawn as they are. */
import { expect, test } from "vitest";
import { outlinePath } from "../../app/annotate/outline-path.ts";
import { readOutlines, writeOutlines } from "../../app/project/outlines.ts";
import { components, runsOf } from "../../src/data/components.ts";
import type { Shape } from "../../src/data/sample.ts";
import { MemoryStore } from "../support/memory-store.ts";

/** Rows of a mask, # inside. */
function masked(...rows: string[]): Shape {
  const mask = Uint8Array.from(rows.join(""), (c) => (c === "#" ? 1 : 0));
  return [{ runs: runsOf(components(mask, rows[0]!.length, rows.length)) }];
}

test("are read as they were written, polygons and pixels; a project without any has no file", async () => {
  const polygon = [
    { x: 0.1, y: 1 / 3 },
    { x: 10, y: 0 },
    { x: 5, y: 7.25 },
  ];
  const outlines = new Map<string, Shape>([
    ["000000.png", [{ polygon }, { polygon: polygon.slice().reverse() }]],
    ["000001.dcm#12", masked(".##.", "####")],
    ["with blanks.png", [...masked("#"), { polygon }]],
  ]);
  const store = new MemoryStore();
  await writeOutlines(store, outlines);
  expect(await readOutlines(store)).toEqual(outlines);
  const empty = new MemoryStore("empty");
  await writeOutlines(empty, new Map());
  expect([await empty.list(), (await readOutlines(empty)).size]).toEqual([[], 0]);
});

test("of a damaged file are refused with its name, whatever is wrong with it", async () => {
  const store = new MemoryStore();
  const polygon = [0, 1, 2].map((x) => ({ x, y: Infinity }));
  await writeOutlines(store, new Map([["a", [{ polygon }]]]));
  await expect(readOutlines(store)).rejects.toThrow("memory/outlines.safetensors: 0 a is no outline");
  await store.write("outlines.safetensors", "x");
  await expect(readOutlines(store)).rejects.toThrow("memory/outlines.safetensors");
});

/** Length of all lines of a path of M, H and V. */
function lengthOf(path: string): number {
  return [...path.matchAll(/M(\S+) ([\d.]+)([HV])([\d.]+)/g)].reduce((sum, [, x, y, way, to]) => {
    return sum + Math.abs(Number(to) - Number(way === "H" ? x : y));
  }, 0);
}

test("of pixels are drawn along their border, around holes and parts, and nowhere inside", () => {
  expect(outlinePath(masked("#"))).toBe("M0 0H1M0 0V1M1 0V1M0 1H1");
  expect(lengthOf(outlinePath(masked("####", "####", "####")))).toBe(14);
  expect(lengthOf(outlinePath(masked("###", "#.#", "###")))).toBe(12 + 4);
  expect(lengthOf(outlinePath(masked("##..", "....", "..##")))).toBe(12);
  expect(lengthOf(outlinePath(masked(".##.", "####")))).toBe(12);
  const scaled = masked("##", "##").map((part) => ("runs" in part ? { runs: part.runs.map((n) => n * 1.5) } : part));
  expect(lengthOf(outlinePath(scaled))).toBe(12);
  expect(outlinePath([{ polygon: [{ x: 0, y: 0.123 }, { x: 2, y: 0 }, { x: 1, y: 1 }] }])).toBe("M0 0.12L2 0L1 1Z"); // prettier-ignore
  expect(outlinePath([])).toBe("");
});
