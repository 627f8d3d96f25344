/** Sets that a page is given are read as from disk: same samples, notes and reasons, but for the folder's place. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { formats } from "../../src/data/layouts/registry.ts";
import { type OpenOptions, openSet } from "../../src/data/open-set.ts";
import type { PictureName } from "../../src/data/picture-name.ts";
import type { Dataset } from "../../src/data/sample.ts";
import { openDataset } from "../../src/node/data/open.ts";
import { temporaryFolder } from "../node/data/images.ts";
import { greyPng, maskPng, otherWriters } from "../node/data/other-sets.ts";
import { jpeg, nodule, png, vocXml, writeFiles, writers } from "../node/data/sets.ts";
import { filesBelow, memorySet } from "../support/memory-set.ts";

const allWriters = { ...writers, ...otherWriters };

/** What both ways say of a set, with names relative to the folder that it lies in. */
async function bothWays(dir: string, options: OpenOptions = {}) {
  const outer = `${path.dirname(dir)}${path.sep}`;
  const short = (text: string) => text.replaceAll(outer, "");
  const place = ({ dir: called, samples, skipped, ...rest }: Dataset) => ({
    ...rest,
    called: short(called ?? ""),
    samples: samples.map((sample) => ({ ...sample, file: short(sample.file) })),
    skipped: skipped.map(({ file, reason }) => ({ file: short(file), reason: short(reason) })),
  });
  const outcome = (opened: Promise<Dataset>) =>
    opened.then(place).catch((error: unknown) => `${(error as Error).name}: ${short((error as Error).message)}`);
  return {
    disk: await outcome(openDataset(dir, options)),
    page: await outcome(openSet(memorySet(filesBelow(dir)), options)),
  };
}

function newSet(name = "set"): string {
  const dir = path.join(temporaryFolder(), name);
  mkdirSync(dir);
  return dir;
}

test("every layout is tried", () => expect(Object.keys(allWriters).sort()).toEqual([...formats].sort()));

describe.each(Object.keys(allWriters))("%s", (format) => {
  test("is read as from disk, whole and without some of its files", async () => {
    const dir = newSet();
    await allWriters[format]!(dir, 6);
    const { disk, page } = await bothWays(dir);
    expect(disk).toMatchObject({ name: format, called: "set" });
    expect(page).toEqual(disk);
    const names = Object.keys(filesBelow(dir));
    const files = Object.fromEntries(Object.entries(filesBelow(dir)).filter((_, i) => i % 5 !== 3));
    const torn = newSet();
    writeFiles(path.dirname(torn), files);
    expect(Object.keys(files).length).toBeLessThan(names.length);
    const some = await bothWays(torn);
    expect(some.page).toEqual(some.disk);
  });
});

test("damaged annotations, images and masks, hidden and unknown files: the same reasons", async () => {
  const dir = newSet();
  const box = nodule(0);
  writeFiles(dir, {
    "images/a.jpg": await jpeg(0),
    "images/b.jpg": (await jpeg(1)).subarray(0, 100),
    "images/c.jpg": await jpeg(2),
    "images/d.jpg": await jpeg(3),
    "images/.e.jpg": await jpeg(4),
    ".trash/f.jpg": await jpeg(5),
    "else/g.jpg": await jpeg(6),
    "annotations/a.xml": vocXml("a", [{ name: "malignant", box }]),
    "annotations/b.xml": vocXml("b", [{ name: "benign", box }]),
    "annotations/c.xml": Uint8Array.of(0x3c, 0xe9, 0xff),
    "annotations/d.xml": vocXml("d", [{ name: "benign", box }]).slice(0, 80),
    "labels.csv": "image,class\na.jpg,benign\nz.jpg,benign\n",
  });
  const { disk, page } = await bothWays(dir);
  expect(page).toEqual(disk);
  expect(disk).toMatchObject({
    name: "voc",
    notes: expect.arrayContaining([expect.stringMatching(/^else: 1 images/)]) as string[],
  });
});

test("a manifest with masks, outlines, backslashes, both Unicode forms and missing files", async () => {
  const dir = newSet();
  const composed = "B\u00e9.png";
  writeFiles(dir, {
    "img/0.png": await png(0),
    "img/1.png": await greyPng(1),
    [`img/${composed.normalize("NFD")}`]: await png(2),
    "img/extra.png": await png(3),
    "img/.hidden.png": await png(4),
    "masks/0.png": await maskPng(0),
    "masks/black.png": await maskPng(1),
    "manifest.csv": [
      "image,label,boxes,mask,outline",
      "img/0.png,benign,,masks/0.png,",
      "img\\1.png,malignant,,,masks\\black.png",
      `./img/../img/${composed},benign,10 20 110 90,,`,
      "img/.hidden.png,benign,10 20 110 90,,",
      "img/gone.png,benign,10 20 110 90,,",
      "masks,benign,10 20 110 90,,",
      "img/0.png#2,benign,10 20 110 90,,",
    ].join("\n"),
  });
  const { disk, page } = await bothWays(dir);
  expect(page).toEqual(disk);
  expect((disk as Dataset).samples.map(({ id }) => id)).toEqual([
    "img/0.png",
    "img/1.png",
    `img/${composed}`,
    "img/.hidden.png",
  ]);
});

test("paths out of the folder, which a page cannot follow, are refused one by one", async () => {
  const set = memorySet({
    "set/a.png": await jpeg(0).then((bytes) => new Uint8Array(bytes)),
    "set/manifest.csv":
      "image,label,boxes\na.png,benign,10 20 110 90\n../b.png,benign,1 2 3 4\n/c.png,benign,1 2 3 4\nC:\\d.png,benign,1 2 3 4\n",
  });
  const { samples, skipped } = await openSet(set);
  expect(samples.map(({ file }) => file)).toEqual(["set/a.png"]);
  const reason = "lies outside the folder, of which a page reads no file: write it relative to the manifest";
  expect(skipped.map((left) => left.reason)).toEqual([reason, reason, reason]);
});

