import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Dataset } from "../../../src/data/sample.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { prepareDataset } from "../../../src/node/data/prepare.ts";
import { temporaryFolder } from "./images.ts";
import {
  bitMask,
  jpeg,
  maskOf,
  nodule,
  png,
  vocXml,
  writeBusBra,
  writeBusi,
  writeFiles,
  writeManifestSet,
  writers,
  writeTn3k,
  writeTn5000,
} from "./sets.ts";

const reasons = ({ skipped }: Dataset) =>
  Object.fromEntries(skipped.map(({ file, reason }) => [path.basename(file), reason]));
const matching = (pattern: RegExp) => expect.stringMatching(pattern) as string;
const close = (dataset: Dataset, boxOf: (i: number) => object) =>
  dataset.samples.forEach(({ boxes }, i) => expect(boxes[0], dataset.samples[i]!.id).toEqual(boxOf(i)));

test.each(Object.keys(writers))(
  "%s is recognised by its folder, opened as forced, and prepared whole",
  async (format) => {
    const dir = temporaryFolder();
    await writers[format]!(dir, 4);
    const dataset = await openDataset(dir);
    expect(dataset.name).toBe(format);
    expect(await openDataset(dir, { format })).toEqual(dataset);
    const { prepared, skipped } = await prepareDataset(dataset, { width: 32, height: 32, crop: "none", workers: 1 });
    expect([prepared.length, skipped]).toEqual([dataset.samples.length, []]);
    for (const other of Object.keys(writers).filter((name) => name !== format)) {
      await expect(openDataset(dir, { format: other })).rejects.toThrow(/there is (no usable|neither)|bus_data\.csv/);
    }
  },
);

describe("TN5000", () => {
  test("has the classes of its objects, its boxes and its own split", async () => {
    const dir = temporaryFolder();
    await writeTn5000(dir, 6);
    const dataset = await openDataset(dir);
    expect(dataset.samples.map(({ id, label, side }) => [id, label, side])).toEqual(
      ["train", "train", "train", "train", "val", "test"].map((side, i) => [`00000${i + 1}`, i % 2, side]),
    );
    close(dataset, nodule);
    expect([dataset.skipped, dataset.notes]).toEqual([[], []]);
  });

  test("lists what cannot be used, and guesses no class", async () => {
    const dir = temporaryFolder();
    await writeTn5000(dir, 6);
    const box = nodule(0);
    writeFiles(dir, {
      "Annotations/000001.xml": vocXml("000001", [{ name: "2", box }]),
      "Annotations/000002.xml": vocXml("000002", [
        { name: "1", box },
        { name: "0", box: { x0: 200, y0: 100, x1: 230, y1: 130 } },
      ]),
      "Annotations/000003.xml": vocXml("000003", [{ name: "0", box: { x0: 120, y0: 85, x1: 3400, y1: 290 } }]),
      "Annotations/000004.xml": vocXml("000004", []),
      "Annotations/000007.xml": vocXml("000007", [{ name: "1", box }]),
      "JPEGImages/000008.jpg": await jpeg(8),
      "ImageSets/Main/test.txt": "000005\n000006\n000099\n",
    });
    const dataset = await openDataset(dir);
    expect(dataset.samples.map(({ id, label }) => [id, label])).toEqual([
      ["000002", undefined],
      ["000006", 1],
    ]);
    expect(dataset.samples[0]!.boxes.length).toBe(2);
    expect(reasons(dataset)).toEqual({
      "000001.xml": matching(/has the class "2"/),
      "000003.xml": matching(/box \[120, 85, 3400, 290\] does not lie on the 320x240 image/),
      "000004.xml": matching(/no object/),
      "000005.xml": matching(/several sides/),
      "000007.xml": "its image is missing",
      "000008.jpg": matching(/no annotation/),
      Main: matching(/names 000099/),
    });
    expect(dataset.notes).toEqual([matching(/000002.xml: its objects are of different classes/)]);
  });
});

