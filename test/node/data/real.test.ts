/** The real DDTI, if it lies beside the repository (it has no licence that would allow including it). */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { area, clip } from "../../../src/data/boxes.ts";
import type { Box, Dataset, Prepared, Skipped } from "../../../src/data/sample.ts";
import { split } from "../../../src/data/split.ts";
import { splitItems } from "../../../src/data/content.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { cropRectangles, prepareDataset } from "../../../src/node/data/prepare.ts";

const shared = fileURLToPath(new URL("../../../../shared/data/", import.meta.url));
const present = existsSync(`${shared}ddti`) && existsSync(`${shared}ddti-index.csv`);
if (!present) console.log("Left out: the tests on the real DDTI, which is not at ../shared/data/ddti.");

interface IndexRow {
  image: string;
  tirads: string;
  label: 0 | 1 | undefined;
  status: string;
  boxes: Box[];
  text: boolean;
  md5: string;
}

/** The index was made from the data by other code than ours. Its only quoted column is the list of boxes. */
function readIndex(): IndexRow[] {
  const rows = readFileSync(`${shared}ddti-index.csv`, "utf8").trim().split(/\r?\n/).slice(1);
  return rows.map((row) => {
    const [, before, boxes, after] = /^(.*?),"?(\[.*\])"?,(.*)$/.exec(row)!;
    const [, image, tirads, cls, status] = before!.split(",");
    const [text, md5] = after!.split(",");
    return {
      image: image!,
      tirads: tirads!,
      label: cls === "" ? undefined : cls === "benign" ? 0 : 1,
      status: status!,
      boxes: (JSON.parse(boxes!) as number[][]).map(([x0, y0, x1, y1]) => ({ x0: x0!, y0: y0!, x1: x1!, y1: y1! })),
      text: text === "1",
      md5: md5!,
    };
  });
}

