/** True outlines: which sets have them, how readers place them, and what a training on them uses and refuses. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import type { Point, Sample, Shape } from "../../../src/data/sample.ts";
import { ellipsePolygon, shapeMask } from "../../../src/data/shape.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { prepareDataset } from "../../../src/node/data/prepare.ts";
import { readMask } from "../../../src/node/data/read-mask.ts";
import { writePreparedFolder } from "../../../src/node/data/prepared-folder.ts";
import { folderImages } from "../../../src/node/image-source.ts";
import { bareIds, outlinesById } from "../../../src/runs/split-data.ts";
import { caseXml, svg } from "../../data/ddti-case.ts";
import { mganetConfig } from "../../support/mganet.ts";
import { encode, temporaryFolder } from "./images.ts";
import { classOf, cocoFile, cvatBox, cvatImage, cvatXml, labelmeFile, otherWriters, yoloLine } from "./other-sets.ts";
import { jpeg, nodule, png, vocXml, writeBusBra, writeBusi, writeFiles, writeTn5000 } from "./sets.ts";

const SIZE = { width: 320, height: 240 };
const WHOLE = { x0: 0, y0: 0, x1: 320, y1: 240 };

/** A triangle within the nodule's box: half of it is outside. */
const triangle = (i: number): Point[] => {
  const { x0, y0, x1, y1 } = nodule(i);
  return [
    { x: x0, y: y1 },
    { x: x1, y: y1 },
    { x: x0 + 30, y: y0 },
  ];
};
const flat = (points: readonly Point[], sx = 1, sy = 1) => points.flatMap(({ x, y }) => [x * sx, y * sy]);
const inPicture = (shape: Shape) => shapeMask(shape, WHOLE, SIZE.width, SIZE.height);
const filled = (polygon: readonly Point[]) => inPicture([{ polygon }]);
const asPng = (mask: Uint8Array, size = SIZE) =>
  encode({ ...size, grey: mask.map((lit) => 255 * lit) })
    .toColourspace("b-w")
    .png()
    .toBuffer();

/** Writes a set of `count` images and opens it; `also` gets the files to add. */
async function opened(files: Record<string, string | Uint8Array>): Promise<Sample[]> {
  const dir = temporaryFolder();
  writeFiles(dir, files);
  const { samples, skipped } = await openDataset(dir);
  expect(skipped).toEqual([]);
  return samples;
}
const images = async (count: number) => {
  const entries = Array.from({ length: count }, async (_, i) => [`${i}.jpg`, await jpeg(i)] as const);
  return Object.fromEntries(await Promise.all(entries));
};
const same = (shape: Shape | undefined, polygon: readonly Point[]) =>
  expect(inPicture(shape!)).toEqual(filled(polygon));

