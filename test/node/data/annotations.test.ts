/** Real-world annotations: manifests that went through other programs, VOC files of resized and rotated pictures. */
import { cpSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import type { Box, Dataset } from "../../../src/data/sample.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { temporaryFolder } from "./images.ts";
import { nodule, png, vocXml, writeFiles } from "./sets.ts";

const cases = fileURLToPath(new URL("../../cases/", import.meta.url));
const matching = (pattern: RegExp) => expect.stringMatching(pattern) as string;
const reasons = ({ skipped }: Dataset) =>
  Object.fromEntries(skipped.map(({ file, reason }) => [path.basename(file), reason]));

/** The boxes of the manifests among the cases. */
const BOXES = [
  [50, 40, 140, 100],
  [200, 130, 270, 180],
  [30, 120, 100, 200],
  [150, 30, 300, 90],
  [100, 90, 180, 170],
  [220, 40, 280, 110],
];
const edgesOf = ({ x0, y0, x1, y1 }: Box) => [x0, y0, x1, y1];
const pictures: Buffer[] = [];
beforeAll(async () => void pictures.push(...(await Promise.all(BOXES.map((_, i) => png(i))))));

/** A folder with the pictures img/0.png .. and more files. */
function folder(files: Record<string, string | Uint8Array> = {}): string {
  const dir = temporaryFolder();
  writeFiles(dir, { ...Object.fromEntries(pictures.map((bytes, i) => [`img/${i}.png`, bytes])), ...files });
  return dir;
}
const caseOf = (name: string) => folder({ "manifest.csv": readFileSync(`${cases}manifests/${name}/manifest.csv`) });

const CSV = "image,label,boxes,patient\n";
const row = (i: number, patient = `p${i}`) => `img/${i}.png,${i % 2},${BOXES[i]!.join(" ")},${patient}\n`;

describe("a manifest", () => {
  test.each(["many_digits", "excel_sep_line", "trailing_empty_rows", "patient_float_mix", "pandas_float_label"])(
    "%s is read whole",
    async (name) => {
      const { samples, skipped } = await openDataset(caseOf(name));
      expect(skipped).toEqual([]);
      samples.forEach(({ boxes: [box] }, i) => {
        Object.values(box!).forEach((edge, k) => expect(edge).toBeCloseTo(BOXES[i]![k]!, 6));
      });
      const labels = samples.map(({ label }) => label);
      expect(labels).toEqual(name === "pandas_float_label" ? [0, 1, 0, 1, 0, undefined] : [0, 1, 0, 1, 0, 1]);
    },
  );

  test("patient_float_mix has one patient, and says so", async () => {
    const { samples, notes } = await openDataset(caseOf("patient_float_mix"));
    expect(new Set(samples.map(({ group }) => group))).toEqual(new Set(["patient 12"]));
    expect(notes).toEqual([matching(/patients written in two ways, such as 12.0 and 12, count as one/)]);
  });

  test("coco_xywh is taken not at all, with a hint", async () => {
    const message =
      /manifest.csv: its boxes look like x y width height: 5 of 6 end before they begin, the first in line 3/;
    await expect(openDataset(caseOf("coco_xywh"))).rejects.toThrow(message);
    const text = readFileSync(`${cases}manifests/coco_xywh/manifest.csv`, "utf8");
    const { samples, skipped } = await openDataset(folder({ "manifest.csv": text.replace("boxes", "boxes_xywh") }));
    expect(skipped).toEqual([]);
    expect(samples.map(({ boxes }) => edgesOf(boxes[0]!))).toEqual(BOXES);
  });

  test("with one box in the wrong order among many that are edges loses that one alone", async () => {
    const dir = folder({ "manifest.csv": CSV + row(0) + row(1) + row(3) + row(5) + "img/2.png,0,100 200 30 120,p2\n" });
    const { samples, skipped } = await openDataset(dir);
    expect(samples.length).toBe(4);
    expect(skipped.map(({ reason }) => reason)).toEqual([
      matching(/encloses no pixel: its corners are in the wrong order/),
    ]);
  });

  test("with shares of the image as boxes is taken not at all, with a hint", async () => {
    const boxes = BOXES.map(([x0, y0, x1, y1]) => `${x0! / 320} ${y0! / 240} ${x1! / 320} ${y1! / 240}`);
    const rows = boxes.map((box, i) => `img/${i}.png,${i % 2},${box},p${i}\n`);
    await expect(openDataset(folder({ "manifest.csv": CSV + rows.join("") }))).rejects.toThrow(
      /look like fractions of the image/,
    );
  });

  test.each([
    "+5.0e1 4.0E+1 140. 1e2",
    "50,40,140,100",
    "[50, 40, 140, 100]",
    '[{"x": 50, "y": 40, "w": 90, "h": 60}]',
  ])("has the box %s", async (box) => {
    const dir = folder({ "manifest.csv": `${CSV}img/0.png,0,"${box.replaceAll('"', '""')}",p0\n` });
    expect((await openDataset(dir)).samples[0]!.boxes).toEqual([{ x0: 50, y0: 40, x1: 140, y1: 100 }]);
  });

  test.each([
    ["0x32 40 140 100", /is not x0 y0 x1 y1/],
    ["NaN 40 140 100", /is not x0 y0 x1 y1/],
    ["50 40 Infinity 100", /is not x0 y0 x1 y1/],
    ["50 40 1e999 100", /is not x0 y0 x1 y1/],
    ["50,5 40,5 140,0 100,25", /decimals are written with a point/],
  ])("does not guess at the box %s", async (box, reason) => {
    const { skipped } = await openDataset(folder({ "manifest.csv": `${CSV}img/0.png,0,"${box}",p0\n${row(1)}` }));
    expect(skipped.map((s) => s.reason)).toEqual([matching(reason)]);
  });

  test("keeps patients apart that only look alike, and says so; nan is none", async () => {
    const names = ["12", "012", "P 7", "p7", "nan", "nan"];
    const { samples, notes } = await openDataset(
      folder({ "manifest.csv": CSV + names.map((n, i) => row(i, n)).join("") }),
    );
    expect(new Set(samples.map(({ group }) => group)).size).toBe(6);
    expect(notes).toEqual([
      matching(/a patient nan, None, null or N\/A counts as not given/),
      matching(/patients that look alike, such as 12 and 012, count as two/),
      matching(/2 images without a patient/),
    ]);
  });

  test("has classes in no other words or numbers than benign, malignant, 0 and 1", async () => {
    const labels = ["0.00", "MALIGNANT", "True", "maligno", "0.5", "2.0"];
    const rows = labels.map((label, i) => `img/${i}.png,${label},${BOXES[i]!.join(" ")},p${i}\n`);
    const { samples, skipped } = await openDataset(folder({ "manifest.csv": CSV + rows.join("") }));
    expect(samples.map(({ label }) => label)).toEqual([0, 1]);
    expect(skipped.map(({ reason }) => reason)).toEqual(
      labels.slice(2).map((l) => matching(new RegExp(`class "${l}"`))),
    );
  });

  test.each<[string, string, string]>([
    ["manifest.jsonl", "an array on one line", JSON.stringify(items())],
    ["manifest.json", "an array with indents", JSON.stringify(items(), null, 2)],
    [
      "manifest.jsonl",
      "lines of an array",
      items()
        .map((item) => `${JSON.stringify(item)},`)
        .join("\r\n"),
    ],
    ["manifest.csv", "tabs", `IMAGE \t"Label"\tBoxes\tpatient\t\n${rowsWith("\t")}`],
    ["manifest.csv", "semicolons beside a comma", `image;label, 0 or 1;boxes;patient\n${rowsWith(";")}`],
    ["manifest.csv", "quotes and UTF-16", `\ufeff"image","label","boxes","patient"\r\n${rowsWith(",")}`],
    [
      "manifest.csv",
      "empty cells at the ends",
      `\n\nimage,label,boxes,patient\n${rowsWith(",").replaceAll("\n", ",,\n")},,,,\n`,
    ],
  ])("%s as %s is read", async (name, what, text) => {
    const dir = folder({ [name]: what.includes("UTF-16") ? Buffer.from(text, "utf16le") : text });
    const { samples, skipped } = await openDataset(dir);
    expect(skipped).toEqual([]);
    expect(samples.map(({ boxes }) => edgesOf(boxes[0]!))).toEqual(BOXES);
  });

  function items() {
    return BOXES.map((box, i) => ({ image: `img/${i}.png`, label: i % 2, boxes: [box], patient: 12 }));
  }
  function rowsWith(delimiter: string) {
    return BOXES.map((box, i) => [`img/${i}.png`, i % 2, box.join(" "), `p${i}`].join(delimiter) + "\n").join("");
  }

  test("names the line of a bad item of an array", async () => {
    const bad = items().map((item, i) => (i === 2 ? { ...item, label: 'x{[,"' } : item));
    const { skipped } = await openDataset(folder({ "manifest.json": JSON.stringify(bad, null, 1) }));
    const line = JSON.stringify(bad, null, 1)
      .split("\n")
      .findIndex((text) => text.includes("img/2.png"));
    expect(skipped.map(({ reason }) => reason)).toEqual([matching(new RegExp(`^line ${line} has the class "x`))]);
  });

  test("finds files by backslashes and in any Unicode form", async () => {
    const [nfc, nfd] = ["Knötchen/é.png", "Knötchen/é.png"].map((name, i) => name.normalize(i === 0 ? "NFC" : "NFD"));
    const dir = folder({
      [`a/${nfc!}`]: pictures[0]!,
      [`b/${nfd!}`]: pictures[1]!,
      "manifest.csv": `${CSV}a/${nfd!},0,${BOXES[0]!.join(" ")},p0\nb\\${nfc!.replace("/", "\\")},1,${BOXES[1]!.join(" ")},p1\nimg\\2.png,0,${BOXES[2]!.join(" ")},p2\n`,
    });
    const { samples, skipped } = await openDataset(dir);
    expect(skipped).toEqual([]);
    expect(samples.map(({ id }) => id)).toEqual([`a/${nfc!}`, `b/${nfc!}`, "img/2.png"]);
  });

  test("may name files anywhere; those outside and behind links are counted in one note", async () => {
    const elsewhere = folder();
    const dir = folder();
    symlinkSync(path.join(elsewhere, "img/3.png"), path.join(dir, "img/link.png"));
    const images = [
      path.join(elsewhere, "img/0.png"),
      `../${path.basename(elsewhere)}/img/1.png`,
      "img/link.png",
      "img/4.png",
    ];
    const rows = images.map((image, i) => `${image},${i % 2},${BOXES[0]!.join(" ")},p${i}\n`);
    writeFileSync(path.join(dir, "manifest.csv"), CSV + rows.join(""));
    const { samples, notes } = await openDataset(dir);
    expect(samples.length).toBe(4);
    expect(notes.filter((note) => note.includes("wherever"))).toEqual([
      matching(
        /read wherever they lie: 2 outside its folder, the first .*; 1 behind symbolic links, the first img\/link.png$/,
      ),
    ]);
    // The folder itself may be a link.
    const link = path.join(temporaryFolder(), "link");
    symlinkSync(folder({ "manifest.csv": CSV + row(0) }), link);
    expect((await openDataset(link)).notes.filter((note) => note.includes("wherever"))).toEqual([]);
  });

  test("tells by width and height on which image boxes were drawn", async () => {
    const rows = ["640,480", "320.0,240.0", "0,0", "200,200", "640,"].map(
      (size, i) => `img/${i}.png,0,100 80 200 150,p${i},${size}\n`,
    );
    const dir = folder({ "manifest.csv": `image,label,boxes,patient,width,height\n${rows.join("")}` });
    const { samples, skipped, notes } = await openDataset(dir);
    const [half, whole] = [
      { x0: 50, y0: 40, x1: 100, y1: 75 },
      { x0: 100, y0: 80, x1: 200, y1: 150 },
    ];
    expect(samples.map(({ boxes }) => boxes)).toEqual([[half], [whole], [whole]]);
    expect(skipped.map(({ reason }) => reason)).toEqual([
      matching(/only one of width and height/),
      matching(/made on an image of 200x200, but it is 320x240/),
    ]);
    expect(notes).toContainEqual(matching(/img\/0.png: its annotation was made on 640x480: scaled to 320x240/));
  });

  test("of 10,000 columns is read like any other", async () => {
    const head = Array.from({ length: 10_000 }, (_, i) => `c${i}`);
    const text = `${[...head, "image", "label", "boxes"].join()}\n${BOXES.map((box, i) => `${",".repeat(head.length)}img/${i}.png,0,${box.join(" ")}\n`).join("")}`;
    const { samples, notes } = await openDataset(folder({ "manifest.csv": text }));
    expect(samples.length).toBe(6);
    expect(notes[0]).toMatch(/^manifest.csv: ignored columns: c0, .* and 9990 more$/);
  });
});

/** A VOC folder of some of the cases, and more files. */
function voc(names: readonly string[], files: Record<string, string | Uint8Array> = {}): string {
  const dir = temporaryFolder();
  mkdirSync(path.join(dir, "JPEGImages"));
  mkdirSync(path.join(dir, "Annotations"));
  for (const name of names)
    cpSync(`${cases}voc/${name}`, path.join(dir, name.endsWith(".xml") ? "Annotations" : "JPEGImages", name));
  writeFiles(dir, files);
  return dir;
}
const both = (name: string) => [`${name}.jpg`, `${name}.xml`];

describe("VOC", () => {
  test("y_resized_later and d_manydigits have their boxes; another shape is left out", async () => {
    const dir = voc([...both("y_resized_later"), ...both("d_manydigits")]);
    const { samples, notes } = await openDataset(dir);
    expect(samples[0]!.boxes.map((box) => Object.values(box).map(Math.round))).toEqual([[50, 40, 140, 100]]);
    expect(samples[1]!.boxes).toEqual([{ x0: 50, y0: 40, x1: 100, y1: 75 }]);
    expect(notes).toEqual([matching(/y_resized_later.xml: its annotation was made on 640x480: scaled to 320x240/)]);
    const file = path.join(dir, "Annotations/y_resized_later.xml");
    const xml = readFileSync(file, "utf8");
    writeFileSync(file, xml.replace("<height>480", "<height>400"));
    expect(reasons(await openDataset(dir))).toEqual({
      "y_resized_later.xml": matching(/made on an image of 640x400, but it is/),
    });
    for (const size of [
      "<size><width>0</width><height>0</height></size>",
      "<size/>",
      "",
      "<size><width>a</width></size>",
    ]) {
      writeFileSync(file, xml.replace(/<size>.*<\/size>/, size));
      expect((await openDataset(dir)).samples[1]!.boxes).toEqual([{ x0: 100, y0: 80, x1: 200, y1: 150 }]);
    }
  });

  test("w_exif6 has its box where the annotation's size says, on the turned or the stored picture", async () => {
    const dir = voc(both("w_exif6"));
    const turned = [{ x0: 140, y0: 50, x1: 200, y1: 140 }];
    const whole = await openDataset(dir);
    expect([whole.samples[0]!.boxes, whole.notes]).toEqual([turned, []]);
    const file = path.join(dir, "Annotations/w_exif6.xml");
    const stored = vocXml("w_exif6", [{ name: "1", box: { x0: 50, y0: 40, x1: 140, y1: 100 } }]);
    writeFileSync(file, stored);
    const { samples, notes } = await openDataset(dir);
    expect(samples[0]!.boxes).toEqual(turned);
    expect(notes).toEqual([matching(/its annotation was made on 320x240, before it was rotated/)]);
    writeFileSync(file, stored.replace(/<size>.*<\/size>/, ""));
    expect((await openDataset(dir)).notes).toEqual([
      matching(/its EXIF orientation is 6: its annotation is taken to be/),
    ]);
  });

  test("zw_twostem: the filename decides between two images, however it is written", async () => {
    const dir = voc([...both("zw_twostem"), "zw_twostem.png"]);
    const file = path.join(dir, "Annotations/zw_twostem.xml");
    const xml = readFileSync(file, "utf8");
    for (const [named, image] of [
      ["zw_twostem.jpg", "zw_twostem.jpg"],
      ["zw_twostem.png", "zw_twostem.png"],
      ["D:\\sets\\img\\ZW_TwoStem.PNG", "zw_twostem.png"],
      ["../images/zw_twostem.jpg", "zw_twostem.jpg"],
    ]) {
      writeFileSync(file, xml.replace("<filename>zw_twostem.jpg", `<filename>${named}`));
      const dataset = await openDataset(dir);
      expect(dataset.samples.map((s) => path.basename(s.file))).toEqual([image]);
      expect(Object.values(reasons(dataset))).toEqual([matching(/zw_twostem.xml is of another image of this name/)]);
    }
    for (const filename of ["", "<filename>zw_twostem</filename>", "<filename>zw_twostem.bmp</filename>"]) {
      writeFileSync(file, xml.replace(/<filename>.*<\/filename>/, filename));
      await expect(openDataset(dir)).rejects.toThrow(
        /2 images have its name, zw_twostem.jpg, zw_twostem.png, and it names/,
      );
    }
  });

  test("an annotation that names another image than its own name does is left out; one without an image of its name is not", async () => {
    const dir = voc(both("d_manydigits"), {
      "JPEGImages/other.jpg": pictures[1]!,
      "JPEGImages/third.png": pictures[2]!,
    });
    const xml = (id: string) => vocXml(id, [{ name: "1.0", box: nodule(0) }]);
    writeFiles(dir, {
      "Annotations/other.xml": xml("D_MANYDIGITS"),
      "Annotations/renamed.xml": xml("third").replace(".jpg", ".PNG"),
    });
    const dataset = await openDataset(dir);
    expect(dataset.samples.map(({ id, file, label }) => [id, path.basename(file), label])).toEqual([
      ["d_manydigits", "d_manydigits.jpg", 1],
      ["renamed", "third.png", 1],
    ]);
    expect(reasons(dataset)).toMatchObject({
      "other.xml": matching(/its name is that of other.jpg, but .* of d_manydigits.jpg/),
    });
  });

  test("imageset-train.txt: names of a split may have extensions and folders", async () => {
    const names = readFileSync(`${cases}voc/imageset-train.txt`, "utf8").split(/\s+/).filter(Boolean);
    const ids = names.map((name) => name.replace(/\.jpg$/, ""));
    const more = ["1.2.840.png", "a b", "1.2.840"];
    const files: Record<string, string | Uint8Array> = {};
    for (const id of [...ids, ...more]) {
      files[`JPEGImages/${id}.jpg`] = pictures[0]!;
      files[`Annotations/${id}.xml`] = vocXml(id, [{ name: "0", box: nodule(0) }]);
    }
    files["ImageSets/Main/train.txt"] = readFileSync(`${cases}voc/imageset-train.txt`);
    files["ImageSets/Main/val.txt"] = "1.2.840.png\r\nJPEGImages/a b.jpg\r\ngone.jpg 1\r\n";
    files["ImageSets/Main/test.txt"] = "\ufeffC:\\x\\1.2.840.JPG -1\n";
    const dataset = await openDataset(voc([], files));
    const on = (side: string) => dataset.samples.filter((s) => s.side === side).map(({ id }) => id);
    expect(on("train").sort()).toEqual(ids.sort());
    expect(on("val").sort()).toEqual(["1.2.840.png", "a b"]);
    expect(on("test")).toEqual(["1.2.840"]);
    expect(reasons(dataset)).toEqual({ Main: matching(/names gone.jpg, which has no annotation/) });
  });

  test("an encoding that the XML declares is followed, where the text is not UTF-8", async () => {
    const xml = (encoding: string) =>
      Buffer.from(`<?xml version="1.0" encoding="${encoding}"?>${vocXml("a", [{ name: "1", box: nodule(0) }])}`);
    // "nodule" in Chinese as GBK has it, which is no UTF-8.
    const word = Buffer.of(0x3c, 0x70, 0x3e, 0xbd, 0xe1, 0xbd, 0xda, 0x3c, 0x2f, 0x70, 0x3e);
    const within = (text: Buffer) => {
      const at = text.indexOf("<filename>");
      return Buffer.concat([text.subarray(0, at), word, text.subarray(at)]);
    };
    const dir = voc([], { "JPEGImages/a.jpg": pictures[0]!, "Annotations/a.xml": within(xml("GBK")) });
    expect((await openDataset(dir)).samples[0]!.label).toBe(1);
    for (const encoding of ["UTF-8", "x-none"]) {
      writeFiles(dir, { "Annotations/a.xml": within(xml(encoding)) });
      await expect(openDataset(dir)).rejects.toThrow(
        /a.xml: is (not UTF-8 text|neither UTF-8 text nor, as it says, x-none)/,
      );
    }
  });

  test("boxes as shares, in the wrong order, of a whole image, and other classes are said to be so", async () => {
    const box = (x0: number, y0: number, x1: number, y1: number) => ({ x0, y0, x1, y1 });
    const all = { shares: box(0.1, 0.2, 0.5, 0.6), turned: box(140, 40, 50, 100), whole: box(0, 0, 320, 240) };
    const files: Record<string, string | Uint8Array> = {};
    for (const [id, place] of Object.entries(all))
      files[`Annotations/${id}.xml`] = vocXml(id, [{ name: "BENIGN", box: place }]);
    files["Annotations/word.xml"] = vocXml("word", [{ name: "nodule", box: nodule(0) }]);
    for (const id of [...Object.keys(all), "word"]) files[`JPEGImages/${id}.jpg`] = pictures[0]!;
    const dataset = await openDataset(voc([], files));
    expect(dataset.samples.map(({ id, label }) => [id, label])).toEqual([["whole", 0]]);
    expect(dataset.notes).toEqual(["Annotations/whole.xml: a box is the whole image"]);
    expect(reasons(dataset)).toEqual({
      "shares.xml": matching(/encloses no pixel: it may be in fractions of the image/),
      "turned.xml": matching(/encloses no pixel: its corners are in the wrong order/),
      "word.xml": matching(/class "nodule"/),
    });
  });
});

test("of two files of one name, neither is taken by chance, in any layout", async () => {
  const mask = await sharp({ create: { width: 320, height: 240, channels: 3, background: "#fff" } })
    .png()
    .toBuffer();
  const tn3k = temporaryFolder();
  writeFiles(tn3k, {
    "test-image/0.jpg": pictures[0]!,
    "test-image/1.jpg": pictures[1]!,
    "test-mask/0.jpg": mask,
    "test-mask/0.png": mask,
    "test-mask/1.png": mask,
  });
  await expect(openDataset(tn3k)).rejects.toThrow(
    /2 left out, the first: .*0.jpg: 2 files have this name: 0.jpg, 0.png/,
  );
  const busBra = temporaryFolder();
  writeFiles(busBra, {
    "bus_data.csv": "ID,Case,Pathology\nbus_0001-l,1.0,benign\n",
    "Images/bus_0001-l.png": pictures[0]!,
    "Images/bus_0001-l.jpg": pictures[1]!,
    "Masks/mask_0001-l.png": mask,
  });
  await expect(openDataset(busBra)).rejects.toThrow(/2 files have this name: bus_0001-l.jpg, bus_0001-l.png/);
});

test("many notes of one kind are one line", async () => {
  const dir = voc([]);
  const files: Record<string, string | Uint8Array> = {};
  for (let i = 0; i < 6; i++) {
    files[`JPEGImages/${i}.jpg`] = pictures[i]!;
    files[`Annotations/${i}.xml`] = vocXml(String(i), [{ name: "0", box: nodule(0) }])
      .replace("320", "640")
      .replace("240", "480");
  }
  writeFiles(dir, files);
  const { notes } = await openDataset(dir);
  expect(notes).toEqual(["Annotations/0.xml and 5 others: its annotation was made on 640x480: scaled to 320x240"]);
  renameSync(path.join(dir, "JPEGImages/0.jpg"), path.join(dir, "JPEGImages/0.JPG"));
  expect((await openDataset(dir)).samples.length).toBe(6);
});
