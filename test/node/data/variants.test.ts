/** Variants of known formats by tools and people: each is read as written, or left out under the right name. */
import { mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import type { Box, Dataset } from "../../../src/data/sample.ts";
import { openDataset, type OpenOptions } from "../../../src/node/data/open.ts";
import { encode, temporaryFolder } from "./images.ts";
import { classOf, maskPng, yoloLine } from "./other-sets.ts";
import { jpeg, nodule, png, vocXml, writeFiles } from "./sets.ts";

type Files = Record<string, string | Uint8Array>;
const matching = (pattern: RegExp) => expect.stringMatching(pattern) as string;
const pictures: Buffer[] = [];
const masks: Buffer[] = [];
beforeAll(async () => {
  for (let i = 0; i < 4; i++) {
    pictures.push(await jpeg(i));
    masks.push(await maskPng(i));
  }
});

async function open(files: Files, options: OpenOptions = {}): Promise<Dataset> {
  const dir = temporaryFolder();
  writeFiles(dir, files);
  return openDataset(dir, options);
}
/** Four images and something for each. */
const four = (of: (i: number) => Files): Files => Object.assign({}, ...[0, 1, 2, 3].map(of)) as Files;
const sides = ({ samples }: Dataset) =>
  Object.fromEntries(samples.map(({ id, side }) => [path.posix.parse(id).name, side]));
const labels = ({ samples }: Dataset) => samples.map(({ label }) => label);

describe.each(["JPEGImages", "flat"])("VOC in %s", (form) => {
  const BOX: Box = { x0: 50, y0: 40, x1: 140, y1: 100 };
  const whole = (id: string) => vocXml(id, [{ name: "1", box: BOX }]);
  const marked = (id: string, inner: string) => whole(id).replace(/<bndbox>.*<\/bndbox>/, inner);
  /** What the annotation `xml` gives, beside one that is plain. */
  async function read(xml: string) {
    const at = (folder: string, name: string) => (form === "flat" ? name : `${folder}/${name}`);
    const dataset = await open({
      [at("JPEGImages", "a.jpg")]: pictures[0]!,
      [at("Annotations", "a.xml")]: xml,
      [at("JPEGImages", "b.jpg")]: pictures[1]!,
      [at("Annotations", "b.xml")]: whole("b"),
    });
    expect(dataset.name).toBe(form === "flat" ? "voc" : "tn5000");
    const sample = dataset.samples.find(({ file }) => file.endsWith("a.jpg"));
    return {
      label: sample?.label,
      boxes: sample?.boxes,
      reason: dataset.skipped.find(({ file }) => file.endsWith("a.xml"))?.reason,
      notes: dataset.notes.filter((note) => note.includes("a.xml")),
    };
  }

  test.each<[string, (id: string) => string]>([
    ["a class 1.0", (id) => whole(id).replace("<name>1<", "<name>1.0<")],
    [
      "tags in capitals",
      (id) => whole(id).replace(/<(\/?)(\w+)>/g, (_, a: string, b: string) => `<${a}${b.toUpperCase()}>`),
    ],
    ["a document type that names a file", (id) => `<!DOCTYPE annotation SYSTEM "a.dtd">\n${whole(id)}`],
    ["exponents", (id) => whole(id).replace("<xmin>50", "<xmin>5.0e+01").replace("<ymax>100", "<ymax>1E2")],
    [
      "parts with boxes of their own",
      (id) =>
        whole(id).replace(
          "<object>",
          "<object><part><name>0</name><bndbox><xmin>60</xmin><ymin>50</ymin><xmax>80</xmax><ymax>60</ymax></bndbox></part>",
        ),
    ],
  ])("with %s is read as it is", async (_, xml) => {
    expect(await read(xml("a"))).toEqual({ label: 1, boxes: [BOX], reason: undefined, notes: [] });
  });

  const edges = "<xmin>-8</xmin><ymin>-4</ymin><xmax>82</xmax><ymax>56</ymax>";
  test.each<[string, string, Box, RegExp]>([
    [
      "a polygon of numbered points",
      "<polygon><x1>50</x1><y1>70</y1><x2>95</x2><y2>40</y2><x3>140</x3><y3>70</y3><x4>95</x4><y4>100</y4></polygon>",
      BOX,
      /a polygon: the box around it/,
    ],
    [
      "a polygon of points",
      "<polygon><pt><x>50</x><y>40</y></pt><pt><x>140</x><y>70</y></pt><pt><x>50</x><y>100</y></pt></polygon>",
      BOX,
      /a polygon: the box around it/,
    ],
    [
      "a rotated box",
      "<robndbox><cx>95</cx><cy>70</cy><w>90</w><h>60</h><angle>0</angle></robndbox>",
      BOX,
      /a rotated box: the box around it/,
    ],
    [
      "a box beyond the image",
      `<bndbox>${edges}</bndbox>`,
      { x0: 0, y0: 0, x1: 82, y1: 56 },
      /extends beyond the image/,
    ],
  ])("with %s is read, and said to be so", async (_, inner, box, note) => {
    expect(await read(marked("a", inner))).toMatchObject({ label: 1, boxes: [box], notes: [matching(note)] });
  });

  test("has no object that is marked as deleted, and counts one that is given twice once", async () => {
    const object = /<object>.*<\/object>/.exec(whole("a"))![0];
    const deleted = object.replace("<object>", "<object><deleted>1</deleted>").replace(">1</name>", ">0</name>");
    const both = await read(whole("a").replace(object, object + deleted + object));
    expect(both).toMatchObject({
      label: 1,
      boxes: [BOX],
      notes: expect.arrayContaining([
        matching(/marked as deleted/),
        matching(/a duplicate box counts once/),
      ]) as string[],
    });
  });

  test.each<[string, (id: string) => string, RegExp]>([
    ["neither box nor polygon", (id) => marked(id, ""), /^object 1 has neither bndbox nor polygon$/],
    [
      "a polygon of two points",
      (id) => marked(id, "<polygon><x1>1</x1><y1>2</y1><x2>9</x2><y2>9</y2></polygon>"),
      /fewer than 3/,
    ],
    [
      "decimal commas",
      (id) => whole(id).replace("<xmin>50", "<xmin>50,5"),
      /bndbox.xmin "50,5" is not a number: .* a point$/,
    ],
    ["x y w h", (id) => marked(id, "<bndbox><x>5</x><y>4</y><w>9</w><h>9</h></bndbox>"), /bndbox has no xmin$/],
    ["declarations", (id) => `<!DOCTYPE a [<!ENTITY b "c">]>${whole(id)}`, /document type with declarations/],
    [
      "the sides of its image exchanged",
      (id) => whole(id).replace("<width>320</width><height>240<", "<width>240</width><height>320<"),
      /of 240x320, but it is 320x240, with width and height swapped: remove the size/,
    ],
  ])("with %s is left out with the reason", async (_, xml, reason) => {
    const { boxes, reason: given } = await read(xml("a"));
    expect(boxes).toBe(undefined);
    expect(given).toMatch(reason);
  });
});

test("many sizes of another shape are one note, which says what can be done", async () => {
  const files: Files = {};
  for (let i = 0; i < 8; i++) {
    const wrong = i < 5 ? "<width>500</width><height>500<" : "<width>320</width><height>240<";
    files[`JPEGImages/${i}.jpg`] = pictures[i % 4]!;
    files[`Annotations/${i}.xml`] = vocXml(`${i}`, [{ name: "1", box: nodule(i) }]).replace(
      "<width>320</width><height>240<",
      wrong,
    );
  }
  const { samples, skipped, notes } = await open(files);
  expect([samples.length, skipped.length]).toEqual([3, 5]);
  expect(notes).toEqual([
    matching(/^5 of 8 annotations say the same size, 500x500, of another shape .* remove the sizes/),
  ]);
});

describe("YOLO's data.yaml", () => {
  const set = (place: (i: number) => string, yaml: string, more: Files = {}): Files => ({
    ...four((i) => ({ [`images/${place(i)}${i}.jpg`]: pictures[i]!, [`labels/${place(i)}${i}.txt`]: yoloLine(i) })),
    "data.yaml": `${yaml}\nnames: [malignant, benign]\n`,
    ...more,
  });
  const halves = (i: number) => (i < 2 ? "train/" : "val/");

  test("says which folder is on which side, whatever they are called", async () => {
    const swapped = await open(set(halves, "train: ../x/images/val\nval: images/train"));
    expect(sides(swapped)).toEqual({ 0: "val", 1: "val", 2: "train", 3: "train" });
    expect(swapped.notes).toContainEqual(
      matching(/data.yaml has images\/\w+\/ for \w+, whatever the folder is called/),
    );
    const own = await open(set((i) => `fold${i % 2}/`, "train: images/fold0\nval: [./images/fold1/]"));
    expect(sides(own)).toEqual({ 0: "train", 1: "val", 2: "train", 3: "val" });
  });

  test("names lists, of names with blanks too; what they name in vain is listed", async () => {
    const lists = {
      "a.txt": "./images/0.jpg\n/x/images/1.jpg\n",
      "b.txt": "images/2.jpg\nimages/3.jpg\nimages/9.jpg\n",
    };
    const dataset = await open(set(() => "", "train: a.txt\nval: b.txt", lists));
    expect(sides(dataset)).toEqual({ 0: "train", 1: "train", 2: "val", 3: "val" });
    expect(dataset.skipped.map(({ reason }) => reason)).toEqual(["line 3 names images/9.jpg, which is missing"]);
    const blanks = four((i) => ({ [`images/a ${i}.jpg`]: pictures[i]!, [`labels/a ${i}.txt`]: yoloLine(i) }));
    const usual = await open({
      ...blanks,
      "train.txt": "images/a 0.jpg\nimages/a 1.jpg\n",
      "val.txt": "a 2\na 3.jpg\n",
    });
    expect(sides(usual)).toEqual({ "a 0": "train", "a 1": "train", "a 2": "val", "a 3": "val" });
  });

  test("gives no split where it trains on what it holds out, and says what it has elsewhere", async () => {
    const same = await open(set(() => "", "train: images\nval: images"));
    expect(sides(same)).toEqual({ 0: undefined, 1: undefined, 2: undefined, 3: undefined });
    expect(same.notes).toContainEqual(matching(/for train and val: its split is not used/));
    const twice = await open(set(halves, "train: images/train\nval: images/val\ntest: images/val"));
    expect(sides(twice)).toEqual({ 0: "train", 1: "train", 2: "val", 3: "val" });
    expect(twice.notes).toContainEqual(matching(/the same images for val and test: they are val/));
    const gone = await open(set(halves, "train: images/train\nval: images/val\ntest: /data/other"));
    expect(gone.notes).toContainEqual(matching(/data.yaml: test: \/data\/other is not in this set/));
  });
});

test("a list of a side and a folder for another contradict each other", async () => {
  const files = four((i) => ({
    [`${i < 2 ? "train" : "val"}/${i}.jpg`]: pictures[i]!,
    [`${i < 2 ? "train" : "val"}/${i}.xml`]: vocXml(`${i}`, [{ name: classOf(i), box: nodule(i) }]),
  }));
  const { samples, skipped } = await open({ ...files, "train.txt": "train/0.jpg\nval/2.jpg\n" });
  expect(samples.map(({ side }) => side)).toEqual(["train", "train", "val"]);
  expect(skipped.map(({ reason }) => reason)).toEqual([
    "lies in a folder for val, but the set's own split has it for train",
  ]);
});

test("a table beside boxes gives classes and patients; where the two contradict each other there is no class", async () => {
  const files = four((i) => ({
    [`images/${i}.jpg`]: pictures[i]!,
    [`annotations/${i}.xml`]: vocXml(`${i}`, [{ name: i === 3 ? "benign" : "nodule", box: nodule(i) }]),
  }));
  const table = "img_path,class_name,patient\n/d/images/0.jpg,benign,p\n1,malignant,p\n2.jpg,0,q\n3.jpg,1,q\n";
  const dataset = await open({ ...files, "labels.csv": table });
  expect(labels(dataset)).toEqual([0, 1, 0, undefined]);
  expect(dataset.samples.map(({ group }) => group)).toEqual(["patient p", "patient p", "patient q", "patient q"]);
  expect(dataset.notes).toContainEqual(matching(/annotation has another class than its table/));
});

test("folders of any name within images/ and masks/, obj_train_data, and m_1 beside i_1 are read", async () => {
  const deep = await open(four((i) => ({ [`images/p${i}/1.png`]: pictures[i]!, [`masks/p${i}/1.png`]: masks[i]! })));
  expect(deep.samples.map(({ id, boxes }) => [id, boxes])).toEqual(
    [0, 1, 2, 3].map((i) => [`images/p${i}/1.png`, [nodule(i)]]),
  );
  const names = await open({
    ...four((i) => ({ [`obj_train_data/${i}.jpg`]: pictures[i]!, [`obj_train_data/${i}.txt`]: yoloLine(i) })),
    "obj.names": "malignant\nbenign\n",
    "train.txt": "data/obj_train_data/0.jpg\n",
  });
  expect(labels(names)).toEqual([0, 1, 0, 1]);
  const initials = await open(four((i) => ({ [`i_${i}.png`]: pictures[i]!, [`m_${i}.png`]: masks[i]! })));
  expect(initials.samples.map(({ id, boxes }) => [id, boxes])).toEqual(
    [0, 1, 2, 3].map((i) => [`i_${i}.png`, [nodule(i)]]),
  );
});

test("links to folders are followed and counted, but for one to a folder around it", async () => {
  const [real, dir] = [temporaryFolder(), temporaryFolder()];
  writeFiles(
    real,
    four((i) => ({ [`images/${i}.png`]: pictures[i]!, [`masks/${i}.png`]: masks[i]! })),
  );
  for (const folder of ["images", "masks"]) symlinkSync(path.join(real, folder), path.join(dir, folder));
  symlinkSync(real, path.join(real, "masks", "test"));
  const { samples, notes } = await openDataset(dir);
  expect(samples.length).toBe(4);
  expect(notes).toContainEqual(matching(/wherever they lie: 4 behind symbolic links, the first .*0\.png$/));
  mkdirSync(path.join(dir, "train"));
  expect((await openDataset(real)).notes).not.toContainEqual(matching(/symbolic links/));
});

test("--masks-inverted without a mask is said to have no effect", async () => {
  const files = four((i) => ({
    [`${i}.jpg`]: pictures[i]!,
    [`${i}.xml`]: vocXml(`${i}`, [{ name: "1", box: nodule(i) }]),
  }));
  const without = matching(/--masks-inverted has no effect: no image/);
  expect((await open(files, { masksInverted: true })).notes).toContainEqual(without);
  expect((await open(files)).notes).not.toContainEqual(without);
});

describe("lines in a mask", () => {
  const [A, WIDTH, HEIGHT] = [{ x0: 50, y0: 40, x1: 140, y1: 100 }, 320, 240];
  const inside = (x: number, y: number) => ((x - 94.5) / 45) ** 2 + ((y - 69.5) / 30) ** 2 < 1;
  async function read(lit: (x: number, y: number) => boolean) {
    const grey = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) =>
      lit(i % WIDTH, Math.floor(i / WIDTH)) || inside(i % WIDTH, Math.floor(i / WIDTH)) ? 255 : 0,
    );
    const mask = await encode({ width: WIDTH, height: HEIGHT, grey }).toColourspace("b-w").png().toBuffer();
    const { samples, notes } = await open({ "images/a.png": pictures[0]!, "masks/a.png": mask });
    return { boxes: samples[0]!.boxes, notes };
  }
  const at = (value: number, ...places: number[]) => places.includes(value);

  test.each<[string, (x: number, y: number) => boolean, RegExp]>([
    ["a frame", (x, y) => at(x, 0, 319) || at(y, 0, 239), /line along 4 of its borders: left out/],
    ["one border", (_, y) => y >= 237, /line along 1 of its borders: left out/],
    [
      "a frame within",
      (x, y) => x > 3 && x < 316 && y > 3 && y < 236 && (at(x, 4, 315) || at(y, 4, 235)),
      /1 line in .*frame/,
    ],
    ["a ruler", (x, y) => x === 300 && y > 20 && y < 220, /1 line in .*ruler/],
    ["a line across the nodule", (x, y) => at(y, 69, 70) && x > 20 && x < 200, /1 line in .*ruler/],
  ])("such as %s are left out, which a note says", async (_, lit, note) => {
    const { boxes, notes } = await read(lit);
    expect(boxes).toEqual([A]);
    expect(notes).toContainEqual(matching(note));
  });

  test("are what an outline is drawn in; small parts count, which a note says", async () => {
    const { boxes, notes } = await read((x, y) => Math.abs(x - 220) < 5 && Math.abs(y - 60) < 5);
    expect(boxes).toEqual([A, { x0: 216, y0: 56, x1: 225, y1: 65 }]);
    expect(notes).toContainEqual(matching(/a part of its mask is as small as 2 % of the largest/));
    const ring = (x: number, y: number) => Math.abs(((x - 229.5) / 60) ** 2 + ((y - 159.5) / 50) ** 2 - 1) < 0.05;
    const grey = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) =>
      ring(i % WIDTH, Math.floor(i / WIDTH)) ? 255 : 0,
    );
    const mask = await sharp(grey, { raw: { width: WIDTH, height: HEIGHT, channels: 1 } })
      .png()
      .toBuffer();
    const { samples } = await open({ "images/a.png": pictures[0]!, "masks/a.png": mask });
    expect(samples[0]!.boxes).toEqual([{ x0: 169, y0: 109, x1: 291, y1: 211 }]);
  });
});