describe("the outlines of a set", () => {
  test("of DDTI are its rings, without what is dropped", async () => {
    const far = [{ x: 40, y: 200 }, { x: 90, y: 200 }, { x: 70, y: 300 }]; // prettier-ignore
    const xml = caseXml(1, "2", [{ image: 1, svg: svg(triangle(0), far) }]);
    const [sample] = await opened({ "1_1.jpg": await jpeg(0), "1.xml": xml });
    expect(sample!.shape).toEqual([{ polygon: triangle(0) }]);
    same(sample!.shape, triangle(0));
  });

  test("of COCO are polygons and run lengths; a bbox has none, nor has a rectangle", async () => {
    const coco = cocoFile([0, 1, 2, 3, 4]);
    const set = (i: number, segmentation: unknown) => Object.assign(coco.annotations[i]!, { segmentation });
    set(0, [flat(triangle(0))]);
    const mask = filled(triangle(1));
    const columns = Array.from({ length: 320 * 240 }, (_, k) => mask[(k % 240) * 320 + Math.floor(k / 240)]!);
    const starts = columns.flatMap((lit, k) => (lit === (columns[k - 1] ?? 0) ? [] : [k]));
    const counts = [...starts, columns.length].map((at, k) => at - (starts[k - 1] ?? 0));
    set(1, { size: [240, 320], counts });
    const { x0, y0, x1, y1 } = nodule(3);
    set(3, [[x0, y0, x1, y0, x1, y1, x0, y1]]);
    // Two parts of one nodule, one of them a speck.
    set(4, [flat(triangle(4)), [10, 10, 12, 10, 12, 12]]);
    const samples = await opened({ ...(await images(5)), "a.json": JSON.stringify(coco) });
    expect(samples.map(({ shape }) => shape !== undefined)).toEqual([true, true, false, false, true]);
    for (const i of [0, 1, 4]) same(samples[i]!.shape, triangle(i));
  });

  test("of COCO scale with a picture that was resized, and turn with one that is rotated", async () => {
    const coco = cocoFile([0, 1]);
    Object.assign(coco.images[0]!, { width: 640, height: 480 });
    Object.assign(coco.annotations[0]!, { bbox: [200, 160, 120, 80], segmentation: [flat(triangle(0), 2, 2)] });
    Object.assign(coco.annotations[1]!, { segmentation: [flat(triangle(1))] });
    const turned = await sharp(await png(1))
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const samples = await opened({ "0.jpg": await jpeg(0), "1.jpg": turned, "a.json": JSON.stringify(coco) });
    same(samples[0]!.shape, triangle(0));
    // Shown, it is 240 wide: what was at the top is at the right.
    const seen = shapeMask(samples[1]!.shape!, { x0: 0, y0: 0, x1: 240, y1: 320 }, 240, 320);
    const stored = filled(triangle(1));
    let wrong = 0;
    seen.forEach((lit, k) => (wrong += lit === stored[(239 - (k % 240)) * 320 + Math.floor(k / 240)] ? 0 : 1));
    expect(wrong).toBeLessThan(45); // centres on an edge count on one side only
  });

  test("of CVAT are polygons, ellipses and masks; an image with a box beside them has none", async () => {
    const mask = filled(triangle(2));
    const { x0, y0, x1, y1 } = nodule(2);
    const rows = Array.from({ length: (x1 - x0) * (y1 - y0) }, (_, k) => {
      return mask[(y0 + Math.floor(k / (x1 - x0))) * 320 + x0 + (k % (x1 - x0))]!;
    });
    const starts = rows.flatMap((lit, k) => (lit === (rows[k - 1] ?? 0) ? [] : [k]));
    const rle = [...starts, rows.length].map((at, k) => at - (starts[k - 1] ?? 0)).join(", ");
    const polygon = (i: number) =>
      `<polygon label="${classOf(i)}" points="${triangle(i).map(({ x, y }) => `${x},${y}`).join(";")}"/>`; // prettier-ignore
    const samples = await opened({
      ...(await images(5)),
      "annotations.xml": cvatXml([
        cvatImage("0.jpg", polygon(0)),
        cvatImage("1.jpg", `<ellipse label="malignant" cx="130" cy="100" rx="30" ry="15" rotation="30"/>`),
        cvatImage("2.jpg", `<mask label="benign" rle="${rle}" left="${x0}" top="${y0}" width="60" height="40"/>`),
        cvatImage("3.jpg", cvatBox(3)),
        cvatImage("4.jpg", polygon(4) + `<box label="benign" xtl="10" ytl="10" xbr="40" ybr="30"/>`),
      ]),
    });
    expect(samples.map(({ shape }) => shape !== undefined)).toEqual([true, true, true, false, false]);
    same(samples[0]!.shape, triangle(0));
    same(samples[1]!.shape, ellipsePolygon({ x0: 100, y0: 85, x1: 160, y1: 115 }, 30));
    same(samples[2]!.shape, triangle(2));
  });

  test("of labelme are polygons and circles; rectangles and masks have none", async () => {
    const shapes = [
      { label: "benign", shape_type: "polygon", points: triangle(0).map(({ x, y }) => [x, y]) },
      { label: "malignant", shape_type: "circle", points: [[130, 100], [150, 100]] }, // prettier-ignore
      { label: "benign", shape_type: "rectangle", points: [[100, 80], [160, 120]] }, // prettier-ignore
      { label: "malignant", shape_type: "mask", points: [[100, 80], [159, 119]], mask: "AAAA" }, // prettier-ignore
    ];
    const files: Record<string, string | Uint8Array> = await images(4);
    shapes.forEach((shape, i) => (files[`${i}.json`] = JSON.stringify(labelmeFile(i, shape))));
    const samples = await opened(files);
    expect(samples.map(({ shape }) => shape !== undefined)).toEqual([true, true, false, false]);
    same(samples[0]!.shape, triangle(0));
    same(samples[1]!.shape, ellipsePolygon({ x0: 110, y0: 80, x1: 150, y1: 120 }));
  });

  test("of YOLO and VOC are polygons; their boxes, also rotated ones, are none", async () => {
    const names = "names: ['benign', 'malignant']\n";
    const obb = [[110, 80], [150, 92], [144, 112], [104, 100]].flatMap(([x, y]) => [x! / 320, y! / 240]); // prettier-ignore
    const yolo = await opened({
      ...Object.fromEntries(await Promise.all([0, 1, 2].map(async (i) => [`images/${i}.jpg`, await jpeg(i)] as const))),
      "labels/0.txt": `0 ${flat(triangle(0), 1 / 320, 1 / 240).join(" ")}`,
      "labels/1.txt": yoloLine(1),
      "labels/2.txt": `0 ${obb.join(" ")}`,
      "data.yaml": names,
    });
    expect(yolo.map(({ shape }) => shape !== undefined)).toEqual([true, false, false]);
    same(yolo[0]!.shape, triangle(0));
    const points = triangle(0).map(({ x, y }, k) => `<x${k + 1}>${x}</x${k + 1}><y${k + 1}>${y}</y${k + 1}>`);
    const object = `<name>benign</name><polygon>${points.join("")}</polygon>`;
    const voc = await opened({
      "0.jpg": await jpeg(0),
      "0.xml": `<annotation><filename>0.jpg</filename><object>${object}</object></annotation>`,
      "1.jpg": await jpeg(1),
      "1.xml": vocXml("1", [{ name: "malignant", box: nodule(1) }]),
    });
    expect(voc.map(({ shape }) => shape !== undefined)).toEqual([true, false]);
    same(voc[0]!.shape, triangle(0));
  });

  test("of masks are their pixels, of all files and levels, at the picture's size", async () => {
    const [one, two] = [filled(triangle(0)), filled(triangle(60))];
    const both = one.map((lit, k) => lit | two[k]!);
    const busi = await opened({
      "benign/benign (1).png": await png(0),
      "benign/benign (1)_mask.png": await asPng(one),
      "benign/benign (1)_mask_1.png": await asPng(two),
      "malignant/malignant (1).png": await png(1),
      "malignant/malignant (1)_mask.png": await asPng(one),
    });
    expect(inPicture(busi[0]!.shape!)).toEqual(both);
    expect(inPicture(busi[1]!.shape!)).toEqual(one);
    const levels = one.map((lit, k) => lit + 2 * two[k]!);
    const half = shapeMask([{ polygon: triangle(0) }], WHOLE, 160, 120);
    const masks = await opened({
      ...Object.fromEntries(await Promise.all([0, 1].map(async (i) => [`images/${i}.png`, await png(i)] as const))),
      "masks/0.png": await encode({ ...SIZE, grey: levels })
        .toColourspace("b-w")
        .png()
        .toBuffer(),
      "masks/1.png": await asPng(half, { width: 160, height: 120 }),
    });
    expect(inPicture(masks[0]!.shape!)).toEqual(both);
    expect(shapeMask(masks[1]!.shape!, WHOLE, 160, 120)).toEqual(half);
    for (const write of [writeBusBra, writeTn3kOf]) {
      const dir = temporaryFolder();
      await write(dir, 2);
      const { samples } = await openDataset(dir);
      for (const { shape, boxes } of samples)
        expect(inPicture(shape!).reduce((sum, lit) => sum + lit, 0)).toBe(areaOf(boxes[0]!));
    }
  });

  test("are none of sets with boxes only", async () => {
    for (const write of [
      writeTn5000,
      otherWriters["voc"]!,
      otherWriters["yolo"]!,
      otherWriters["coco"]!,
      otherWriters["cvat"]!,
    ]) {
      const dir = temporaryFolder();
      await write(dir, 4);
      expect((await openDataset(dir)).samples.map(({ shape }) => shape)).toEqual(Array(4).fill(undefined));
    }
  });
});

