/** Images with masks, class folders, and folders that no layout recognises. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, truncateSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Dataset } from "../../../src/data/sample.ts";
import { maskedStem } from "../../../src/data/layouts/pairs.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { temporaryFolder } from "./images.ts";
import { cocoFile, maskPng, writeClasses, writeMasks, writeTnScui, writeVoc } from "./other-sets.ts";
import { jpeg, maskOf, nodule, png, vocXml, writeBusi, writeFiles } from "./sets.ts";

const reasons = ({ skipped }: Dataset, dir: string) =>
  skipped.map(({ file, reason }) => `${path.relative(dir, file)}: ${reason}`).sort();
const matching = (pattern: RegExp) => expect.stringMatching(pattern) as string;
const labels = ({ samples }: Dataset) => Object.fromEntries(samples.map(({ id, label }) => [id, label]));

/** Images and masks under these names; the i-th pair has the i-th nodule. */
async function writePairs(dir: string, pairs: readonly (readonly [image: string, mask: string])[]): Promise<void> {
  for (const [i, [image, mask]] of pairs.entries()) {
    writeFiles(dir, { [image]: await png(i), ...(mask === "" ? {} : { [mask]: await maskPng(i) }) });
  }
}

test.each([
  ["a_mask", "a"],
  ["benign (4)_mask_1", "benign (4)"],
  ["scan-12-Mask", "scan-12"],
  ["aMask", "a"],
  ["mask_12", "12"],
  ["12_segmentation", "12"],
  ["amask", undefined],
  ["mask", undefined],
  ["damask_3", undefined],
  ["12", undefined],
])("the image of a mask called %s", (stem, image) => expect(maskedStem(stem)).toBe(image));