describe("a manifest", () => {
  const read = async (content: string | Uint8Array, name = "manifest.csv") => {
    const files: Files = { [name]: content };
    for (let i = 0; i < 3; i++) files[`img/${i}.png`] = await png(i);
    return open(files);
  };
  const rows = (box: string, patient = (i: number) => `p${i}`) =>
    `,image,label,boxes,patient\n${[0, 1, 2].map((i) => `${i},img/${i}.png,${i % 2},${box},${patient(i)}\n`).join("")}`;

  test.each<[string, string | Uint8Array, string, RegExp[]]>([
    ["Manifest.CSV with a column of numbers", rows("50 40 140 100"), "Manifest.CSV", []],
    [
      "boxes within 100 pixels",
      rows("15.6 16.7 43.8 41.7"),
      "manifest.csv",
      [/within 100 pixels .* if they are percent$/],
    ],
    [
      "patients that a spreadsheet rounded",
      rows("50 40 140 100", (i) => ["1.2E+11", "1000", "1e3"][i]!),
      "manifest.csv",
      [/look alike, such as 1000 and 1e3/, /such as 1.2E\+11 were rounded/],
    ],
    [
      "one box as an object",
      [0, 1, 2]
        .map((i) =>
          JSON.stringify({ image: `img/${i}.png`, label: 1, patient: i, boxes: { x: 5, y: 4, w: 90, h: 60 } }),
        )
        .join("\n"),
      "manifest.json",
      [],
    ],
  ])("with %s is read", async (_, content, name, notes) => {
    const dataset = await read(content, name);
    expect(dataset.samples.length).toBe(3);
    expect(dataset.notes).toEqual(notes.map(matching));
  });

  test.each<[string, string | Uint8Array, string, RegExp]>([
    ["UTF-16 without a mark", Buffer.from(rows("50 40 140 100"), "utf16le"), "manifest.csv", /UTF-16 without a byte/],
    ["other columns", "filename,class\nimg/0.png,1\n", "manifest.csv", /no column "image", but "filename", "class"$/],
    [
      "no boxes",
      "image,x0,y0,x1,y1\nimg/0.png,1,2,9,9\n",
      "manifest.csv",
      /no column "boxes" or "mask", but "image", "x0", .*in one cell/,
    ],
    ["percent", "image,boxes\nimg/0.png,1% 2% 9% 9%\n", "manifest.csv", /in percent: pixels are needed/],
    ["a path of Windows", "image,boxes\nC:\\d\\0.png,1 2 90 90\n", "manifest.csv", /is a path on a Windows drive/],
    ["one object", '{\n "images": [] }', "manifest.json", /is one JSON object, of "images"/],
  ])("with %s is refused by name", async (_, content, name, message) => {
    await expect(read(content, name)).rejects.toThrow(message);
  });
});