const areaOf = ({ x0, y0, x1, y1 }: { x0: number; y0: number; x1: number; y1: number }) => (x1 - x0) * (y1 - y0);

async function writeTn3kOf(dir: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const mask = filled(triangle(0)).fill(0);
    const { x0, y0, x1, y1 } = nodule(i);
    for (let y = y0; y < y1; y++) mask.fill(1, y * 320 + x0, y * 320 + x1);
    writeFiles(dir, {
      [`trainval-image/000${i}.jpg`]: await jpeg(i),
      [`trainval-mask/000${i}.png`]: await asPng(mask),
    });
  }
}

describe("a mask", () => {
  const file = async (lit: (x: number, y: number) => boolean) => {
    const name = path.join(temporaryFolder(), "m.png");
    const mask = Uint8Array.from({ length: 320 * 240 }, (_, k) => Number(lit(k % 320, Math.floor(k / 320))));
    writeFileSync(name, await asPng(mask));
    return { mask, pixels: (await readMask(name, { inverted: false })).pixels };
  };
  const radius = (x: number, y: number) => Math.hypot(x + 0.5 - 130, y + 0.5 - 100);
  const covered = (pixels: readonly Float32Array[]) => inPicture(pixels.map((runs) => ({ runs })));

  test("drawn as a closed line, thin or thick, encloses its nodule", async () => {
    for (const thick of [1.5, 8]) {
      const { pixels } = await file((x, y) => Math.abs(radius(x, y) - 30) < thick / 2);
      const disc = Uint8Array.from({ length: 320 * 240 }, (_, k) => Number(radius(k % 320, Math.floor(k / 320)) < 30 + thick / 2)); // prettier-ignore
      expect(covered(pixels!)).toEqual(disc);
    }
  });

  test("drawn as a line that encloses nothing has no outline", async () => {
    const { pixels } = await file((x, y) => Math.abs(radius(x, y) - 30) < 0.8 && x < 140);
    expect(pixels).toBe(undefined);
  });

  test("keeps a hole smaller than the nodule, and loses specks and rulers", async () => {
    const nodules = (x: number, y: number) => radius(x, y) < 30 && radius(x, y) >= 8;
    const { mask, pixels } = await file(
      (x, y) => nodules(x, y) || (x === 300 && y > 20 && y < 200) || (x === 40 && y === 200),
    );
    const found = covered(pixels!);
    expect(found.reduce((sum, lit) => sum + lit, 0)).toBe(mask.reduce((sum, lit) => sum + lit, 0) - 179 - 1);
    expect(found).toEqual(Uint8Array.from(found, (_, k) => Number(nodules(k % 320, Math.floor(k / 320)))));
  });
});