test("what cannot be opened has the same one-line message", async () => {
  const dir = newSet();
  writeFiles(dir, { "inner/1_1.jpg": await jpeg(0), "inner/1.xml": "<case>", "a.txt": "a", "other/b.json": "{}" });
  for (const options of [{}, { format: "ddti" }, { format: "pascal" }, { format: "coco", target: "tirads" }] as const) {
    const { disk, page } = await bothWays(dir, options);
    expect(disk).toMatch(/^DataError: /);
    expect(page).toBe(disk);
  }
  await expect(openSet(memorySet({}))).rejects.toThrow("the chosen files: the folder is empty");
  await expect(openSet(memorySet({ "set/.a/b.png": "" }))).rejects.toThrow("set: the folder is empty");
});

test("DDTI's second form is known by the name of the chosen folder", async () => {
  const dir = newSet("1_or_data");
  await otherWriters["masks"]!(dir, 4);
  writeFiles(dir, { "category.csv": "ID,CATE\n0.png,1\n" });
  const { notes } = await openSet(memorySet(filesBelow(dir)));
  expect(notes).toContainEqual(expect.stringMatching(/is made up.*no class is taken from it/));
});

test("several chosen folders lie side by side; two files with one path are refused", async () => {
  const dir = newSet();
  await otherWriters["masks"]!(dir, 4);
  const loose = Object.fromEntries(Object.entries(filesBelow(dir)).map(([name, bytes]) => [name.slice(4), bytes]));
  const set = memorySet(loose);
  const dataset = await openSet(set);
  expect([dataset.dir, dataset.samples[0]!.file]).toEqual(["the chosen files", "images/0.png"]);
  expect(() => memorySet({ "a/1.png": "", "/a/1.png": "" })).toThrow("a/1.png: two files have this path");
});

test("a folder's names are sorted, without hidden ones; what is no folder is refused", async () => {
  const set = memorySet({ "s/b.txt": "", "s/a/x.png": "", "s/Z/.y": "", "s/.h/z": "", "s/.i": "", "s/B.txt": "" });
  expect(await set.list("")).toEqual({ files: ["B.txt", "b.txt"], folders: ["Z", "a"] });
  expect(await set.list("./Z/")).toEqual({ files: [], folders: [] });
  await expect(set.list("none")).rejects.toThrow("s/none: there is no such folder");
  await expect(set.list("a/x.png")).rejects.toThrow("s/a/x.png: this is a file, not a folder");
});

/** A file of that size, none of which is read. */
const sized = (size: number) => Object.defineProperty(new Blob([]), "size", { value: size });

test("text and pictures are read up to the same sizes as from disk", async () => {
  const set = memorySet({
    "s/whole": sized(2 ** 27 + 1),
    "s/one": sized(2 ** 26 + 1),
    "s/picture": sized(2 ** 30 + 1),
    "s/text": "\ufeffabc",
    "s/folder/file": "",
  });
  await expect(set.text("whole")).rejects.toThrow("has 129 MiB: more than the 128 MiB that are read");
  await expect(set.text("one", 2 ** 26)).rejects.toThrow("has 64 MiB, more than the 64 MiB that are read");
  await expect(set.imageSize("s/picture")).rejects.toThrow(
    "cannot be read: has 1025 MiB: more than the 1024 MiB that are read",
  );
  for (const name of ["s/none", "text"]) await expect(set.imageSize(name)).rejects.toThrow("there is no such file");
  await expect(set.imageSize("s/folder")).rejects.toThrow("cannot be read: is a folder, not a file");
  await expect(set.text("folder", 10)).rejects.toThrow("is not a regular file");
  await expect(set.text("none", 10)).rejects.toThrow("there is no such file");
  expect(await set.text("text", 10)).toBe("abc");
  expect([await set.beginning("text"), await set.beginning("none"), await set.beginning("folder")]).toEqual([
    "abc",
    "",
    "",
  ]);
});

test("a file that has changed since it was chosen is left out with the browser's reason", async () => {
  const gone = Object.assign(new Blob(["abc"]), {
    arrayBuffer: () => Promise.reject(new DOMException("The file could not be read.", "NotReadableError")),
  });
  const set = memorySet({ "s/a.png": gone });
  await expect(set.imageSize("s/a.png")).rejects.toThrow("cannot be read: The file could not be read.");
});

test("a name may denote a frame, unless a file has that very name", async () => {
  const asked: PictureName[] = [];
  const decoders = {
    imageSize: (_: Uint8Array, picture: PictureName) => {
      asked.push(picture);
      return Promise.resolve({ width: 1, height: 1 });
    },
    decodeLevels: (_: Uint8Array, picture: PictureName) => {
      asked.push(picture);
      return Promise.resolve({ width: 1, height: 1, channels: 1, levels: Uint8Array.of(1) });
    },
  };
  const set = memorySet({ "s/a/loop.dcm": "", "s/a/b#1": "", "s/c.txt": "" }, decoders);
  await set.imageSize(await set.finder().find("a/loop.dcm#12"));
  await set.imageSize(await set.finder().find("a/b#1"));
  await set.decodeMask("s/a/loop.dcm#3");
  expect(asked).toEqual([{ file: "loop.dcm", frame: 12 }, { file: "b#1" }, { file: "loop.dcm", frame: 3 }]);
});
