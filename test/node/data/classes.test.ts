/** Classes of data sets: requested, their own, TI-RADS grades; and normal tissue, known to have no nodule. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { benignMalignant, classesOf } from "../../../src/data/classes.ts";
import { isBare, type Dataset } from "../../../src/data/sample.ts";
import { inspectSet } from "../../../src/node/data/inspect.ts";
import { openDataset, type OpenOptions } from "../../../src/node/data/open.ts";
import { prepareDataset } from "../../../src/node/data/prepare.ts";
import { MANIFEST, writePreparedFolder } from "../../../src/node/data/prepared-folder.ts";
import { readSplitFile } from "../../../src/node/data/split-file.ts";
import { splitData } from "../../../src/runs/sides.ts";
import { folderImages } from "../../../src/node/image-source.ts";
import { balancedWeights, SplitData } from "../../../src/runs/split-data.ts";
import { PHANTOM, presetFor } from "../../../src/train/config.ts";
import { caseXml, outline, svg } from "../../data/ddti-case.ts";
import { temporaryFolder } from "./images.ts";
import { cocoFile, cvatBox, cvatImage, cvatXml, labelmeFile, writeMasks } from "./other-sets.ts";
import { jpeg, nodule, png, vocXml, writeBusi, writeFiles, writers } from "./sets.ts";

const quick = presetFor("quick", PHANTOM);
const three = ["benign", "malignant", "normal"];
const named = ({ samples, classes }: Dataset) =>
  samples.map(({ id, label }) => [id, label === undefined ? undefined : classes.names[label]]);
const open = async (dir: string, options: OpenOptions = {}) => {
  const dataset = await openDataset(dir, options);
  return { dataset, names: dataset.classes.names, note: dataset.notes[0] ?? "" };
};
const reasons = ({ skipped }: Dataset) => skipped.map(({ reason }) => reason);
const manifestOf = async (dir: string, labels: readonly string[], column = "label") => {
  const files: Record<string, string | Uint8Array> = {};
  for (const i of labels.keys()) files[`${i}.png`] = await png(i);
  const rows = labels.map((label, i) => `${i}.png,${label},${Object.values(nodule(i)).join(" ")}`);
  files["manifest.csv"] = `image,${column},boxes\n${rows.join("\n")}\n`;
  writeFiles(dir, files);
};

describe("BUSI", () => {
  const black = () => sharp({ create: { width: 320, height: 240, channels: 3, background: "#000000" } }).png().toBuffer(); // prettier-ignore

  test("has its normal images as a class where they are asked for, with an empty outline", async () => {
    const dir = temporaryFolder();
    await writeBusi(dir, 2);
    const plain = await openDataset(dir);
    expect(plain.classes).toEqual(benignMalignant);
    expect(reasons(plain)).toEqual([expect.stringContaining("--classes benign,malignant,normal")]);
    const { dataset } = await open(dir, { classes: three });
    expect(dataset.classes).toEqual({ names: three, positive: 1 });
    expect(named(dataset).at(-1)).toEqual(["normal (1)", "normal"]);
    expect(dataset.samples.at(-1)).toMatchObject({ boxes: [], outline: "none" });
    expect(dataset.samples.slice(0, -1)).toEqual(plain.samples);
    expect([dataset.skipped, dataset.notes]).toEqual([[], []]);
  });

  test("keeps what is known of normal tissue when it is prepared, inspected, split and trained with", async () => {
    const dir = temporaryFolder();
    await writeBusi(dir, 4);
    for (const i of [2, 3, 4]) {
      writeFiles(dir, { [`normal/normal (${i}).png`]: await png(60 + i), [`normal/normal (${i})_mask.png`]: await black() }); // prettier-ignore
    }
    const config = { ...quick, data: dir, classes: three, size: [64, 64] as [number, number], val: 0.25 };
    const { prepared, classes, skipped } = await folderImages.prepare(config);
    expect([prepared.length, skipped]).toEqual([12, []]);
    expect(prepared.filter(({ outline }) => outline === "none").map(({ label }) => label)).toEqual([2, 2, 2, 2]);
    expect(prepared.some(isBare)).toBe(false);
    const { train, val } = splitData(prepared, config, { classes, read: readSplitFile });
    const byClass = (images: typeof train) => [0, 1, 2].map((c) => images.filter(({ label }) => label === c).length);
    expect([byClass(train), byClass(val)]).toEqual([[3, 3, 3], [1, 1, 1]]); // prettier-ignore
    const data = new SplitData(
      folderImages,
      { train, val },
      { ...config, classWeights: "balanced", sampling: "balanced" },
    );
    expect(data.classWeights).toEqual([1, 1, 1]);
    expect(data.bare.size).toBe(0);
    for await (const { ids, label, target } of data.validation()) {
      for (const [i, id] of ids.entries()) {
        const marked = target.subarray(i * 64 * 64, (i + 1) * 64 * 64).some((t) => t > 0);
        expect([label[i], marked]).toEqual([three.indexOf(id.split(" ")[0]!), !id.startsWith("normal")]);
      }
    }
    await data.close();
    const dataset = await openDataset(dir, { classes: three });
    const found = inspectSet(dataset, prepared, [], []);
    expect(found.byClass).toEqual({ benign: 4, malignant: 4, normal: 4, unlabelled: 0 });
    expect(found.patientsByClass).toEqual({ benign: 4, malignant: 4, normal: 4, unlabelled: 0 });
    expect([found.classes, found.positive]).toEqual([three, "malignant"]);
    expect(found.boxesPerImage).toMatchObject({ "0": 4 });
  });

  test("is the same after it went through a prepared folder", async () => {
    const [dir, out] = [temporaryFolder(), path.join(temporaryFolder(), "out")];
    await writeBusi(dir, 2);
    const dataset = await openDataset(dir, { classes: three });
    const settings = { data: dir, size: [64, 64] as [number, number], crop: "none" as const };
    const { entries, skipped } = await writePreparedFolder(dataset, out, settings, { workers: 1 });
    expect([entries.length, skipped]).toEqual([5, []]);
    const rows = readFileSync(path.join(out, MANIFEST), "utf8").split("\n");
    expect(rows[0]).toBe("image,label,boxes,mask,outline,patient,split,fold,cropped,source");
    expect(rows[5]).toMatch(/^images\/normal \(1\)\.png,normal,,masks\/normal \(1\)\.png,none,/);
    const mask = await sharp(path.join(out, "masks/normal (1).png")).raw().toBuffer();
    expect(mask.every((level) => level === 0)).toBe(true);
    const again = await openDataset(out, { classes: three });
    expect(again.samples.map(({ label, outline }) => [label, outline])).toEqual(
      dataset.samples.map(({ label, outline }) => [label, outline]),
    );
    const { reused } = await writePreparedFolder(dataset, out, settings, { workers: 1 });
    expect(reused).toBe(5);
  });

  test("leaves out a normal image on which a nodule is marked", async () => {
    const dir = temporaryFolder();
    await writeBusi(dir, 2);
    writeFiles(dir, {
      "normal/normal (2).png": await png(62),
      "normal/normal (2)_mask.png": readFileSync(path.join(dir, "benign/benign (1)_mask.png")),
    });
    const { dataset } = await open(dir, { classes: three });
    expect(reasons(dataset)).toEqual(["is of normal tissue, but a nodule is marked on it"]);
  });
});

describe("classes that are asked for", () => {
  test("are in their order, whatever their case; others are left out with a reason", async () => {
    const dir = temporaryFolder();
    await writeBusi(dir, 2);
    const { dataset, note } = await open(dir, { classes: ["Normal", "BENIGN"] });
    expect(dataset.classes).toEqual({ names: ["Normal", "BENIGN"], positive: 1 });
    expect(dataset.samples.map(({ label }) => label)).toEqual([1, 1, 0]);
    expect(reasons(dataset)).toEqual(Array(2).fill('is of the class "malignant", which --classes does not name'));
    expect(note).toBe("");
    expect((await open(dir, { classes: ["malignant", "benign"] })).dataset.classes.positive).toBe(0);
    expect((await open(dir, { classes: three, positive: "normal" })).dataset.classes.positive).toBe(2);
  });

  test("need an image each, unless a model is evaluated; else the names of the set are listed", async () => {
    const dir = temporaryFolder();
    await writeBusi(dir, 2);
    await expect(openDataset(dir, { classes: ["benign", "cyst", "fat"] })).rejects.toThrow(
      `${dir}: no image is cyst or fat: it has benign (2), malignant (2), normal (1)`,
    );
    const { dataset } = await open(dir, { classes: ["benign", "cyst"], missingClasses: "allow" });
    expect(dataset.samples.map(({ label }) => label)).toEqual([0, 0]);
    await expect(openDataset(dir, { classes: ["benign"] })).rejects.toThrow("1 class is not possible");
    await expect(openDataset(dir, { positive: "cyst" })).rejects.toThrow('class "cyst" is none of benign, malignant');
  });

  test.each(Object.keys(writers))("of %s may be benign and malignant in any order", async (format) => {
    const dir = temporaryFolder();
    await writers[format]!(dir, 4);
    const plain = await openDataset(dir);
    const same = await openDataset(dir, { classes: ["benign", "malignant"] });
    expect(same).toEqual(plain);
    const turned = await openDataset(dir, { classes: ["malignant", "benign"] });
    expect(turned.classes).toEqual({ names: ["malignant", "benign"], positive: 0 });
    expect(named(turned)).toEqual(named(plain));
  });

  test("are words of names with --label-from name, and folders", async () => {
    const dir = temporaryFolder();
    for (const [i, name] of ["cyst 1", "solid 2", "colloid cyst 3", "no cyst 4"].entries()) {
      writeFiles(dir, { [`images/${name}.png`]: await png(i), [`masks/${name}.png`]: await maskFor(i) });
    }
    const { dataset } = await open(dir, { classes: ["cyst", "solid", "colloid cyst"], labelFrom: "name" });
    expect(named(dataset).map(([, name]) => name)).toEqual(["colloid cyst", "cyst", undefined, "solid"]);
    const folders = temporaryFolder();
    for (const [i, name] of ["Colloid_Cyst", "solid"].entries()) {
      writeFiles(folders, { [`${name}/images/${i}.png`]: await png(i), [`${name}/masks/${i}.png`]: await maskFor(i) });
    }
    const found = await open(folders, { classes: ["solid", "colloid cyst"] });
    expect(found.dataset.samples.map(({ label }) => label)).toEqual([1, 0]);
  });

  test("may be numbers, which then are no places in a list", async () => {
    const dir = temporaryFolder();
    await manifestOf(dir, ["0", "1", "2", "2.0"]);
    const { dataset } = await open(dir, { classes: ["2", "1", "0"] });
    expect(dataset.samples.map(({ label }) => label)).toEqual([2, 1, 0, 0]);
  });
});

const maskFor = async (i: number) => {
  const dir = temporaryFolder();
  await writeMasks(dir, i + 1);
  return readFileSync(path.join(dir, `masks/${i}.png`));
};

describe("classes of its own, where nothing is called benign or malignant,", () => {
  const note =
    /^classes: cyst, solid, spongiform \(the set's own, in alphabetical order\); the positive class is spongiform: --positive chooses another$/;
  const kinds = ["solid", "cyst", "Spongiform".toLowerCase()];

  test("has a manifest", async () => {
    const dir = temporaryFolder();
    await manifestOf(dir, ["solid", "cyst", "spongiform", "Solid", "", "cyst"]);
    const found = await open(dir);
    expect(found.names).toEqual(["cyst", "solid", "spongiform"]);
    expect(found.dataset.samples.map(({ label }) => label)).toEqual([1, 0, 2, 1, undefined, 0]);
    expect(found.note).toMatch(note);
    expect((await open(dir, { positive: "cyst" })).note).toBe(
      "classes: cyst, solid, spongiform (the set's own, in alphabetical order)",
    );
  });

  test("have class folders, with sides or without", async () => {
    for (const place of [(kind: string) => kind, (kind: string) => `train/${kind}`]) {
      const dir = temporaryFolder();
      for (const i of [0, 1, 2, 3, 4, 5]) writeFiles(dir, { [`${place(kinds[i % 3]!)}/${i}.png`]: await png(i) });
      const found = await open(dir);
      expect(found.note).toMatch(note);
      expect(named(found.dataset).map(([id, name]) => `${id}`.split("/").at(-2) === name)).toEqual(Array(6).fill(true));
      expect(found.dataset.name).toBe("classes");
    }
  });

  test("have COCO, VOC, CVAT, labelme and tables beside masks", async () => {
    const six = [0, 1, 2, 3, 4, 5];
    const kind = (i: number) => kinds[i % 3]!;
    const sets: Record<string, Record<string, string>> = {
      coco: {
        "annotations.json": JSON.stringify({
          ...cocoFile(six),
          annotations: cocoFile(six).annotations.map((a, i) => ({ ...a, category_id: i % 3 })),
          categories: kinds.map((name, id) => ({ id, name })),
        }),
      },
      voc: Object.fromEntries(six.map((i) => [`${i}.xml`, vocXml(`${i}`, [{ name: kind(i), box: nodule(i) }])])),
      cvat: { "annotations.xml": cvatXml(six.map((i) => cvatImage(`${i}.jpg`, cvatBox(i, kind(i))))) },
      labelme: Object.fromEntries(
        six.map((i) => {
          const file = labelmeFile(i);
          return [`${i}.json`, JSON.stringify({ ...file, shapes: [{ ...file.shapes[0], label: kind(i) }] })];
        }),
      ),
    };
    for (const [format, files] of Object.entries(sets)) {
      const dir = temporaryFolder();
      for (const i of six) writeFiles(dir, { [`${i}.jpg`]: await jpeg(i) });
      writeFiles(dir, files);
      const found = await open(dir);
      expect([found.dataset.name, found.names]).toEqual([format, ["cyst", "solid", "spongiform"]]);
      expect(
        named(found.dataset).map(([, name]) => name),
        format,
      ).toEqual(six.map(kind));
      expect(found.note).toMatch(note);
    }
    const dir = temporaryFolder();
    await writeMasks(dir, 6);
    writeFiles(dir, { "labels.csv": `image,label\n${six.map((i) => `${i}.png,${kind(i)}\n`).join("")}` });
    const found = await open(dir);
    expect(named(found.dataset).map(([, name]) => name)).toEqual(six.map(kind));
  });

  test.each([
    ["one word of benign or malignant", ["benign", "cyst", "solid", "cyst"]],
    ["0 or 1", ["0", "cyst", "solid", "cyst"]],
    ["a denial", ["non-malignant", "cyst", "solid", "cyst"]],
    ["a misspelt word", ["malignat", "benin", "malignat", "benin"]],
    ["a word of another language", ["maligno", "benigno", "maligno", "benigno"]],
    ["numbers only", ["2", "3", "2", "3"]],
    ["names that differ in numbers only", ["case 1", "case 2", "case 1", "case 2"]],
    ["a name for each image", ["oval", "round", "tall", "wide"]],
    ["anatomy", ["trachea", "cyst", "trachea", "cyst"]],
  ])("has no manifest with %s: what is neither is refused as before", async (_, labels) => {
    const dir = temporaryFolder();
    await manifestOf(dir, labels);
    writeFiles(dir, { "manifest.csv": `${readFileSync(path.join(dir, "manifest.csv"), "utf8")}5.png,,1 1 90 90\n`, "5.png": await png(5) }); // prettier-ignore
    const dataset = await openDataset(dir);
    expect(dataset.classes).toEqual(benignMalignant);
    expect(dataset.skipped.length).toBe(labels.filter((label) => !["benign", "0"].includes(label)).length);
    expect(reasons(dataset)[0]).toMatch(/has the class ".*", which is neither/);
  });

  test("have no folders that may be anything else", async () => {
    const refused = async (files: Record<string, number | string>) => {
      const dir = temporaryFolder();
      for (const [name, content] of Object.entries(files)) {
        writeFiles(dir, { [name]: typeof content === "number" ? await png(content) : content });
      }
      await expect(openDataset(dir), Object.keys(files).join()).rejects.toThrow("no known layout");
    };
    await refused({ "patient1/a.png": 1, "patient1/b.png": 2, "patient2/a.png": 3, "patient2/b.png": 4 });
    await refused({ "cyst/a.png": 1, "cyst/b.png": 2, "cyst/c.png": 3 });
    await refused({ "cyst/a.png": 1, "cyst/a.dat": "x", "solid/a.png": 2, "solid/b.png": 3 });
    await refused({ "cyst/a.png": 1, "solid/a.png": 2, "solid/b/c.png": 3, "solid/d.png": 4 });
    await refused({ "benin/a.png": 1, "benin/b.png": 2, "malign/a.png": 3, "malign/b.png": 4 });
  });
});

describe("TI-RADS grades", () => {
  const writeGrades = async (dir: string, grades: readonly string[]) => {
    mkdirSync(dir, { recursive: true });
    for (const [i, grade] of grades.entries()) {
      const { x0, y0, x1, y1 } = nodule(i);
      writeFileSync(path.join(dir, `${i + 1}_1.jpg`), await jpeg(i));
      const marks = [{ image: 1, svg: svg(outline(x0, y0, x1, y1)) }];
      writeFileSync(path.join(dir, `${i + 1}.xml`), caseXml(i + 1, grade, marks));
    }
  };

  test("are DDTI's classes where they are asked for, in ascending order, the highest as the positive class", async () => {
    const dir = temporaryFolder();
    await writeGrades(dir, ["5", "4A", "2", "", "4b", "2"]);
    const { dataset, note } = await open(dir, { target: "tirads" });
    expect(dataset.classes).toEqual({ names: ["2", "4a", "4b", "5"], positive: 3 });
    expect(dataset.samples.map(({ label }) => label)).toEqual([3, 1, 0, undefined, 2, 0]);
    expect(note).toBe("classes: 2, 4a, 4b, 5 (TI-RADS grades); the positive class is 5: --positive chooses another");
    const plain = await openDataset(dir);
    expect(plain.samples.map(({ label }) => label)).toEqual([1, 1, 0, undefined, 1, 0]);
    const some = await open(dir, { target: "tirads", classes: ["5", "TR2"], positive: "5" });
    expect(some.dataset.classes).toEqual({ names: ["5", "2"], positive: 0 });
    expect(reasons(some.dataset)).toEqual([
      'is of the class "4a", which --classes does not name',
      'is of the class "4b", which --classes does not name',
    ]);
    await expect(openDataset(dir, { target: "tirads", classes: ["2", "3"] })).rejects.toThrow(
      "no image is 3: it has 2 (2), 4a (1), 4b (1), 5 (1)",
    );
    await expect(openDataset(dir, { target: "tirads", classes: ["2", "benign"] })).rejects.toThrow(
      "not a TI-RADS grade",
    );
  });

  test("are read from columns of tables and manifests, and from names of objects", async () => {
    const manifest = temporaryFolder();
    await manifestOf(manifest, ["TR2", "4a", "", "5.0"], "tirads");
    const found = await open(manifest, { target: "tirads" });
    expect(named(found.dataset).map(([, name]) => name)).toEqual(["2", "4a", undefined, "5"]);
    const tables = temporaryFolder();
    await writeMasks(tables, 4);
    writeFiles(tables, { "labels.csv": "image,label,TI-RADS\n0.png,0,2\n1.png,1,4a\n2.png,0,3\n3.png,1,x\n" });
    const { dataset } = await open(tables, { target: "tirads" });
    expect(named(dataset).map(([, name]) => name)).toEqual(["2", "4a", "3", undefined]);
    expect(reasons(dataset)).toEqual(['line 5 has the TI-RADS score "x", which is not known']);
    const voc = temporaryFolder();
    for (const [i, name] of ["TR4", "TI-RADS 3", "nodule"].entries()) {
      writeFiles(voc, { [`${i}.jpg`]: await jpeg(i), [`${i}.xml`]: vocXml(`${i}`, [{ name, box: nodule(i) }]) });
    }
    expect(named((await open(voc, { target: "tirads" })).dataset).map(([, name]) => name)).toEqual([
      "4",
      "3",
      undefined,
    ]);
  });

  test("are refused of sets that have none", async () => {
    const busi = temporaryFolder();
    await writeBusi(busi, 2);
    await expect(openDataset(busi, { target: "tirads" })).rejects.toThrow("the busi layout has no TI-RADS grades");
    const masks = temporaryFolder();
    await writeMasks(masks, 4);
    await expect(openDataset(masks, { target: "tirads" })).rejects.toThrow("there are no TI-RADS grades to tell apart");
    await expect(folderImages.prepare({ ...quick, target: "tirads" })).rejects.toThrow("the phantom has no TI-RADS");
    await expect(folderImages.prepare({ ...quick, classes: three })).rejects.toThrow("benign and malignant only");
  });
});

test("balanced weights of three classes are scikit-learn's", () => {
  const labels = [0, 0, 0, 1, 2, 2];
  const classes = classesOf(three);
  expect(balancedWeights(labels, classes, "x")).toEqual([6 / 9, 2, 1]);
  expect(() => balancedWeights([0, 1], classes, "x")).toThrow("x: no training image is normal");
});

test("an image of normal tissue whose crop holds all of it stays; one whose nodule is cropped away does not", async () => {
  const dir = temporaryFolder();
  await writeBusi(dir, 2);
  const { dataset } = await open(dir, { classes: three });
  const { prepared } = await prepareDataset(dataset, { width: 32, height: 32, crop: "none", workers: 1 });
  expect(prepared.map(isBare)).toEqual(prepared.map(() => false));
  expect(isBare({ boxes: [] })).toBe(true);
});