describe("a manifest's outlines", () => {
  const header = "image,label,boxes,mask,outline\n";
  const box = Object.values(nodule(0)).join(" ");

  test("lie beside boxes or stand alone; a mask beside boxes is none", async () => {
    const [outline, mask] = [await asPng(filled(triangle(0))), await asPng(filled(ellipsePolygon(nodule(0))))];
    const rows = [
      `0.jpg,0,${box},m.png,o.png`,
      "1.jpg,1,,,o.png",
      `2.jpg,0,${box},m.png,`,
      "3.jpg,1,,m.png,",
      "4.jpg,0,,,none",
    ];
    const samples = await opened({
      ...(await images(5)),
      "o.png": outline,
      "m.png": mask,
      "manifest.csv": `${header}${rows.join("\n")}\n`,
    });
    expect(samples.map(({ boxes, shape }) => [boxes.length, shape !== undefined])).toEqual([
      [1, true],
      [1, true],
      [1, false],
      [1, true],
      [0, false],
    ]);
    for (const i of [0, 1]) same(samples[i]!.shape, triangle(0));
    expect(samples[0]!.boxes).toEqual([nodule(0)]);
    expect(samples[4]!.outline).toBe("none");
    // In JSON, several files.
    const line = JSON.stringify({
      image: "0.jpg",
      label: 0,
      boxes: [Object.values(nodule(0))],
      outline: ["o.png", "p.png"],
    });
    const [both] = await opened({
      "0.jpg": await jpeg(0),
      "o.png": outline,
      "p.png": await asPng(filled(triangle(60))),
      "manifest.jsonl": line,
    });
    const second = filled(triangle(60));
    expect(inPicture(both!.shape!)).toEqual(filled(triangle(0)).map((lit, k) => lit | second[k]!));
  });

  test("that cannot be used leave their image out, with the reason", async () => {
    const dir = temporaryFolder();
    const grey = Uint8Array.from({ length: 320 * 240 }, (_, k) => k % 5);
    writeFiles(dir, {
      ...(await images(5)),
      "grey.png": await encode({ ...SIZE, grey })
        .toColourspace("b-w")
        .png()
        .toBuffer(),
      "black.png": await asPng(new Uint8Array(320 * 240)),
      "small.png": await asPng(new Uint8Array(50 * 50).fill(1), { width: 50, height: 50 }),
      "good.png": await asPng(filled(triangle(0))),
      "manifest.csv": `${header}${["grey.png", "black.png", "small.png", "gone.png", "good.png"].map((name, i) => `${i}.jpg,0,${box},,${name}`).join("\n")}\n`,
    });
    const { samples, skipped } = await openDataset(dir);
    expect(samples.map(({ id }) => id)).toEqual(["4.jpg"]);
    expect(skipped.map(({ reason }) => reason)).toEqual([
      "its outline grey.png has 5 levels: it must be black outside and white inside",
      "its outline black.png is black everywhere: it marks nothing",
      "its outline small.png is 50x50, but the image is 320x240",
      "its outline gone.png there is no such file",
    ]);
  });
});