describe("masks", () => {
  test.each([
    ["images/1.png", "masks/1.png"],
    ["imgs/1.png", "labels/1.png"],
    ["image/a.png", "mask/a_mask.png"],
    ["img/a.png", "gt/a.png"],
    ["train/images/a.png", "train/masks/a.png"],
    ["images/train/a.png", "masks/train/a.png"],
    ["valid/Images/a.png", "val/Masks/A.png"],
    ["train_images/a.png", "train_masks/a.png"],
    ["train/a.png", "train_masks/a_mask.png"],
    ["a.png", "a_mask.png"],
    ["train/a.png", "train/a_segmentation.png"],
    ["test/benign/a.png", "test/benign/a_mask.png"],
    ["benign/images/a.png", "benign/masks/a.png"],
    ["images/benign/a.png", "masks/benign/a.png"],
    ["Test_Image_7.png", "mask_7.png"],
  ])("%s with %s", async (image, mask) => {
    const dir = temporaryFolder();
    await writePairs(dir, [[image, mask]]);
    const { name, samples, skipped } = await openDataset(dir);
    expect([name, skipped]).toEqual(["masks", []]);
    const side = /^(?:images\/)?(train|val|test)/i.exec(image)?.[1]?.toLowerCase() as "train" | undefined;
    expect(samples).toEqual([
      {
        id: image,
        file: path.join(dir, image),
        group: image,
        label: image.includes("benign") ? 0 : undefined,
        boxes: [nodule(0)],
        // outlines.test.ts rasterises it.
        shape: [expect.any(Object)],
        ...(side === undefined || image.startsWith("Test_") ? {} : { side }),
      },
    ]);
  });

  test("classes and patients of the table beside them; what it says of nothing, or twice, is listed", async () => {
    const dir = temporaryFolder();
    await writeMasks(dir, 6);
    writeFiles(dir, {
      "labels.csv":
        "id,label,patient\n0,benign,a\n1.png,1,a\n/data/old/images/2.png,0,b\n3.png,x,b\n4,0,c\n4,1,c\n9.png,0,d\n",
      "other.csv": "id,age\n0,30\n",
    });
    const dataset = await openDataset(dir);
    expect(labels(dataset)).toEqual({
      "images/0.png": 0,
      "images/1.png": 1,
      "images/2.png": 0,
      "images/3.png": undefined,
      "images/4.png": undefined,
      "images/5.png": undefined,
    });
    expect(dataset.samples.map(({ group }) => group)).toEqual([
      ...["patient a", "patient a", "patient b"],
      ...["images/3.png", "patient c", "images/5.png"],
    ]);
    expect(reasons(dataset, dir)).toEqual([
      'labels.csv: line 5 has the class "x", which is neither 0 nor 1',
      matching(/^labels\.csv: line 7 contradicts labels\.csv line 6 on images\/4\.png, which now has no class/),
      "labels.csv: line 8 names 9.png, which is missing",
      matching(/^other\.csv: has no column for the class.*: no class is taken from it/),
    ]);
    expect(dataset.notes).toEqual([
      'labels.csv: the class is the column "label"',
      'labels.csv: the patient is the column "patient"',
      "3 of 6 images have no class: only their outlines are used",
      "2 images without a patient count as one patient each",
    ]);
  });

  test("--label-from name takes whole words of file names, and no more", async () => {
    const dir = temporaryFolder();
    const names = ["benign_1", "2-Malignant", "benign_malignant_3", "non-malignant_4", "5"];
    await writePairs(
      dir,
      names.map((name) => [`images/${name}.png`, `masks/${name}.png`] as const),
    );
    const bare = await openDataset(dir);
    expect(Object.values(labels(bare))).toEqual(Array(5).fill(undefined));
    expect(bare.notes[0]).toMatch(/no table of classes beside the images, and no --label-from name/);
    const dataset = await openDataset(dir, { labelFrom: "name" });
    expect(dataset.samples.map(({ id, label }) => [path.basename(id), label])).toEqual([
      ["2-Malignant.png", 1],
      ["5.png", undefined],
      ["benign_1.png", 0],
      ["benign_malignant_3.png", undefined],
      ["non-malignant_4.png", undefined],
    ]);
    expect(dataset.notes.at(-1)).toBe(
      "--label-from name: 2 images take their class from a word in their name; 3 names have none",
    );
    writeFiles(dir, { "classes.csv": "image,label\nbenign_1,malignant\n5,1\n" });
    const torn = await openDataset(dir, { labelFrom: "name" });
    expect(labels(torn)).toMatchObject({ "images/benign_1.png": undefined, "images/5.png": 1 });
    expect(torn.notes).toContainEqual(matching(/benign_1\.png: its name says another class than the set/));
  });

  test("what lacks its other half, or has two, is left out by name", async () => {
    const dir = temporaryFolder();
    await writePairs(dir, [
      ["images/0.png", "masks/0.png"],
      ["images/1.png", ""],
      ["images/3.png", "masks/3.png"],
      ["images/3.jpg", ""],
      ["images/4.png", "masks/4.png"],
      ["images/5.png", "masks/5.png"],
      ["images/6.png", "masks/6_mask.png"],
      ["normal/images/7.png", "normal/masks/7.png"],
      ["extra/8.png", ""],
    ]);
    writeFiles(dir, {
      "masks/2.png": await maskPng(2),
      "masks/4.jpg": await maskPng(2),
      "masks/5_mask.png": await maskPng(2),
      "masks/6_mask_2.png": await maskOf([{ x0: 10, y0: 10, x1: 40, y1: 40 }])
        .png()
        .toBuffer(),
    });
    const dataset = await openDataset(dir);
    expect(dataset.samples.map(({ id, boxes }) => [id, boxes.length])).toEqual([
      ["images/0.png", 1],
      ["images/6.png", 2],
    ]);
    expect(reasons(dataset, dir)).toEqual([
      "images/1.png: its mask is missing",
      matching(/^images\/3\.jpg: its mask masks\/3\.png may belong to 2 images/),
      matching(/^images\/3\.png: its mask masks\/3\.png may belong to 2 images/),
      matching(/^images\/4\.png: which is its mask: masks\/4\.jpg, masks\/4\.png\?/),
      matching(/^images\/5\.png: which is its mask: masks\/5\.png, masks\/5_mask\.png\?/),
      "masks/2.png: its image is missing",
      "normal/images/7.png: shows normal tissue, without a nodule: --classes benign,malignant,normal takes it as a class",
    ]);
    expect(dataset.notes).toContain("extra: 1 images in a folder of unknown name: ignored");
  });

  test("of the gland, as TG3K's are, are no nodules'", async () => {
    const dir = temporaryFolder();
    await writePairs(dir, [["thyroid-image/0000.png", "thyroid-mask/0000.png"]]);
    await expect(openDataset(dir)).rejects.toThrow(/thyroid-mask: marks the gland/);
  });

  test("TN-SCUI's form of DDTI has made-up categories, which are not taken", async () => {
    const dir = temporaryFolder();
    const inner = path.join(dir, "1_or_data");
    await writeTnScui(inner, 4);
    writeFiles(inner, { "category.csv": "ID,CATE\n0.PNG,1\n" });
    rmSync(path.join(inner, "train.csv"));
    const dataset = await openDataset(inner);
    expect([dataset.name, ...Object.values(labels(dataset))]).toEqual([
      "tn-scui",
      ...Array<undefined>(4).fill(undefined),
    ]);
    expect(dataset.notes[0]).toMatch(/category\.csv of DDTI's second form is made up/);
  });
});

describe("class folders", () => {
  test("have sides and classes of their folders in any case, and no boxes", async () => {
    const dir = temporaryFolder();
    await writeClasses(dir, 8);
    writeFiles(dir, {
      "Test/0_benign/Tiroides2/50.png": await png(50),
      "train/benign/51_mask.png": await png(51),
      "train/52.png": await png(52),
      "train/benign/53.png": "no image",
      "train/unclear/54.png": await png(54),
    });
    const dataset = await openDataset(dir);
    const { samples } = dataset;
    expect(dataset.name).toBe("classes");
    expect(samples.every(({ boxes, id, group }) => boxes.length === 0 && id === group)).toBe(true);
    expect(samples.map(({ id, label, side }) => [id, label, side])).toEqual([
      ["Test/0_benign/Tiroides2/50.png", 0, "test"],
      ["Test/Malignant/3.png", 1, "test"],
      ["Test/Malignant/7.png", 1, "test"],
      ["Test/benign/2.png", 0, "test"],
      ["Test/benign/6.png", 0, "test"],
      ["train/Malignant/1.png", 1, "train"],
      ["train/Malignant/5.png", 1, "train"],
      ["train/benign/0.png", 0, "train"],
      ["train/benign/4.png", 0, "train"],
    ]);
    expect(reasons(dataset, dir)).toEqual([
      "train/52.png: is not in a class folder",
      "train/benign/51_mask.png: is named like a mask",
      matching(/^train\/benign\/53\.png: is not a readable image/),
      "train/normal/90.png: shows normal tissue, without a nodule: --classes benign,malignant,normal takes it as a class",
    ]);
    expect(dataset.notes).toEqual([
      "no outlines: these images can be evaluated, or train a network without masks",
      "train/unclear: 1 images in a folder of unknown name: ignored",
      "9 images without a patient count as one patient each",
    ]);
  });

  test("without masks only: BUSI stays BUSI", async () => {
    const dir = temporaryFolder();
    await writeBusi(dir, 2);
    expect((await openDataset(dir)).name).toBe("busi");
    await expect(openDataset(dir, { format: "coco" })).rejects.toThrow(/no usable coco sample/);
  });
});

describe("a folder that fits several layouts, or none", () => {
  test("says as what it is read, and as what else it could be", async () => {
    const dir = temporaryFolder();
    await writeMasks(dir, 2);
    const names = Object.fromEntries([0, 1].map((i) => [`${i}.png`, i] as const));
    writeFiles(dir, {
      "annotations/instances.json": JSON.stringify(cocoFile(Object.values(names), (i) => `${i}.png`)),
    });
    const { name, notes } = await openDataset(dir);
    expect(name).toBe("coco");
    expect(notes[0]).toBe("read as coco; it may be masks as well, which --format masks reads");
    expect((await openDataset(dir, { format: "masks" })).samples.map(({ label }) => label)).toEqual([0, 1]);
  });

  test("is not of a public set whose file names it happens to have", async () => {
    const dir = temporaryFolder();
    const xml = (id: string, name: string) => vocXml(id, [{ name, box: nodule(0) }]).replace(/<size>.*<\/size>/, "");
    writeFiles(path.join(dir, "a"), { "1.xml": xml("1", "benign"), "1.jpg": await jpeg(1), "2_1.jpg": await jpeg(2) });
    expect((await openDataset(path.join(dir, "a"))).name).toBe("voc");
    const standard = { "JPEGImages/1.jpg": await jpeg(1), "ImageSets/Main/train.txt": "1\n" };
    writeFiles(path.join(dir, "b"), { ...standard, "Annotations/1.xml": xml("1", "benign nodule") });
    const { name, samples } = await openDataset(path.join(dir, "b"));
    expect([name, samples[0]!.label, samples[0]!.side]).toEqual(["voc", 0, "train"]);
    writeFiles(path.join(dir, "c"), { ...standard, "Annotations/1.xml": xml("1", "1") });
    expect((await openDataset(path.join(dir, "c"))).name).toBe("tn5000");
  });

  test.skipIf(process.platform === "win32")("reads no pipe and nothing of any size", async () => {
    const dir = temporaryFolder();
    await writeVoc(dir, 2);
    execFileSync("mkfifo", [path.join(dir, "annotations/a00.xml"), path.join(dir, "a.json")]);
    writeFiles(dir, { "annotations/b.xml": "" });
    truncateSync(path.join(dir, "annotations/b.xml"), 65 * 2 ** 20);
    const dataset = await openDataset(dir);
    expect([dataset.name, dataset.samples.length]).toEqual(["voc", 2]);
    expect(reasons(dataset, dir)).toEqual([
      "annotations/a00.xml: is not a regular file",
      "annotations/b.xml: has 65 MiB, more than the 64 MiB that are read",
    ]);
  });

  test("says where a set lies that was unzipped twice", async () => {
    const dir = temporaryFolder();
    await writeVoc(path.join(dir, "set/set"), 2);
    await expect(openDataset(dir)).rejects.toThrow(`${dir}: no known layout here, but ${dir}/set/set looks like voc`);
    await writeMasks(path.join(dir, "other/a b"), 1);
    await expect(openDataset(dir)).rejects.toThrow(/other\/a b looks like masks, .*set\/set looks like voc/);
  });

  test("says what was found, and the way out", async () => {
    const dir = temporaryFolder();
    mkdirSync(path.join(dir, "empty"));
    writeFiles(dir, {
      "1.jpg": await jpeg(1),
      "2.jpg": await jpeg(2),
      "1.xml": "<scan><x>1</x></scan>",
      "2.xml": "<report/>",
      "a.json": '{"nodules": [{"inner": 1}], "version": 1}',
      "t.csv": "x,y\n1,2\n",
      "pictures2/deep/x.txt": "",
    });
    const error: unknown = await openDataset(dir).catch((e: unknown) => e);
    const { message } = error as Error;
    expect(message).toContain(
      'found: 2 .jpg beside 2 .xml (root <scan>, <report>) beside 1 .csv (first line "x,y") beside 1 .json (keys nodules, version), no ImageSets/; empty/: nothing; pictures2/: folders deep/; ',
    );
    expect(message).toMatch(/the way out is a manifest\.csv: the line "image,label,boxes", then one for each image/);
    expect(message).not.toContain("\n");
  });
});
