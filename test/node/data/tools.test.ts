/** Labelling tools' files, intact and damaged: each annotation is read as intended, or left out with the reason. */
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Dataset } from "../../../src/data/sample.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { temporaryFolder } from "./images.ts";
import {
  cocoFile,
  cvatBox,
  cvatImage,
  cvatXml,
  labelmeFile,
  writeCoco,
  writeCvat,
  writeLabelme,
  writeVoc,
  writeYolo,
  yoloLine,
} from "./other-sets.ts";
import { jpeg, nodule, vocXml, writeFiles } from "./sets.ts";

const reasons = ({ skipped }: Dataset, dir: string) =>
  skipped.map(({ file, reason }) => `${path.relative(dir, file)}: ${reason}`).sort();
const matching = (pattern: RegExp) => expect.stringMatching(pattern) as string;
const labels = ({ samples }: Dataset) => Object.fromEntries(samples.map(({ id, label }) => [path.basename(id), label]));
const boxesOf = ({ samples }: Dataset, name: string) => samples.find(({ id }) => path.basename(id) === name)!.boxes;
const alone = (n: number) => `${n} images without a patient count as one patient each`;
const few = async (names: readonly string[]) =>
  Object.fromEntries(await Promise.all(names.map(async (name, i) => [name, await jpeg(i)] as const)));

describe("VOC", () => {
  test("of a flat folder: the file name decides between images of one stem", async () => {
    const dir = temporaryFolder();
    const box = nodule(0);
    const xml = (name: string, file: string) => vocXml(file, [{ name, box }]).replace(/<size>.*<\/size>/, "");
    writeFiles(dir, {
      ...(await few(["a.jpg", "b.jpg", "b.png", "c.jpg", "d.jpg", "e.jpg", "f.jpg", "g.jpg"])),
      "a.xml": xml("nodule", "a"),
      "b.xml": xml("malignant", "b"),
      "c.xml": xml("benign", "d"),
      "d.xml": xml("benign", "d"),
      "e.xml": xml("trachea", "e"),
      "f.xml": xml("benign", "f").slice(0, 100),
      "h.xml": xml("benign", "h"),
      "i.xml": `<!DOCTYPE a [<!ENTITY b "c">]>${xml("benign", "i")}`,
    });
    const dataset = await openDataset(dir);
    expect(dataset.name).toBe("voc");
    expect(labels(dataset)).toEqual({ "a.jpg": undefined, "b.jpg": 1, "d.jpg": 0 });
    expect(reasons(dataset, dir)).toEqual([
      "b.png: no annotation of it was found",
      "c.xml: names the image d.jpg, but has the name of c.jpg",
      'e.xml: marks "trachea", which is neither a class nor a known name of a nodule',
      matching(/^f\.xml: is not well-formed XML/),
      "g.jpg: no annotation of it was found",
      "h.xml: names the image h.jpg, which is missing",
      "i.xml: has a document type with declarations, which annotations do not need",
    ]);
    expect(dataset.notes).toEqual(expect.arrayContaining(['objects called "nodule" do not name a class', alone(3)]));
  });

  test("is scaled where it was drawn on another size, and has the sides of its lists", async () => {
    const dir = temporaryFolder();
    await writeVoc(dir, 4);
    writeFiles(dir, {
      "annotations/a0.xml": vocXml("a0", [{ name: "benign", box: { x0: 200, y0: 160, x1: 320, y1: 240 } }]).replace(
        "<width>320</width><height>240</height>",
        "<width>640</width><height>480</height>",
      ),
      "annotations/a1.xml": vocXml("a1", [{ name: "benign", box: nodule(1) }]).replace(
        "<width>320</width><height>240</height>",
        "<width>718</width><height>500</height>",
      ),
      "ImageSets/Main/train.txt": "a0.jpg\na2\n",
      "ImageSets/Main/val.txt": "a3\n",
    });
    const dataset = await openDataset(dir);
    expect(boxesOf(dataset, "a0.jpg")).toEqual([nodule(0)]);
    expect(dataset.samples.map(({ side }) => side)).toEqual(["train", "train", "val"]);
    expect(reasons(dataset, dir)).toEqual([
      matching(/^annotations\/a1\.xml: its annotation was made on an image of 718x500/),
    ]);
    expect(dataset.notes).toContainEqual(matching(/a0\.xml: its annotation was made on 640x480: scaled to 320x240/));
  });
});