describe("a training on outlines", () => {
  const config = mganetConfig({ maskTarget: "outline", size: [32, 32], crop: "none", phantomImages: 20 });

  test("uses the phantom's: each lies in its boxes, touches their sides and is no ellipse", async () => {
    const { prepared } = await folderImages.prepare({ ...config, size: [96, 96] });
    const areas = prepared.map(({ shape, boxes }) => {
      expect(shape!.buffer).toBeInstanceOf(SharedArrayBuffer);
      const lit = [...shape!.keys()].filter((k) => shape![k] === 1);
      const [xs, ys] = [lit.map((k) => k % 96), lit.map((k) => Math.floor(k / 96))];
      const around = [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
      const wanted = boxes.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1]);
      const edges = [0, 1, 2, 3].map((e) => (e < 2 ? Math.min : Math.max)(...wanted.map((box) => box[e]!)));
      around.forEach((edge, e) => expect(Math.abs(edge - edges[e]!), `edge ${e}`).toBeLessThan(2.5));
      return lit.length / boxes.reduce((sum, box) => sum + areaOf(box), 0);
    });
    expect(Math.min(...areas)).toBeLessThan(0.7);
    expect(Math.max(...areas)).toBeLessThan(0.9);
  });

  test("leaves out images with boxes only, and says how many; one on boxes uses them", async () => {
    const dir = temporaryFolder();
    const coco = cocoFile([0, 1, 2, 3, 4, 5]);
    for (const i of [0, 1, 2, 3]) Object.assign(coco.annotations[i]!, { segmentation: [flat(triangle(i))] });
    writeFiles(dir, { ...(await images(6)), "a.json": JSON.stringify(coco) });
    const { prepared, skipped, notes } = await folderImages.prepare({ ...config, data: dir });
    expect(prepared.map(({ id }) => id)).toEqual(["0.jpg", "1.jpg", "2.jpg", "3.jpg"]);
    expect(skipped).toEqual(["4.jpg", "5.jpg"].map((file) => ({ file, reason: "has boxes, but not the outline of each nodule" }))); // prettier-ignore
    expect(notes[0]).toBe(
      "2 of 6 images have boxes only, without the outlines that are learned, and are left out: --mask-target ellipse or box uses them",
    );
    for (const maskTarget of ["ellipse", "box"] as const) {
      const other = await folderImages.prepare(mganetConfig({ ...config, data: dir, maskTarget }));
      expect([other.prepared.length, other.skipped]).toEqual([6, []]);
    }
    // In an evaluation they stay, and have no Dice.
    const kept = await folderImages.prepare({ ...config, data: dir }, { bare: "keep" });
    expect(kept.prepared.length).toBe(6);
    expect([...bareIds(kept.prepared, config)]).toEqual(["4.jpg", "5.jpg"]);
    expect([...outlinesById(kept.prepared, config).keys()]).toEqual(["0.jpg", "1.jpg", "2.jpg", "3.jpg"]);
  });

  test("is refused where a set has boxes only, before an image is decoded", async () => {
    const dir = temporaryFolder();
    await writeTn5000(dir, 4);
    const message = `${dir}: has boxes only, no outlines: train with --mask-target ellipse or box`;
    await expect(folderImages.check({ ...config, data: dir })).rejects.toThrow(message);
    await expect(folderImages.prepare({ ...config, data: dir })).rejects.toThrow(message);
    expect((await folderImages.check({ ...config, data: dir }, { bare: "keep" })).names).toEqual([
      "benign",
      "malignant",
    ]);
  });

  test("knows that normal tissue has no nodule", async () => {
    const dir = temporaryFolder();
    await writeBusi(dir, 3);
    const classes = ["benign", "malignant", "normal"];
    const { prepared } = await folderImages.prepare({ ...config, data: dir, classes });
    const normal = prepared.filter(({ label }) => label === 2);
    expect(normal.length).toBeGreaterThan(0);
    const masks = outlinesById(prepared, config);
    expect(masks.size).toBe(prepared.length);
    for (const { id } of normal) expect(masks.get(id)!.includes(1)).toBe(false);
  });
});

