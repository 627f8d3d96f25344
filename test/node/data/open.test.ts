import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { DataError, type Dataset } from "../../../src/data/sample.ts";
import { formats, layouts } from "../../../src/data/layouts/registry.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { caseXml, outline, svg } from "../../data/ddti-case.ts";
import { encode, temporaryFolder, ultrasound, writeDdti } from "./images.ts";

const jpeg = await encode(ultrasound(1)).jpeg().toBuffer();
const ring = outline(100, 80, 160, 120);
const reasons = (dataset: Dataset) =>
  Object.fromEntries(dataset.skipped.map(({ file, reason }) => [path.basename(file), reason]));

test("a DDTI folder: samples in the order of the cases, with labels, groups and boxes", async () => {
  const dir = temporaryFolder();
  await writeDdti(dir, 12);
  const { name, samples, skipped, notes } = await openDataset(dir);
  expect(name).toBe("ddti");
  expect(samples.map((s) => s.id)).toEqual(Array.from({ length: 12 }, (_, i) => `${i + 1}_1`));
  expect(samples[1]).toEqual({
    id: "2_1",
    file: path.join(dir, "2_1.jpg"),
    group: "2",
    label: 1,
    boxes: [{ x0: 101, y0: 80, x1: 161, y1: 120 }],
    shape: [{ polygon: outline(101, 80, 161, 120) }],
  });
  expect(samples.slice(0, 3).map((s) => s.label)).toEqual([0, 1, undefined]);
  expect([skipped, notes]).toEqual([[], []]);
});

test("a DDTI folder with every trap: what cannot be used is listed with its reason, once", async () => {
  const dir = temporaryFolder();
  const write = (name: string, content: string | Uint8Array) => writeFileSync(path.join(dir, name), content);
  const mark = (image: number, text: string) => ({ image, svg: text });
  const images = ["1_1", "1_2", "1_3", "1_4", "2_1", "2_2", "3_1", "4_1", "5_1", "6_1", "7_1", "8_1", "9_1"];
  for (const id of images) write(`${id}.jpg`, jpeg);
  const twoRings = svg(ring, outline(200, 80, 240, 100));
  const arrow = { points: ring.slice(0, 2), regionType: "arrow" };
  write(
    "1.xml",
    caseXml(1, "2", [mark(1, svg(ring)), mark(2, ""), mark(3, twoRings.slice(0, -60)), mark(5, svg(ring))]),
  );
  write("2.xml", caseXml(2, "4a", [mark(1, svg(arrow, ring)), mark(2, svg(ring, outline(10, 220, 50, 300)))]));
  write("3.xml", caseXml(3, "4a", [mark(1, svg(ring))]).slice(0, 200));
  write("4.xml", caseXml(4, "7", [mark(1, svg(ring))]));
  write("5.xml", caseXml(55, "5", [mark(1, svg(ring))]));
  write("6.xml", Uint8Array.of(0x3c, 0xe9, 0xff));
  write("7.xml", caseXml(7, "5", [mark(1, svg(outline(1e9, 1e9, 2e9, 2e9)))]));
  write("9.xml", caseXml(9, "5", [mark(1, svg(ring))]));
  write("9_1.jpg", jpeg.subarray(0, 20));
  write("SOURCE.md", "not an image");

  const dataset = await openDataset(dir);
  expect(dataset.samples.map((s) => s.id)).toEqual(["1_1", "2_1", "2_2"]);
  expect(dataset.samples[2]!.boxes).toEqual([{ x0: 100, y0: 80, x1: 160, y1: 120 }]);
  const matching = (pattern: RegExp) => expect.stringMatching(pattern) as string;
  expect(reasons(dataset)).toEqual({
    "1_2.jpg": "its outlines are empty",
    "1_3.jpg": matching(/cut off or damaged, with 1 complete outline left/),
    "1_4.jpg": matching(/no annotation: 1.xml .* does not name it/),
    "1_5.jpg": "1.xml has outlines on it, but the image is missing",
    "3.xml": matching(/not well-formed XML/),
    "3_1.jpg": "its annotation 3.xml cannot be used",
    "4.xml": matching(/TI-RADS score "7"/),
    "4_1.jpg": "its annotation 4.xml cannot be used",
    "5.xml": "says that it is case 55",
    "5_1.jpg": "its annotation 5.xml cannot be used",
    "6.xml": "is not UTF-8 text and names no other encoding: save it as UTF-8",
    "6_1.jpg": "its annotation 6.xml cannot be used",
    "7_1.jpg": "no outline of a nodule lies inside the image",
    "8_1.jpg": matching(/no annotation: 8.xml is missing/),
    "9_1.jpg": matching(/not a readable image/),
  });
  expect(dataset.skipped.length).toBe(15);
  expect(dataset.notes).toEqual([
    matching(/^2_1.jpg: "arrow" is not an outline/),
    matching(/^2_2.jpg: outline .* 25 % of its box inside the 320x240 image: dropped/),
    matching(/^7_1.jpg: outline .* dropped/),
  ]);

  const kept = await openDataset(dir, { incomplete: "keep" });
  expect(kept.samples.map((s) => s.id)).toEqual(["1_1", "1_3", "2_1", "2_2"]);
  expect(kept.notes[0]).toMatch(/^1_3.jpg: its outlines are cut off/);
});

test("a folder that cannot be opened is an error of one line that names it", async () => {
  const dir = temporaryFolder();
  const inner = (name: string) => path.join(dir, name);
  mkdirSync(inner("empty"));
  mkdirSync(inner("other"));
  writeFileSync(path.join(inner("other"), "a.txt"), "a");
  mkdirSync(inner("useless"));
  writeFileSync(path.join(inner("useless"), "1_1.jpg"), jpeg);
  writeFileSync(path.join(inner("useless"), "1.xml"), "<case>");
  for (const [name, message, options] of [
    ["missing", "there is no such folder"],
    ["other/a.txt", "this is a file, not a folder"],
    ["empty", "the folder is empty"],
    [
      "other",
      /no known layout; found: 1 \.txt; known are manifest, ddti, .*, classes \(docs\/data\.md describes them\); /,
    ],
    ["other", "there is no usable ddti sample", { format: "ddti" }],
    ["useless", /there is no usable ddti sample, 2 left out, the first: .*1\.xml: is not well-formed XML/],
    ["", /no known layout here, but .*useless looks like ddti/],
  ] as const) {
    const error: unknown = await openDataset(inner(name), options ?? {}).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toContain(inner(name));
    expect((error as Error).message).not.toContain("\n");
  }
  await expect(openDataset(dir, { format: "pascal" })).rejects.toThrow(
    new RegExp(`^unknown format "pascal"; known are manifest, ddti, .*${formats.at(-1)!}$`),
  );
});

test("every layout has the name that the registry gives it", async () => {
  const loaded = await Promise.all(layouts.map((entry) => entry.load()));
  expect(loaded.map(({ format }) => format)).toEqual(formats);
  expect(new Set(formats).size).toBe(formats.length);
});