describe("COCO", () => {
  test("boxes, polygons, run lengths of both kinds, crowds; classes are names, never numbers", async () => {
    const dir = temporaryFolder();
    const file = cocoFile([0, 1, 2, 3, 4, 5]);
    const runs = [...Array.from({ length: 60 }, (_, i) => (i === 0 ? [100 * 240 + 80, 40] : [200, 40])).flat()];
    runs.push(320 * 240 - runs.reduce((a, b) => a + b));
    const rle = JSON.parse(readFileSync(new URL("../../reference/data/coco-rle.json", import.meta.url), "utf8")) as {
      size: [number, number];
      counts: string;
      bbox: number[];
    }[];
    const disc = rle.find(({ size }) => size[0] === 240)!;
    Object.assign(file.annotations[0]!, { segmentation: [[100, 100, 130, 80, 160, 100, 130, 120]] });
    Object.assign(file.annotations[1]!, { segmentation: { size: [240, 320], counts: runs }, iscrowd: 1, bbox: [] });
    Object.assign(file.annotations[2]!, { segmentation: { size: disc.size, counts: disc.counts }, bbox: disc.bbox });
    Object.assign(file.annotations[3]!, { segmentation: [[10, 10, 30, 10, 30, 30]] });
    Object.assign(file.annotations[4]!, { segmentation: [] });
    file.categories = [
      { id: 1, name: "Nodule", supercategory: "none" },
      { id: 2, name: "1", supercategory: "none" },
    ];
    writeFiles(dir, {
      ...(await few([0, 1, 2, 3, 4, 5].map((i) => `images/${i}.jpg`))),
      "annotations/instances_default.json": JSON.stringify(file),
    });
    const dataset = await openDataset(dir);
    expect([dataset.name, dataset.skipped]).toEqual(["coco", []]);
    expect(boxesOf(dataset, "0.jpg")).toEqual([nodule(0)]);
    expect(boxesOf(dataset, "1.jpg")).toEqual([{ x0: 100, y0: 80, x1: 160, y1: 120 }]);
    expect(boxesOf(dataset, "2.jpg").length).toBeGreaterThan(0);
    expect(boxesOf(dataset, "3.jpg")).toEqual([{ x0: 10, y0: 10, x1: 30, y1: 30 }]);
    expect(boxesOf(dataset, "4.jpg")).toEqual([nodule(4)]);
    expect(Object.values(labels(dataset))).toEqual(Array(6).fill(undefined));
    expect(dataset.notes).toEqual([
      matching(/^images\/3\.jpg: bbox and segmentation of a 1 overlap by only 0 %: the segmentation's box is used/),
      'objects called "1", "Nodule" do not name a class',
      "6 of 6 images have no class: only their outlines are used",
      alone(6),
    ]);
  });

  test("of the sides of Roboflow and of train2017; images elsewhere are found by their folders", async () => {
    const dir = temporaryFolder();
    writeFiles(dir, {
      ...(await few(["images/train2017/0.jpg", "images/val2017/0.jpg", "images/val2017/1.jpg"])),
      "annotations/instances_train2017.json": JSON.stringify(cocoFile([0])),
      "annotations/instances_val2017.json": JSON.stringify(cocoFile([0, 1])),
    });
    const { samples, skipped } = await openDataset(dir);
    expect(skipped).toEqual([]);
    expect(samples.map(({ id, side }) => [id, side])).toEqual([
      ["images/train2017/0.jpg", "train"],
      ["images/val2017/0.jpg", "val"],
      ["images/val2017/1.jpg", "val"],
    ]);
  });

  test("what is damaged, missing, twice or of nothing is listed", async () => {
    const dir = temporaryFolder();
    const file = cocoFile([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const { images, annotations } = file;
    images[1]!.id = images[0]!.id;
    Object.assign(annotations[2]!, { category_id: 9 });
    Object.assign(annotations[3]!, { bbox: [1, 2, 3] });
    Object.assign(annotations[4]!, { bbox: [500, 400, 60, 40] });
    Object.assign(annotations[5]!, { segmentation: { size: [240, 320], counts: "PPP" } });
    Object.assign(annotations[6]!, { segmentation: [[1, 2, 3]] });
    annotations.splice(7, 1);
    annotations.push({ image_id: 999, category_id: 1, bbox: [1, 1, 9, 9] }, { category_id: 1 });
    const names = [0, 1, 2, 3, 4, 5, 6, 7, 9].map((i) => `${i}.jpg`);
    writeFiles(dir, { ...(await few([...names, "good.jpg"])), "a.json": JSON.stringify(file) });
    writeFiles(dir, {
      "b.json": JSON.stringify(cocoFile([0], () => "good.jpg")),
      "cut.json": JSON.stringify(file).slice(0, 900),
    });
    const dataset = await openDataset(dir);
    expect(labels(dataset)).toEqual({ "good.jpg": 0 });
    expect(reasons(dataset, dir)).toEqual([
      matching(/^0\.jpg: has the id 100, as 1\.jpg has/),
      matching(/^1\.jpg: no annotation names it/),
      matching(/^2\.jpg: annotations\[2\] is of category 9, which is not listed/),
      matching(/^3\.jpg: annotations\[3\] cannot be used: bbox/),
      matching(/^4\.jpg: the box .* does not lie on the 320x240 image/),
      matching(/^5\.jpg: annotations\[5\] has damaged run lengths/),
      matching(/^6\.jpg: annotations\[6\] has a polygon of an odd number/),
      "7.jpg: no nodule is marked on it",
      "9.jpg: no annotation names it",
      matching(/^a\.json: annotations\[\d+\] is of no image/),
      matching(/^a\.json: has 1 annotations of image 101, which it does not list/),
      matching(/^a\.json: has 1 annotations of image 999, which it does not list/),
      matching(/^a\.json: images\[1\] 1\.jpg has the id of 0\.jpg: both are left out/),
      "a.json: names the image 8.jpg, which is missing",
      matching(/^cut\.json: is not JSON/),
    ]);
  });

  test("files that mark an image alike are one, files that do not leave it out", async () => {
    const dir = temporaryFolder();
    await writeCoco(dir, 3);
    const other = cocoFile([0, 1], (i) => `train/${i}.jpg`);
    Object.assign(other.annotations[1]!, { category_id: 1 });
    writeFiles(dir, { "all.json": JSON.stringify(other) });
    const dataset = await openDataset(dir);
    expect(labels(dataset)).toEqual({ "0.jpg": 0, "2.jpg": 0 });
    expect(reasons(dataset, dir)).toEqual([matching(/^train\/1\.jpg: all\.json and train\/.* mark it differently/)]);
  });
});

describe("YOLO", () => {
  test("has the classes of data.yaml by name, boxes and outlines; lists what is damaged", async () => {
    const dir = temporaryFolder();
    await writeYolo(dir, 8);
    const label = (i: number, text: string) => ({ [`train/labels/${i}.txt`]: text });
    writeFiles(dir, {
      ...label(0, "1 0.3125 0.4166667 0.40625 0.3333333 0.5 0.4166667 0.40625 0.5\n"),
      ...label(1, ""),
      ...label(2, "5 0.5 0.5 0.2 0.2\n"),
      ...label(3, "0 0.5 0.5 1.2 0.2\n"),
      ...label(4, "0 0.5 0.5 0.2\n"),
      ...label(5, "0 0.5 x 0.2 0.2\n"),
      ...label(6, "0 0.5 0.5 0.2 0.2 0.98\n"),
      ...label(60, yoloLine(0)),
      "train/images/61.jpg": await jpeg(61),
    });
    const dataset = await openDataset(dir);
    expect(labels(dataset)).toEqual({ "0.jpg": 0, "7.jpg": 1 });
    expect(dataset.samples.map(({ side }) => side)).toEqual(["train", "val"]);
    const [box] = boxesOf(dataset, "0.jpg");
    for (const [edge, value] of Object.entries<number>({ ...nodule(0) }))
      expect(box![edge as "x0"]).toBeCloseTo(value, 3);
    expect(reasons(dataset, dir)).toEqual([
      "train/images/61.jpg: no annotation of it was found",
      "train/labels/1.txt: no nodule is marked: it is empty",
      "train/labels/2.txt: has the class 5, which is not named",
      matching(/3\.txt: line 1 has 1\.2, which is not a fraction of the image/),
      matching(/4\.txt: line 1 has 3 numbers: neither a box of 4 nor an outline/),
      matching(/5\.txt: line 1 has "x", which is not a number/),
      matching(/6\.txt: line 1 has 5 numbers/),
      matching(/60\.txt: belongs to the image 60, which is missing/),
    ]);
    expect(dataset.notes).toEqual(["classes of data.yaml: 0 is Malignant, 1 is benign", alone(2)]);
  });

  test.each([
    ["names:\n  0: benign\n  1: malignant\n", { "0.jpg": 1, "1.jpg": 0 }, /classes of data\.yaml: 0 is benign/],
    ["names: ['0', '1']\n", { "0.jpg": undefined, "1.jpg": undefined }, /objects called "0", "1" do not name a class/],
    [
      "names: [nodule, tumor]\nnc: 3\n",
      { "0.jpg": undefined, "1.jpg": undefined },
      /there is no data\.yaml with names/,
    ],
    ["names: [a\n", { "0.jpg": undefined, "1.jpg": undefined }, /there is no data\.yaml with names/],
    [
      "names: [a, b]\nkpt_shape: [4, 2]\n",
      { "0.jpg": undefined, "1.jpg": undefined },
      /there is no data\.yaml with names/,
    ],
    ["", { "0.jpg": undefined, "1.jpg": undefined }, /there is no data\.yaml with names: the classes are not known/],
  ])("with the data.yaml %j", async (yaml, expected, note) => {
    const dir = temporaryFolder();
    writeFiles(dir, {
      ...(await few(["images/train/0.jpg", "images/train/1.jpg"])),
      "labels/train/0.txt": yoloLine(0),
      "labels/train/1.txt": yoloLine(1),
      ...(yaml === "" ? {} : { "data.yaml": yaml }),
    });
    const dataset = await openDataset(dir);
    expect([dataset.name, labels(dataset)]).toEqual(["yolo", expected]);
    expect(dataset.notes).toContainEqual(matching(note));
  });
});

describe("labelme", () => {
  test("shapes of all kinds, flags, names of images; lists what is damaged", async () => {
    const dir = temporaryFolder();
    await writeLabelme(dir, 9);
    const write = (i: number, value: unknown) => writeFiles(dir, { [`${i}.json`]: JSON.stringify(value) });
    const shape = (shape_type: string, points: number[][], label = "nodule") => ({ label, shape_type, points });
    write(
      0,
      labelmeFile(
        0,
        shape(
          "rectangle",
          [
            [160, 120],
            [100, 80],
          ],
          "1",
        ),
      ),
    );
    write(1, {
      ...labelmeFile(
        1,
        shape("circle", [
          [130, 100],
          [130, 120],
        ]),
      ),
      flags: { malignant: true, benign: false },
    });
    write(2, { ...labelmeFile(2), imagePath: "..\\images\\2.jpg", imageWidth: 640, imageHeight: 480 });
    write(
      3,
      labelmeFile(
        3,
        shape("line", [
          [1, 2],
          [3, 4],
        ]),
      ),
    );
    write(4, labelmeFile(4, shape("star", [[1, 2]])));
    write(
      5,
      labelmeFile(
        5,
        shape("polygon", [
          [1, 2],
          [3, 4],
        ]),
      ),
    );
    write(6, { shapes: "x" });
    writeFiles(dir, { "7.json": "{", "20.json": JSON.stringify(labelmeFile(20)) });
    const dataset = await openDataset(dir);
    expect(labels(dataset)).toEqual({ "0.jpg": 1, "1.jpg": 1, "2.jpg": 0, "8.jpg": 0 });
    expect(boxesOf(dataset, "0.jpg")).toEqual([nodule(0)]);
    expect(boxesOf(dataset, "1.jpg")).toEqual([{ x0: 110, y0: 80, x1: 150, y1: 120 }]);
    expect(boxesOf(dataset, "2.jpg")).toEqual([{ x0: 51, y0: 40, x1: 81, y1: 60 }]);
    expect(reasons(dataset, dir)).toEqual([
      "20.json: names the image 20.jpg, which is missing",
      "3.json: no nodule is marked on it",
      '4.json: shapes[0] has the shape "star", which is not known',
      "5.json: shapes[0] has an outline of fewer than 3 points",
      matching(/^6\.json: is not a labelme annotation: shapes/),
      matching(/^7\.json: is not JSON/),
    ]);
    expect(dataset.notes).toContainEqual(matching(/2\.json: its annotation was made on 640x480: scaled to 320x240/));
  });
});

describe("CVAT", () => {
  test("boxes, turned ones, polygons, masks, ellipses, attributes and tags; lists what is damaged", async () => {
    const dir = temporaryFolder();
    await writeCvat(dir, 10);
    rmSync(path.join(dir, "images/9.jpg"));
    const shapes = [
      cvatBox(0, "nodule").replace("</box>", '<attribute name="pathology">malignant</attribute></box>'),
      cvatBox(1, "benign", ' rotation="90.0"'),
      '<polygon label="malignant" points="100.0,80.0;160.5,90.0;120.0,120.0"></polygon><polyline label="x" points="1,2;3,4"/>',
      '<mask label="benign" rle="1, 2, 1, 4" left="50" top="40" width="4" height="2"></mask><tag label="benign"/>',
      '<ellipse label="nodule" cx="100" cy="90" rx="30" ry="20"></ellipse><tag label="malignant"></tag>',
      '<mask label="benign" rle="1, 2" left="50" top="40" width="4" height="2"></mask>',
      '<polygon label="malignant" points="100.0,80.0;160.5"></polygon>',
      '<box label="benign" xtl="1"></box>',
      "",
      cvatBox(9),
    ];
    writeFiles(dir, { "annotations.xml": cvatXml(shapes.map((inner, i) => cvatImage(`${i}.jpg`, inner))) });
    const dataset = await openDataset(dir);
    expect(labels(dataset)).toEqual({ "0.jpg": 1, "1.jpg": 0, "2.jpg": 1, "3.jpg": 0, "4.jpg": 1 });
    expect(boxesOf(dataset, "0.jpg")).toEqual([nodule(0)]);
    const [turned] = boxesOf(dataset, "1.jpg");
    for (const [edge, value] of Object.entries({ x0: 111, y0: 70, x1: 151, y1: 130 })) {
      expect(turned![edge as "x0"]).toBeCloseTo(value, 6);
    }
    expect(boxesOf(dataset, "2.jpg")).toEqual([{ x0: 100, y0: 80, x1: 160.5, y1: 120 }]);
    expect(boxesOf(dataset, "3.jpg")).toEqual([{ x0: 50, y0: 40, x1: 54, y1: 42 }]);
    expect(boxesOf(dataset, "4.jpg")).toEqual([{ x0: 70, y0: 70, x1: 130, y1: 110 }]);
    expect(reasons(dataset, dir)).toEqual([
      "annotations.xml: names the image 9.jpg, which is missing",
      matching(/5\.jpg: has run lengths that do not fill its mask of 4x2/),
      matching(/6\.jpg: has the point "160\.5", which is not x,y/),
      matching(/7\.jpg: has a shape that cannot be used: box\.0\.ytl/),
      matching(/8\.jpg: no nodule is marked on it/),
    ]);
    expect(dataset.notes).toEqual(
      expect.arrayContaining([
        "images/1.jpg: a box rotated by 90 degrees: the box around it is used",
        "images/2.jpg: 1 × polyline, which is not an outline: left out",
      ]),
    );
  });

  test("of a video is refused by name", async () => {
    const dir = temporaryFolder();
    writeFiles(dir, {
      ...(await few(["frame_000000.jpg"])),
      "annotations.xml":
        '<annotations><track id="0" label="benign"><box frame="0" xtl="1" ytl="2" xbr="3" ybr="4"/></track></annotations>',
    });
    await expect(openDataset(dir)).rejects.toThrow(
      /annotations\.xml: is "CVAT for video" \(<track>\), which names no image files/,
    );
  });
});