describe("TN3K", () => {
  test("has its csv's classes, boxes from JPEG masks, its folds and its test images", async () => {
    const dir = temporaryFolder();
    await writeTn3k(dir, 12);
    const dataset = await openDataset(dir);
    expect(dataset.samples.map(({ id }) => id)).toEqual([
      ...Array.from({ length: 12 }, (_, i) => `trainval/${String(i).padStart(4, "0")}`),
      "test/0000",
      "test/0001",
    ]);
    expect(dataset.samples.map(({ label }) => label)).toEqual([...Array.from({ length: 12 }, (_, i) => i % 2), 0, 1]);
    expect(dataset.samples.map(({ fold }) => fold).slice(10)).toEqual([0, 1, undefined, undefined]);
    expect(dataset.samples.map(({ side }) => side).slice(11)).toEqual(["train", "test", "test"]);
    close(dataset, (i) => nodule(i % 12));
  });

  test("goes on without classes and without folds that overlap; lists what is missing", async () => {
    const dir = temporaryFolder();
    await writeTn3k(dir, 6);
    rmSync(path.join(dir, "label4test.csv"));
    rmSync(path.join(dir, "trainval-mask/0003.jpg"));
    writeFiles(dir, {
      "tn3k-trainval-fold1.json": JSON.stringify({ val: [0, 1, 3, 5], train: [2, 4] }),
      "label4trainval.csv":
        "0000.jpg,1\n0001.jpg,benign?\n0002.jpg,0\n0002.jpg,1\n0004.jpg,0\n0005.jpg,1\n0009.jpg,1\n",
      "trainval-mask/0004.jpg": await maskOf([nodule(4)], { width: 320, height: 200 })
        .jpeg()
        .toBuffer(),
      "trainval-mask/0005.jpg": await maskOf([]).jpeg().toBuffer(),
    });
    const dataset = await openDataset(dir);
    expect(dataset.samples.map(({ id, label, fold }) => [id, label, fold])).toEqual([
      ["trainval/0000", 1, undefined],
      ["test/0000", undefined, undefined],
      ["test/0001", undefined, undefined],
    ]);
    expect(reasons(dataset)).toMatchObject({
      "tn3k-trainval-fold1.json": matching(/holds out image 0, as fold 0 does/),
      "0001.jpg": "label4trainval.csv has no class of it",
      "0002.jpg": "label4trainval.csv has no class of it",
      "0003.jpg": "its mask is missing",
      "0004.jpg": matching(/mask 0004|mask trainval-mask\/0004.jpg is 320x200, but the image is 320x240/),
      "0005.jpg": matching(/its mask is empty/),
      "0009.jpg": matching(/names it, but it is missing/),
    });
    expect(dataset.notes).toEqual([matching(/no label4test.csv/)]);
  });
});

describe.each([false, true])("BUSI with its masks apart: %s", (apart) => {
  test("has a box for each of its 1-bit masks, and no normal image", async () => {
    const dir = temporaryFolder();
    await writeBusi(dir, 3, apart);
    const dataset = await openDataset(dir);
    expect(dataset.samples.map(({ id, label }) => [id, label])).toEqual(
      ["benign", "malignant"].flatMap((kind, k) => [1, 2, 3].map((i) => [`${kind} (${i})`, k])),
    );
    close(dataset, (i) => nodule((i % 3) + 1));
    expect(dataset.samples[0]!.boxes[1]).toEqual({ x0: 200, y0: 150, x1: 240, y1: 190 });
    expect(reasons(dataset)).toEqual({ "normal (1).png": matching(/normal tissue/) });
  });
});

test("BUSI: an image in the folder of the other class, without a mask, or a mask without an image, is left out", async () => {
  const dir = temporaryFolder();
  await writeBusi(dir, 2);
  writeFiles(dir, {
    "benign/malignant (9).png": await png(9),
    "benign/benign (8).png": await png(8),
    "benign/benign (7)_mask.png": await bitMask([nodule(1)]),
  });
  const dataset = await openDataset(dir);
  expect(dataset.samples.length).toBe(4);
  expect(reasons(dataset)).toMatchObject({
    "malignant (9).png": "lies in the folder of benign images",
    "benign (8).png": "its mask is missing",
    "benign (7)_mask.png": "its image is missing",
  });
});

describe("BUS-BRA", () => {
  test("has its table's classes, patients and folds, whatever other columns there are", async () => {
    const dir = temporaryFolder();
    await writeBusBra(dir, 5);
    const dataset = await openDataset(dir);
    expect(dataset.samples.map(({ id, label, group, fold }) => [id, label, group, fold]).slice(0, 4)).toEqual([
      ["bus_0001-l", 0, "1", 1],
      ["bus_0001-r", 0, "1", 1],
      ["bus_0002-l", 1, "2", 2],
      ["bus_0002-r", 1, "2", 2],
    ]);
    close(dataset, nodule);
    expect([dataset.skipped, dataset.notes]).toEqual([[], []]);
  });

  test("lists bad rows, and is one clear error without its table's columns", async () => {
    const dir = temporaryFolder();
    await writeBusBra(dir, 2);
    writeFiles(dir, {
      "bus_data.csv": "ID,Pathology\nbus_0001-l,benign\nbus_0001-r,\nbus_0002-l\n../x,benign\nbus_0009-l,benign\n",
    });
    const dataset = await openDataset(dir);
    expect(dataset.samples.map(({ id, group }) => [id, group])).toEqual([["bus_0001-l", "0001"]]);
    expect(dataset.skipped.map(({ reason }) => reason)).toEqual([
      matching(/line 4 has 1 cells, but there are 2 columns/),
      matching(/line 3 has the class ""/),
      matching(/line 5 has the ID "..\/x"/),
      matching(/names it, but it is missing/),
      matching(/does not name it/),
      matching(/does not name it/),
      matching(/does not name it/),
    ]);
    expect(dataset.notes).toEqual([matching(/no column Case/)]);
    writeFiles(dir, { "bus_data.csv": "ID,Class\nbus_0001-l,benign\n" });
    await expect(openDataset(dir)).rejects.toThrow(/bus_data.csv: has no column "pathology", but "id", "class"$/);
  });
});

