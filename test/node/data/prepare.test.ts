import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { intoCrop } from "../../../src/data/boxes.ts";
import { DataError } from "../../../src/data/sample.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { cropRectangles, prepareDataset } from "../../../src/node/data/prepare.ts";
import { prepareImage } from "../../../src/node/data/prepare-image.ts";
import { datasetOf, encode, temporaryFolder, TEXT, ultrasound, writeDdti } from "./images.ts";

const size = { width: 48, height: 40, crop: "adaptive" } as const;
const dir = temporaryFolder();
const names = await writeDdti(dir, 20);
const dataset = await openDataset(dir);

describe("preparing a data set", () => {
  test("gives every sample in order, with its boxes in prepared pixels, whatever the number of workers", async () => {
    const one = await prepareDataset(dataset, { ...size, workers: 1 });
    const three = await prepareDataset(dataset, { ...size, workers: 3 });
    expect(three).toEqual(one);
    expect([one.skipped, one.notes]).toEqual([[], []]);
    expect(one.prepared.map((p) => p.id)).toEqual(dataset.samples.map((s) => s.id));
    one.prepared.forEach((p, i) => {
      const { crop, ...source } = p.source!;
      expect(source).toEqual({ file: dataset.samples[i]!.file, width: 320, height: 240 });
      expect(crop.y1).toBeLessThanOrEqual(TEXT.y0);
      expect(crop.x0 < 100 && crop.x1 > 160 + i && crop.y0 < 80 && crop.y1 > 120).toBe(true);
      const box = intoCrop({ x0: 100 + i, y0: 80, x1: 160 + i, y1: 120 }, crop, 48, 40);
      expect(p.boxes).toEqual([box]);
      expect(p.grey.length).toBe(48 * 40);
      expect(p.grey.buffer).toBeInstanceOf(SharedArrayBuffer);
    });
    // Each with its own pixels, those of the image prepared alone.
    expect(one.prepared[7]!.grey).toEqual((await prepareImage(dataset.samples[7]!.file, size)).grey);
    expect(new Set(one.prepared.map((p) => p.grey.join())).size).toBe(20);
  });

  test("without a crop keeps the whole image", async () => {
    const { prepared } = await prepareDataset(dataset, { ...size, crop: "none" });
    expect(prepared[0]!.source!.crop).toEqual({ x0: 0, y0: 0, x1: 320, y1: 240 });
    expect(prepared[0]!.boxes).toEqual([{ x0: 15, y0: 80 / 6, x1: 24, y1: 20 }]);
  });

  test("reports progress once for each image", async () => {
    const seen: string[] = [];
    await prepareDataset(dataset, { ...size, onProgress: (done, total) => seen.push(`${done}/${total}`) });
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}/20`));
  });

  test("leaves out single images that are broken or gone, and says so", async () => {
    const bad = temporaryFolder();
    for (const name of names.slice(0, 6)) copyFileSync(path.join(dir, name), path.join(bad, name));
    writeFileSync(path.join(bad, "2_1.jpg"), readFileSync(path.join(dir, "2_1.jpg")).subarray(0, 2000));
    writeFileSync(path.join(bad, "4_1.jpg"), "no image");
    const set = datasetOf(bad, [...names.slice(0, 6), "gone.jpg"]);
    const { prepared, skipped } = await prepareDataset(set, { ...size, workers: 2 });
    expect(prepared.map((p) => p.id)).toEqual(["1_1.jpg", "3_1.jpg", "5_1.jpg", "6_1.jpg"]);
    expect(skipped).toEqual([
      { file: path.join(bad, "2_1.jpg"), reason: expect.stringMatching(/^is not a readable image: /) as string },
      { file: path.join(bad, "4_1.jpg"), reason: expect.stringMatching(/^is not a readable image: /) as string },
      { file: path.join(bad, "gone.jpg"), reason: "there is no such file" },
    ]);
    const onlyBad = datasetOf(bad, ["2_1.jpg", "4_1.jpg"]);
    const error: unknown = await prepareDataset(onlyBad, size).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toMatch(/^test: none of the 2 images can be used; the first: .*2_1.jpg: is not/);
    await expect(prepareDataset(datasetOf(bad, []), size)).rejects.toThrow(DataError);
  });

  test("drops a box outside the tissue, with a note", async () => {
    const [first] = dataset.samples;
    const boxes = [...first!.boxes, { x0: 100, y0: 225, x1: 120, y1: 235 }];
    const { prepared, notes } = await prepareDataset({ ...dataset, samples: [{ ...first!, boxes }] }, size);
    expect(prepared[0]!.boxes.length).toBe(1);
    expect(notes).toEqual(["1_1: 1 of 2 boxes lie outside the tissue: dropped"]);
  });

  test("stops when told to, before and during the work", async () => {
    const early = AbortSignal.abort(new Error("not at all"));
    await expect(prepareDataset(dataset, { ...size, signal: early })).rejects.toThrow("not at all");
    const controller = new AbortController();
    let last = 0;
    const run = prepareDataset(dataset, {
      ...size,
      workers: 2,
      signal: controller.signal,
      onProgress: (done) => {
        last = done;
        if (done === 3) controller.abort(new Error("enough"));
      },
    });
    await expect(run).rejects.toThrow("enough");
    expect(last).toBeLessThan(20);
  });

  test.each([0, -1, 1.5, NaN])("refuses a width of %s", async (width) => {
    await expect(prepareDataset(dataset, { ...size, width })).rejects.toThrow(DataError);
  });
});

describe("preparing one image", () => {
  test("from a path and from bytes is the same, and tells where in the original it was", async () => {
    const file = dataset.samples[0]!.file;
    const fromFile = await prepareImage(file, size);
    const fromBytes = await prepareImage(readFileSync(file), { ...size, name: file });
    expect(fromBytes).toEqual(fromFile);
    expect(fromFile).toMatchObject({
      id: file,
      label: undefined,
      boxes: [],
      source: { file, width: 320, height: 240 },
    });
  });

  test("that is none names it, on one line", async () => {
    const bytes = (await encode(ultrasound(1)).png().toBuffer()).subarray(0, 900);
    await expect(prepareImage(bytes, { ...size, name: "a.png" })).rejects.toThrow(
      /^a\.png: is not a readable image: [^\n]+$/,
    );
    await expect(prepareImage("gone.png", size)).rejects.toThrow(new DataError("gone.png: there is no such file"));
  });
});

test("rectangles of a folder's images, by name; broken ones are told of", async () => {
  const folder = temporaryFolder();
  copyFileSync(path.join(dir, "1_1.jpg"), path.join(folder, "b.jpg"));
  writeFileSync(path.join(folder, "a.PNG"), await encode(ultrasound(3)).png().toBuffer());
  writeFileSync(path.join(folder, "c.jpg"), "no image");
  writeFileSync(path.join(folder, "d.txt"), "text");
  const skipped: string[] = [];
  const rectangles = await cropRectangles(folder, {
    method: "fixed",
    onSkip: (s) => skipped.push(path.basename(s.file)),
  });
  expect(Object.keys(rectangles)).toEqual(["a.PNG", "b.jpg"]);
  for (const [x0, y0, x1, y1] of Object.values(rectangles)) {
    expect([x0 < x1, y0 < y1, y1 <= TEXT.y0]).toEqual([true, true, true]);
  }
  expect(skipped).toEqual(["c.jpg"]);
  await expect(cropRectangles(path.join(folder, "gone"))).rejects.toThrow(DataError);
});