describe("a prepared folder", () => {
  test("keeps outlines to the pixel, also after a resize; an older one has none, and the same command adds them", async () => {
    const dir = temporaryFolder();
    const xml = (i: number) => caseXml(i + 1, "2", [{ image: 1, svg: svg(triangle(i)) }]);
    for (const i of [0, 1, 2]) writeFiles(dir, { [`${i + 1}_1.jpg`]: await jpeg(i), [`${i + 1}.xml`]: xml(i) });
    const dataset = await openDataset(dir);
    const out = temporaryFolder();
    const settings = { data: dir, size: [96, 64] as [number, number], crop: "adaptive" as const };
    await writePreparedFolder(dataset, out, settings, { workers: 1 });
    const size = { width: 96, height: 64, crop: "adaptive", workers: 1 } as const;
    const direct = (await prepareDataset(dataset, size)).prepared;
    const again = await openDataset(out);
    expect(again.notes).toEqual(["manifest.csv: 1 images without a patient count as one patient each"].slice(1));
    (await prepareDataset(again, size)).prepared.forEach(({ shape }, i) => {
      expect(shape!.includes(1)).toBe(true);
      expect([...shape!]).toEqual([...direct[i]!.shape!]);
    });
    const half = (await prepareDataset(again, { ...size, width: 48, height: 32 })).prepared;
    expect(half.every(({ shape }) => shape!.includes(1))).toBe(true);

    // As it was written before there were outlines.
    const old = temporaryFolder();
    for (const name of ["images", "masks"]) cpSync(path.join(out, name), path.join(old, name), { recursive: true });
    const text = (name: string) => readFileSync(path.join(out, name), "utf8");
    writeFileSync(
      path.join(old, "manifest.csv"),
      text("manifest.csv")
        .replace(",outline", "")
        .replace(/,outlines\/[^,]*/g, ""),
    );
    writeFileSync(
      path.join(old, "prepared.jsonl"),
      text("prepared.jsonl")
        .replace(/; outline [0-9a-f]{32}/g, "")
        .replace(/"outline":"[^"]*",/g, ""),
    );
    const before = await openDataset(old);
    expect([before.skipped, before.samples.map(({ shape }) => shape)]).toEqual([[], [undefined, undefined, undefined]]);
    expect((await writePreparedFolder(dataset, old, settings, { workers: 1 })).reused).toBe(0);
    expect(readFileSync(path.join(old, "manifest.csv"), "utf8")).toBe(text("manifest.csv"));
    expect((await writePreparedFolder(dataset, old, settings, { workers: 1 })).reused).toBe(3);
    // An outline that was drawn anew in the same box.
    const redrawn = dataset.samples.map((sample, i) =>
      i === 1 ? { ...sample, shape: [{ polygon: ellipsePolygon(sample.boxes[0]!) }] } : sample,
    );
    expect((await writePreparedFolder({ ...dataset, samples: redrawn }, old, settings, { workers: 1 })).reused).toBe(2);
  });
});
