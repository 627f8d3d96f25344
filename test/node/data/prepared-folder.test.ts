import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { ellipseMask } from "../../../src/data/ellipse.ts";
import { decodeGrey } from "../../../src/node/data/decode.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { prepareDataset } from "../../../src/node/data/prepare.ts";
import { writePreparedFolder } from "../../../src/node/data/prepared-folder.ts";
import { temporaryFolder, writeDdti } from "./images.ts";
import { writeBusBra } from "./sets.ts";

const dir = temporaryFolder();
await writeBusBra(dir, 6);
const dataset = await openDataset(dir);
const settings = { data: dir, size: [48, 40] as [number, number], crop: "adaptive" as const };
const read = (...names: string[]) => readFileSync(path.join(...names));

describe("a prepared folder", () => {
  test("trains as the set itself does: pixels, boxes, classes, patients and folds", async () => {
    const out = temporaryFolder();
    const { entries, reused, skipped } = await writePreparedFolder(dataset, out, settings, { workers: 2 });
    expect([entries.length, reused, skipped]).toEqual([12, 0, []]);
    expect(readdirSync(out).sort()).toEqual(["images", "manifest.csv", "masks", "outlines", "prepared.jsonl"]);
    const size = { width: 48, height: 40, crop: "adaptive", workers: 1 } as const;
    const direct = (await prepareDataset(dataset, size)).prepared;
    const again = await openDataset(out);
    expect([again.name, again.skipped, again.notes]).toEqual(["manifest", [], []]);
    const { prepared } = await prepareDataset(again, size);
    prepared.forEach((image, i) => {
      const { grey, shape, boxes, label, group, fold } = direct[i]!;
      expect(image.grey).toEqual(grey);
      expect(image.shape).toEqual(shape);
      expect(image.source!.crop).toEqual({ x0: 0, y0: 0, x1: 48, y1: 40 });
      expect([image.label, image.group, image.fold]).toEqual([label, `patient ${group}`, fold]);
      image.boxes.forEach((box, b) => {
        for (const edge of ["x0", "y0", "x1", "y1"] as const) expect(box[edge]).toBeCloseTo(boxes[b]![edge], 5);
      });
    });
    const mask = await decodeGrey(read(out, entries[3]!.entry.mask));
    expect([...mask.grey].map((level) => level / 255)).toEqual([...ellipseMask(direct[3]!.boxes, 48, 40)]);
  });

  test("is gone on with: what is there and current is not done again, the rest is", async () => {
    const out = temporaryFolder();
    const controller = new AbortController();
    const stopped = writePreparedFolder(dataset, out, settings, {
      workers: 1,
      signal: controller.signal,
      onProgress: (done) => done === 5 && controller.abort(new Error("stop")),
    });
    await expect(stopped).rejects.toThrow("stop");
    expect(existsSync(path.join(out, "manifest.csv"))).toBe(false);
    // A line that was cut off by a crash, and a file that is gone.
    const journal = path.join(out, "prepared.jsonl");
    const lines = readFileSync(journal, "utf8").split("\n");
    expect(lines.length).toBeGreaterThanOrEqual(6);
    const first = JSON.parse(lines[1]!) as { image: string };
    rmSync(path.join(out, first.image));
    writeFileSync(journal, `${lines.slice(0, 5).join("\n")}\n${lines[5]!.slice(0, 40)}`);
    const { entries, reused } = await writePreparedFolder(dataset, out, settings);
    expect([entries.length, reused]).toEqual([12, 3]);
    const whole = temporaryFolder();
    await writePreparedFolder(dataset, whole, settings);
    for (const name of ["manifest.csv", ...readdirSync(path.join(whole, "images")).map((n) => `images/${n}`)]) {
      expect(read(out, name).equals(read(whole, name)), name).toBe(true);
    }
    expect((await writePreparedFolder(dataset, out, settings)).reused).toBe(12);
    // An image and an annotation that have changed since.
    const { file } = dataset.samples[2]!;
    const { atime, mtimeMs } = statSync(file);
    utimesSync(file, atime, new Date(mtimeMs + 5000));
    const changed = dataset.samples.map((s, i) => (i === 4 ? { ...s, boxes: [{ ...s.boxes[0]!, x0: 90 }] } : s));
    expect((await writePreparedFolder({ ...dataset, samples: changed }, out, settings)).reused).toBe(10);
  });

  test("is refused where other things lie, and with other settings", async () => {
    const out = temporaryFolder();
    await writePreparedFolder(dataset, out, settings);
    const again = (change: object) => writePreparedFolder(dataset, out, { ...settings, ...change });
    await expect(again({ size: [48, 48] })).rejects.toThrow(
      /was started with --size 48x40, not 48x48; choose another --out$/,
    );
    await expect(again({ size: null })).rejects.toThrow(/was started with --size 48x40, not none/);
    await expect(again({ crop: "fixed" })).rejects.toThrow(/--crop adaptive, not fixed/);
    await expect(writePreparedFolder(dataset, dir, settings)).rejects.toThrow(/not empty, and holds nothing to resume/);
  });

  test("keeps crops at their own size where asked to, and leaves out images that are broken", async () => {
    const set = temporaryFolder();
    const names = await writeDdti(set, 4);
    const broken = path.join(set, names[1]!);
    writeFileSync(broken, readFileSync(broken).subarray(0, 3000));
    const out = temporaryFolder();
    const result = await writePreparedFolder(await openDataset(set), out, { data: set, size: null, crop: "adaptive" });
    expect(result.entries.map(({ entry }) => entry.id)).toEqual(["1_1", "3_1", "4_1"]);
    expect(result.skipped).toEqual([{ file: broken, reason: expect.stringMatching(/not a readable image/) as string }]);
    for (const { entry } of result.entries) {
      const { x0, y0, x1, y1 } = entry.crop;
      const { width, height } = await sharp(read(out, entry.image)).metadata();
      expect([width, height]).toEqual([x1 - x0, y1 - y0]);
    }
  });
});
