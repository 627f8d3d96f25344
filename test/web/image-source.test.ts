/** The images of a page, compared with those that Node prepares. */
import { describe, expect, test } from "vitest";
import { benignMalignant } from "../../src/data/classes.ts";
import { DataError, type Prepared } from "../../src/data/sample.ts";
import { folderImages } from "../../src/node/image-source.ts";
import type { PreparedSet } from "../../src/runs/usable-images.ts";
import { PageImages, type PreparedSets } from "../../src/web/image-source.ts";
import { mganetConfig } from "../support/mganet.ts";

const config = mganetConfig({ size: [32, 64], batch: 4, phantomImages: 20 });
const own = { ...config, data: "my project" };
/** Copies, so that shared memory makes no difference. */
const plain = (prepared: readonly Prepared[]) =>
  prepared.map((p) => ({ ...p, grey: p.grey.slice(), ...(p.shape ? { shape: p.shape.slice() } : {}) }));

const image = (id: string, changes: Partial<Prepared> = {}): Prepared => ({
  ...{ id, group: id, label: Number(id) % 2, width: 64, height: 32, grey: new Uint8Array(64 * 32).fill(Number(id)) },
  boxes: [{ x0: 4, y0: 4, x1: 20, y1: 20 }],
  ...changes,
});
const setOf = (prepared: Prepared[], changes: Partial<PreparedSet> = {}): PreparedSet => ({
  ...{ name: "my project", classes: benignMalignant, prepared, skipped: [], notes: [], unmarked: new Set<string>() },
  ...changes,
});
const source = (set: PreparedSet) => new PageImages(() => Promise.resolve(set));

describe("the phantom in a page", () => {
  test.each(["phantom", "phantom-b"])("is the same %s as on Node: images, split and batches", async (data) => {
    const given = { ...config, data, splitSeed: 7, target: "kind" as const };
    const page = new PageImages();
    const [ours, theirs] = [await page.prepare(given), await folderImages.prepare(given)];
    expect(plain(ours.prepared)).toEqual(plain(theirs.prepared));
    expect({ ...ours, prepared: [] }).toEqual({ ...theirs, prepared: [] });
    expect(await page.check(given)).toEqual(await folderImages.check(given));
    const [split, other] = [page.split(ours.prepared, given), folderImages.split(theirs.prepared, given)];
    expect(page.splitText(split, data)).toBe(folderImages.splitText(other, data));
    const options = { seed: 3, epoch: 2, batchSize: 4, shuffle: true, flip: true, dropLast: true, startBatch: 1 };
    const [mine, nodes] = [page.batches(ours.prepared, "outline"), folderImages.batches(theirs.prepared, "outline")];
    const all = async (batches: AsyncIterable<unknown>) => {
      const found: unknown[] = [];
      for await (const batch of batches) found.push(batch);
      return found;
    };
    expect(await all(mine.epoch(options))).toEqual(await all(nodes.epoch(options)));
    await Promise.all([mine.close(), nodes.close()]);
  });

  test("tells of its progress and stops when it is asked to", async () => {
    const controller = new AbortController();
    const seen: number[][] = [];
    const stopped = new PageImages().prepare(config, {
      signal: controller.signal,
      onProgress(done, total) {
        seen.push([done, total]);
        // In a task of its own, as a message arrives.
        if (done === 3) setTimeout(() => controller.abort(new Error("enough")), 0);
      },
    });
    await expect(stopped).rejects.toThrow("enough");
    expect(seen.slice(0, 3)).toEqual([1, 2, 3].map((done) => [done, 20]));
    expect(seen.length).toBeLessThan(20);
  });

  test("of an earlier version's configuration is resized as Pillow does, and says so", async () => {
    const [old, now] = [{ ...config, resize: "libvips" as const }, config];
    const [before, after] = await Promise.all([old, now].map((given) => new PageImages().prepare(given)));
    expect(before!.prepared).toEqual(after!.prepared);
    expect([before!.notes, after!.notes]).toEqual([
      [expect.stringMatching(/^resized as Pillow does, and not by libvips, /)],
      [],
    ]);
  });
});

describe("other images in a page", () => {
  test("are those that the page gives, without those that cannot be used", async () => {
    const bare = image("3", { boxes: [] });
    const set = setOf([image("1"), image("2"), bare], { unmarked: new Set(["3"]), notes: ["a note"] });
    const asked: string[] = [];
    const sets: PreparedSets = ({ data }) => Promise.resolve(set).finally(() => asked.push(data));
    const page = new PageImages(sets);
    expect(await page.check(own)).toEqual(benignMalignant);
    const { prepared, skipped, notes } = await page.prepare(own);
    expect(prepared.map(({ id }) => id)).toEqual(["1", "2"]);
    expect([skipped, notes]).toEqual([[{ file: "3", reason: "no nodule is marked on it" }], ["a note"]]);
    expect((await page.prepare(own, { bare: "keep" })).prepared.length).toBe(3);
    expect(asked).toEqual(["my project", "my project", "my project"]);
  });

  test("that cannot be trained on are refused", async () => {
    const none = new DataError("my project: this page has no such images; there are phantom and phantom-b");
    await expect(new PageImages().check(own)).rejects.toThrow(none);
    const bare = setOf([image("1", { boxes: [] })], { unmarked: new Set(["1"]) });
    await expect(source(bare).prepare(own)).rejects.toThrow("my project: the page's images have no outlines");
    const others = setOf([image("1")], { classes: { names: ["cyst", "solid"], positive: 1 } });
    const named = { ...own, classes: ["benign", "malignant"] };
    await expect(source(others).check(named)).rejects.toThrow("has the classes cyst, solid, not benign, malignant");
    await expect(source(setOf([image("1")])).check(named)).rejects.toThrow("my project: no image is benign");
    expect(await source(setOf([image("1")])).check(named, { missingClasses: "allow" })).toEqual(benignMalignant);
    const elsewhere = { ...own, split: "split.json" };
    expect(() => source(setOf([])).split([image("1")], elsewhere)).toThrow(
      "split.json: a page cannot read a split from a file",
    );
    expect(() => source(setOf([])).batches([])).toThrow("there is no image to make a batch of");
  });

  test("have the positive class that is asked for", async () => {
    const set = setOf([image("1"), image("2")]);
    expect((await source(set).prepare({ ...own, positive: "benign" })).classes.positive).toBe(0);
  });
});