describe("a manifest", () => {
  test.each(["csv", "jsonl"] as const)("of %s has classes, patients, sides and boxes", async (kind) => {
    const dir = temporaryFolder();
    await writeManifestSet(dir, 6, kind);
    for (const place of [dir, path.join(dir, `manifest.${kind}`)]) {
      const dataset = await openDataset(place);
      expect(dataset.samples.map(({ id, label, group, side }) => [id, label, group, side])).toEqual(
        Array.from({ length: 6 }, (_, i) => [`img/${i}.png`, i % 2, `patient p${i >> 1}`, i < 4 ? "train" : "val"]),
      );
      close(dataset, nodule);
      expect([dataset.skipped, dataset.notes]).toEqual([[], []]);
    }
  });

  test("takes masks, several rows an image, semicolons, JSON boxes and names with blanks and quotes", async () => {
    const dir = temporaryFolder();
    await writeManifestSet(dir, 4);
    writeFiles(dir, {
      'img/a "b", c.png': await png(7),
      "mask.png": await bitMask([nodule(3), { x0: 200, y0: 150, x1: 240, y1: 190 }]),
      "manifest.csv":
        "\ufeffImage;Label;boxes;mask\r\nimg/0.png;0;10 20 50 60;\r\nimg/0.png;0;60 20 90 60;\r\n" +
        '"img/a ""b"", c.png";malignant;"[[10, 20, 50, 60]]";\r\nimg/3.png;;;mask.png\r\n',
    });
    const { samples, skipped, notes } = await openDataset(dir);
    expect(skipped).toEqual([]);
    expect(samples.map(({ id, label, boxes }) => [id, label, boxes.length])).toEqual([
      ["img/0.png", 0, 2],
      ['img/a "b", c.png', 1, 1],
      ["img/3.png", undefined, 2],
    ]);
    expect(samples[2]!.boxes[0]).toEqual(nodule(3));
    expect(notes).toEqual([
      matching(/3 images without a patient/),
      matching(/2 images in img are in no usable row, the first: img\/1.png$/),
    ]);
  });

  test("lists what cannot be used with its line, and guesses nothing", async () => {
    const dir = temporaryFolder();
    await writeManifestSet(dir, 8);
    const rows = [
      "img/0.png,0,1 2 30 40,p0,train",
      "img/1.png,2,1 2 30 40,p0,train",
      "img/2.png,1,1 2 30,p0,train",
      "img/3.png,1,1 2 1e9 40,p0,train",
      "img/4.png,1,,p0,train",
      "img/5.png,1,1 2 30 40,p0,holdout",
      "gone.png,1,1 2 30 40,p0,train",
      "img/6.png,1,1 2 30 40,p0,train",
      "img/6.png,0,1 2 30 40,p0,train",
      "./img/0.png,1,1 2 30 40,p0,train",
      "img/7.png,1,400 200 500 300,p0,train",
      "img/7.png,1",
    ];
    writeFileSync(path.join(dir, "manifest.csv"), `image,label,boxes,patient,split\n${rows.join("\n")}\n`);
    await expect(openDataset(dir)).rejects.toThrow(/no usable manifest sample, 11 left out/);
    writeFileSync(path.join(dir, "manifest.csv"), `image,lable,boxes\n${rows[0]!.split(",").slice(0, 3).join()}\n`);
    const { samples, notes } = await openDataset(dir);
    expect(samples[0]!.label).toBe(undefined);
    expect(notes.slice(0, 2)).toEqual([matching(/ignored columns: lable/), matching(/no column "label"/)]);
    writeFileSync(path.join(dir, "manifest.csv"), "file,label\nimg/0.png,0\n");
    await expect(openDataset(dir)).rejects.toThrow(/manifest.csv: has no column "image", but "file", "label"$/);
    writeFileSync(path.join(dir, "manifest.csv"), 'image,label\n"img/0.png,0\n');
    await expect(openDataset(dir)).rejects.toThrow(/manifest.csv: is not a table: /);
  });
});