describe.skipIf(!present)("DDTI", () => {
  let index: IndexRow[];
  let dataset: Dataset;
  let prepared: Prepared[];
  let skipped: Skipped[];

  beforeAll(async () => {
    index = readIndex();
    dataset = await openDataset(`${shared}ddti`);
    ({ prepared, skipped } = await prepareDataset(dataset, { width: 224, height: 224, crop: "adaptive" }));
  });

  test("has the counts of its description", () => {
    const count = (label: 0 | 1 | undefined) => dataset.samples.filter((s) => s.label === label).length;
    expect([count(0), count(1), count(undefined)]).toEqual([60, 281, 124]);
    const cases = (label: 0 | 1) => new Set(dataset.samples.flatMap((s) => (s.label === label ? [s.group] : []))).size;
    expect([cases(0), cases(1)]).toEqual([51, 240]);
    // 450 outlines on labelled images, less the one of 338_2 under its picture.
    expect(dataset.samples.flatMap((s) => (s.label === undefined ? [] : s.boxes)).length).toBe(449);
    expect(dataset.notes.filter((note) => note.includes("of its box inside"))).toEqual([
      "338_2.jpg: outline [104, 323, 213, 394] has 52 % of its box inside the 560x360 image: dropped",
    ]);
  });

  test("gives every image of the index its label and boxes, or a reason of its own", () => {
    const samples = new Map(dataset.samples.map((s) => [`${s.id}.jpg`, s]));
    const reasons = new Map(dataset.skipped.map((s) => [s.file.slice(s.file.lastIndexOf("/") + 1), s.reason]));
    const expected: Record<string, RegExp> = {
      svg_empty: /outlines are empty/,
      svg_truncated_2500: /outlines are cut off/,
      image_missing: /image is missing/,
      no_mark_for_this_file: /no annotation/,
    };
    for (const { image, status, label, boxes } of index) {
      if (status !== "ok") expect(reasons.get(image), image).toMatch(expected[status]!);
      else {
        expect(samples.get(image)?.label, image).toBe(label);
        expect(samples.get(image)?.boxes, image).toEqual(image === "338_2.jpg" ? boxes.slice(1) : boxes);
      }
    }
    expect([samples.size, reasons.size]).toEqual([465, 16]);
    expect(samples.size + reasons.size).toBe(index.length);
  });

  test("keeps what is left of cut-off annotations where asked to: 7 labelled images more, 1 unlabelled", async () => {
    const { samples } = await openDataset(`${shared}ddti`, { incomplete: "keep" });
    expect([0, 1, undefined].map((label) => samples.filter((s) => s.label === label).length)).toEqual([61, 287, 125]);
  });

  test("is prepared whole, with every box inside the image and little of it lost", () => {
    expect(skipped).toEqual([]);
    expect(prepared.map((p) => p.id)).toEqual(dataset.samples.map((s) => s.id));
    prepared.forEach(({ boxes, source }, i) => {
      const before = dataset.samples[i]!.boxes;
      expect(boxes.length).toBe(before.length);
      const scale = (224 * 224) / area(source!.crop);
      boxes.forEach((box, b) => expect(area(box)).toBeGreaterThan(0.97 * scale * area(before[b]!)));
    });
  });

  test("has the true outline of every nodule: within the boxes, up to their sides, and of the polygons' area", () => {
    const shares: number[] = [];
    prepared.forEach(({ id, shape, boxes, source }, i) => {
      const around = (edge: keyof Box, pick: (...values: number[]) => number) => pick(...boxes.map((box) => box[edge]));
      const lit = [...shape!.keys()].filter((k) => shape![k] === 1);
      const [xs, ys] = [lit.map((k) => k % 224), lit.map((k) => Math.floor(k / 224))];
      const found = [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
      const wanted = [around("x0", Math.min), around("y0", Math.min), around("x1", Math.max), around("y1", Math.max)];
      found.forEach((edge, e) => expect(Math.abs(edge - wanted[e]!), `${id} edge ${e}`).toBeLessThan(4));
      const [part] = dataset.samples[i]!.shape!;
      if (boxes.length > 1 || !("polygon" in part!)) return;
      const { polygon } = part;
      const twice = polygon.reduce((sum, { x, y }, k) => {
        const next = polygon[(k + 1) % polygon.length]!;
        return sum + x * next.y - next.x * y;
      }, 0);
      shares.push((lit.length * area(source!.crop)) / (224 * 224) / (Math.abs(twice) / 2));
    });
    expect(shares.length).toBeGreaterThan(200);
    // A few cross themselves.
    expect(shares.filter((share) => Math.abs(share - 1) > 0.03).length).toBeLessThan(0.05 * shares.length);
  });

  test.each([1, 2, 3])("is split with no case and no picture on both sides (seed %i)", (seed) => {
    const items = splitItems(prepared);
    const { train, val, notes } = split(items, { val: 0.3, seed });
    expect([...train, ...val].length).toBe(465);
    expect(notes).toEqual([]);
    const md5 = new Map(index.map((row) => [row.image, row.md5]));
    const keys = (side: number[]) =>
      new Set(side.flatMap((i) => [items[i]!.group, md5.get(`${prepared[i]!.id}.jpg`)!, items[i]!.content!]));
    const left = keys(train);
    expect([...keys(val)].filter((key) => left.has(key))).toEqual([]);
    const count = ([0, 1, undefined] as const).map((label) => val.filter((i) => items[i]!.label === label).length);
    expect(count).toEqual([18, 84, 37]);
    expect(split(splitItems(prepared), { val: 0.3, seed })).toEqual({ train, val, notes });
  });

  // The figures of ../shared/check-crop.mjs.
  test.each(["adaptive", "fixed"] as const)("is cropped so that lesions stay and text goes (%s)", async (method) => {
    const rectangles = await cropRectangles(`${shared}ddti`, { method });
    const lost: string[] = [];
    const withText: string[] = [];
    const areas: number[] = [];
    let wide = 0;
    for (const { image, status, boxes, text } of index.filter((row) => row.status !== "image_missing")) {
      const [x0, y0, x1, y1] = rectangles[image]!;
      expect(0 <= x0 && x0 < x1 && x1 <= 560 && 0 <= y0 && y0 < y1 && y1 <= 360, `${image} ${status}`).toBe(true);
      areas.push(((x1 - x0) * (y1 - y0)) / (560 * 360));
      wide += Number(x1 > 535);
      const kept = (box: Box) => {
        const inside = {
          x0: Math.max(x0, box.x0),
          y0: Math.max(y0, box.y0),
          x1: Math.min(x1, box.x1),
          y1: Math.min(y1, box.y1),
        };
        return area(inside) / area(box);
      };
      if (boxes.some((box) => kept(clip(box, 560, 360)) < 0.98)) lost.push(image);
      if (text && y1 > 317) withText.push(image);
    }
    expect(Object.keys(rectangles).length).toBe(480);
    expect(lost).toEqual(["338_2.jpg"]);
    expect(withText).toEqual([]);
    expect(index.filter((row) => row.text).length).toBe(75);
    areas.sort((a, b) => a - b);
    expect((areas[239]! + areas[240]!) / 2).toBeLessThanOrEqual(0.65);
    expect(areas[0]).toBeGreaterThanOrEqual(0.3);
    expect(wide).toBeLessThanOrEqual(30);
  });
});
