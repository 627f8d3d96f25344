/** What is dropped on the page becomes the project that the command line would see: images, outlines, folds, what is left out. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { framesAt } from "../../app/project/frames.ts";
import { importSet } from "../../app/project/import.ts";
import { readOutlines } from "../../app/project/outlines.ts";
import { preparedSet } from "../../app/project/prepared.ts";
import type { Project, ProjectImage } from "../../app/project/project.ts";
import { parseProject } from "../../app/project/schema.ts";
import { benignMalignant } from "../../src/data/classes.ts";
import { patientOf } from "../../src/data/patient.ts";
import { phantomFrame } from "../../src/data/phantom/series.ts";
import { frameOf } from "../../src/data/picture-name.ts";
import type { Dataset, Prepared, Skipped } from "../../src/data/sample.ts";
import { inspectSet } from "../../src/node/data/inspect.ts";
import { openDataset } from "../../src/node/data/open.ts";
import { prepareDataset } from "../../src/node/data/prepare.ts";
import { folderImages } from "../../src/node/image-source.ts";
import { toJson } from "../../src/runs/store.ts";
import { encode, temporaryFolder, ultrasound } from "../node/data/images.ts";
import { otherWriters } from "../node/data/other-sets.ts";
import { jpeg, writeFiles, writers } from "../node/data/sets.ts";
import { filesBelow } from "../support/memory-set.ts";
import { mganetConfig } from "../support/mganet.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { openOnNode } from "../support/node-picture.ts";

const SIZE = { width: 64, height: 48 };

/** A folder's files dropped on the page. */
async function dropped(files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>) {
  const store = new MemoryStore();
  const entries = Object.entries(files).map(([name, content]) => ({ path: name, file: new Blob([content]) }));
  const project = await importSet({
    ...{ name: "set", entries, format: undefined, store, open: openOnNode },
    ...{ onProgress: () => {}, signal: new AbortController().signal },
  });
  // As it is read at the next visit.
  return { project: parseProject(toJson(project), "project.json"), store };
}

/** The project's images as a training in the page gets them. */
async function preparedOnPage(project: Project, store: MemoryStore): Promise<Prepared[]> {
  const outlines = await readOutlines(store);
  const config = { size: [SIZE.height, SIZE.width] as [number, number], crop: "adaptive" as const };
  const read = async ({ file }: Project["images"][number]) => {
    const named = frameOf(file) ?? { file, frame: 1 };
    const picture = await openOnNode(await store.folder("files").read(named.file));
    return { grey: await picture.grey(named.frame), shape: outlines.get(file) };
  };
  return (await preparedSet(project, config, read, {})).prepared;
}

/** What both say of an image, but for where its file lies. */
const plain = ({ source, shape, print, grey, ...rest }: Prepared) => ({
  ...{ ...rest, group: patientOf(rest), print, crop: source!.crop, grey: grey.slice() },
  ...(shape ? { shape: shape.slice() } : {}),
});
const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);

/** The same folder opened by the command line. */
async function onNode(dir: string) {
  const dataset: Dataset = await openDataset(dir);
  const { prepared, skipped, notes } = await prepareDataset(dataset, { ...SIZE, crop: "adaptive", workers: 1 });
  const left = [...dataset.skipped, ...skipped];
  return { dataset, prepared, left, found: inspectSet(dataset, prepared, left, [...dataset.notes, ...notes]) };
}

const sorted = (left: readonly Skipped[], outer: string) =>
  left.map(({ file, reason }) => `${file.replace(outer, "")}: ${reason.replaceAll(outer, "")}`).sort();

function newSet(): string {
  const dir = path.join(temporaryFolder(), "set");
  mkdirSync(dir);
  return dir;
}

describe.each(Object.entries({ ...writers, ...otherWriters }))("%s, dropped on the page", (_, write) => {
  test("gives the images, outlines, folds, sides and patients that the command line trains on", async () => {
    const dir = newSet();
    await write(dir, 4);
    const { dataset, prepared } = await onNode(dir);
    const { project, store } = await dropped(filesBelow(dir));
    const ours = await preparedOnPage(project, store);
    expect(ours.map(plain).sort(byId)).toEqual(prepared.map(plain).sort(byId));
    expect(project.classes).toEqual(dataset.classes);
    expect(project.notes).toEqual(dataset.notes.map((note) => note.replaceAll(`${path.dirname(dir)}/`, "")));
    const shaped = project.images.filter(({ outlined }) => outlined).length;
    expect(shaped).toBe(dataset.samples.filter(({ shape }) => shape !== undefined).length);
    expect(await store.exists("outlines.safetensors")).toBe(shaped > 0);
  });
});

