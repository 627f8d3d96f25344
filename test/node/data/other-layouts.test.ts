/** Real-world layouts: each recognises its own folders, and never another's. */
import { describe, expect, test } from "vitest";
import { openDataset } from "../../../src/node/data/open.ts";
import { prepareDataset } from "../../../src/node/data/prepare.ts";
import { temporaryFolder } from "./images.ts";
import { otherWriters } from "./other-sets.ts";
import { nodule, writers } from "./sets.ts";

describe.each(Object.keys(otherWriters))("%s", (format) => {
  test("is recognised, read with classes and boxes, opened as forced, and prepared whole", async () => {
    const dir = temporaryFolder();
    await otherWriters[format]!(dir, 6);
    const dataset = await openDataset(dir);
    expect(dataset.name).toBe(format);
    expect(dataset.samples.map(({ label }) => label).sort()).toEqual([0, 0, 0, 1, 1, 1]);
    for (const { id, label, boxes } of dataset.samples) {
      const i = Number(/(\d+)\.\w+$/.exec(id)![1]);
      expect([id, label]).toEqual([id, i % 2]);
      if (format === "classes") expect(boxes).toEqual([]);
      else {
        expect(boxes.length).toBe(1);
        for (const [edge, value] of Object.entries<number>({ ...nodule(i) })) {
          expect(boxes[0]![edge as "x0"], `${id} ${edge}`).toBeCloseTo(value, 6);
        }
      }
    }
    expect(dataset.skipped.map(({ reason }) => reason)).toEqual(
      format === "classes"
        ? ["shows normal tissue, without a nodule: --classes benign,malignant,normal takes it as a class"]
        : [],
    );
    expect(await openDataset(dir, { format })).toEqual(dataset);
    const { prepared, skipped } = await prepareDataset(dataset, { width: 32, height: 32, crop: "none", workers: 1 });
    expect([prepared.length, skipped]).toEqual([6, []]);
  });

  test("is not taken for one of the public sets, nor does it take their folders", async () => {
    const dir = temporaryFolder();
    await otherWriters[format]!(dir, 4);
    for (const other of Object.keys(writers)) {
      await expect(openDataset(dir, { format: other }), other).rejects.toThrow(
        /no usable|there is neither|bus_data\.csv/,
      );
    }
  });
});

test("folders of one tool forced to another's format give no sample", async () => {
  const apart = ["coco", "cvat", "labelme", "voc", "yolo"];
  for (const format of apart) {
    const dir = temporaryFolder();
    await otherWriters[format]!(dir, 3);
    for (const other of apart.filter((name) => name !== format)) {
      await expect(openDataset(dir, { format: other }), `${format} as ${other}`).rejects.toThrow(/no usable/);
    }
  }
});