test("what is left out, with its reason, and nearly equal pictures are those of inspect", async () => {
  const dir = newSet();
  await writers["busi"]!(dir, 4);
  const [first] = Object.keys(filesBelow(dir)).filter((name) => /benign.*\(1\)\.png$/.test(name));
  const flat = { width: 320, height: 240, grey: new Uint8Array(320 * 240).fill(7) };
  const small = { width: 20, height: 20, grey: ultrasound(50).grey.slice(0, 400) };
  const mask = filesBelow(dir)[first!.replace(".png", "_mask.png")]!;
  const again = filesBelow(dir)[first!]!;
  writeFiles(dir, {
    "benign/benign (90).png": await encode(flat).png().toBuffer(),
    "benign/benign (90)_mask.png": mask,
    "benign/benign (91).png": await encode(small).png().toBuffer(),
    "benign/benign (91)_mask.png": mask,
    "benign/benign (92).png": again.slice(0, 900),
    "benign/benign (92)_mask.png": mask,
    "benign/benign (93).png": again,
    "benign/benign (93)_mask.png": mask,
    "benign/benign (94).png": await jpeg(7),
  });
  const { left, found } = await onNode(dir);
  const { project } = await dropped(filesBelow(dir));
  const outer = `${path.dirname(dir)}/`;
  expect(left.length).toBeGreaterThanOrEqual(4);
  expect(sorted(project.left, outer)).toEqual(sorted(left, outer));
  const pairs = (all: readonly (readonly string[])[]) => all.map((pair) => [...pair].sort().join(" = ")).sort();
  expect(found.nearPairs).toHaveLength(1);
  expect(pairs(project.twins)).toEqual(pairs(found.nearPairs.map(({ images }) => images)));
});

test("the frames of a loop without annotations are one patient's, in order, and are one file of the project", async () => {
  const frames = [11, 12, 13].map((seed) => ultrasound(seed));
  const film = await sharp(Buffer.concat(frames.map(({ grey }) => grey)), {
    raw: { width: 320, height: 240 * frames.length, channels: 1, pageHeight: 240 },
  })
    .gif({ dither: 0 })
    .toBuffer();
  const { project, store } = await dropped({ "case 1/loop.gif": new Uint8Array(film) });
  expect(project.images.map(({ id, path, patient }) => [id, path, patient])).toEqual(
    [1, 2, 3].map((n) => [`loop.gif#${n}`, `loop.gif#${n}`, "loop.gif"]),
  );
  expect(await store.folder("files").list()).toEqual(["000000.gif"]);
  expect(project.images.map((_, i) => framesAt(project.images, [0, 1, 2], i)?.at)).toEqual([0, 1, 2]);
  const prepared = await preparedOnPage(project, store);
  expect(new Set(prepared.map(({ group }) => group)).size).toBe(1);
});

test("a synthetic image is learned from as the command line does, and from its ellipse once its box is changed", async () => {
  const config = mganetConfig({ size: [32, 64], phantomImages: 20 });
  const prepared = (await folderImages.prepare(config)).prepared.slice(0, 3);
  const images = prepared.map(({ id, label }): ProjectImage => {
    const { width, height, boxes } = phantomFrame(id)!;
    return {
      ...{ id, file: id, path: "", width, height, cropped: false, fold: null, notes: [], label: label ?? null, boxes },
      ...{ empty: false, patient: "", side: null, outlined: id.endsWith("-2") ? false : true },
    };
  });
  const project: Project = {
    ...{ format: "mganet-project-1", name: "drawn", source: { kind: "phantom", scanner: "phantom", seed: 0 } },
    ...{ classes: benignMalignant, images, left: [], notes: [], twins: [] },
  };
  const read = ({ id }: ProjectImage) => {
    const drawn = phantomFrame(id)!;
    return Promise.resolve({ grey: drawn, shape: drawn.outlines.map((polygon) => ({ polygon })) });
  };
  const ours = (await preparedSet(project, config, read, {})).prepared;
  const bare = ({ shape }: Prepared) => ({ shape: shape?.slice() });
  expect(ours.slice(0, 2).map(bare)).toEqual(prepared.slice(0, 2).map(bare));
  expect(ours[2]!.shape).toBeUndefined();
  expect(ours.map(({ grey, boxes }) => [grey.slice(), boxes])).toEqual(
    prepared.map(({ grey, boxes }) => [grey.slice(), boxes]),
  );
});
