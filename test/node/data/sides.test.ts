import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { benignMalignant } from "../../../src/data/classes.ts";
import { DataError, type Prepared } from "../../../src/data/sample.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { prepareDataset } from "../../../src/node/data/prepare.ts";
import { readSplitFile } from "../../../src/node/data/split-file.ts";
import { type SplitConfig, splitData as splitBy, splitFile, withoutSeen } from "../../../src/runs/sides.ts";
import { balancedWeights } from "../../../src/runs/split-data.ts";
import { encode, temporaryFolder, ultrasound } from "./images.ts";
import { writeFiles, writeManifestSet, writeTn3k } from "./sets.ts";

const config: SplitConfig = { data: "set", val: 0.3, seed: 1, split: "auto", folds: 0, fold: 0 };
const splitData = (images: readonly Prepared[], given: SplitConfig) => splitBy(images, given, { read: readSplitFile });
const ids = (images: readonly Prepared[]) => images.map(({ id }) => id);
const load = async (dir: string) => {
  const result = await prepareDataset(await openDataset(dir), { width: 32, height: 32, crop: "none", workers: 1 });
  return result.prepared;
};

let tn3k: Prepared[];
let own: Prepared[];
const dir = temporaryFolder();

beforeAll(async () => {
  const tn3kDir = temporaryFolder();
  await writeTn3k(tn3kDir, 12);
  tn3k = await load(tn3kDir);
  await writeManifestSet(dir, 8);
  own = await load(dir);
});

describe("a split", () => {
  test("is the set's own where it has one; what the set lacks is drawn", () => {
    const { train, val, test, how } = splitData(own, config);
    expect([ids(val), test]).toEqual([["img/6.png", "img/7.png"], []]);
    expect([train.length, how]).toEqual([6, "as the set defines it"]);
    const drawn = splitData(tn3k, config);
    expect(ids(drawn.test)).toEqual(["test/0000", "test/0001"]);
    expect(drawn.train.length + drawn.val.length).toBe(12);
    expect(drawn.how).toMatch(/^30 % held out at random with seed 1; test images as the set defines them$/);
    const random = splitData(tn3k, { ...config, split: "random" });
    expect([random.test, random.train.length + random.val.length]).toEqual([[], 14]);
    const bare = own.map((image) => ({ ...image, side: "train" as const }));
    expect(() => splitData(bare, { ...config, split: "set" })).toThrow(/no split of its own/);
  });

  test("is in folds, the set's own where it has as many", () => {
    const held = [0, 1].map((fold) => splitData(tn3k, { ...config, folds: 2, fold }));
    expect(ids(held[1]!.val)).toEqual([1, 3, 5, 7, 9, 11].map((n) => `trainval/${String(n).padStart(4, "0")}`));
    expect(held[0]!.how).toBe("fold 0 of 2 (counted from 0), as the set defines it");
    expect(ids(held[0]!.test)).toEqual(["test/0000", "test/0001"]);
    const three = [0, 1, 2].map((fold) => splitData(tn3k, { ...config, folds: 3, fold }));
    expect(ids(three.flatMap(({ val }) => val)).sort()).toEqual(ids(tn3k).slice(0, 12));
    expect(three[0]!.notes).toEqual([expect.stringMatching(/defines 2 folds, which are not used for 3/)]);
    expect(() => splitData(tn3k, { ...config, split: "set", folds: 3 })).toThrow(/defines 2 folds, not 3/);
  });

  test("is used again from its file; one of other images is refused", () => {
    const before = splitData(own, { ...config, split: "random" });
    const file = path.join(dir, "split.json");
    writeFileSync(file, splitFile(before, "set"));
    const again = splitData(own, { ...config, split: file, seed: 7 });
    expect([ids(again.train), ids(again.val)]).toEqual([ids(before.train), ids(before.val)]);
    expect(again.how).toBe(`from ${file}`);
    const { val, train } = before;
    const fewer = own.filter(({ id }) => id !== val[0]!.id);
    const error = `${file}: names 1 images that set does not have, the first: ${val[0]!.id}`;
    expect(() => splitData(fewer, { ...config, split: file })).toThrow(error);
    const more = [...own, { ...own[0]!, id: "new", group: "new", print: tn3k[0]!.print! }];
    expect(splitData(more, { ...config, split: file }).left).toEqual([
      { file: "new", reason: "the split does not name it" },
    ]);
    expect(() => splitData(own, { ...config, split: path.join(dir, "none.json") })).toThrow(/none.json: no such file/);
    expect(train.length + val.length).toBe(8);
  });

  test("keeps a picture that was saved again, smaller and brighter, with the first one", async () => {
    const twin = temporaryFolder();
    await writeManifestSet(twin, 6);
    // The picture of patient p0, held out by the set, once more as that of a patient to train on.
    const again = sharp(path.join(twin, "img/5.png")).linear(1.1, 5).resize(240, 180).jpeg({ quality: 60 });
    writeFiles(twin, { "img/twin.jpg": await again.toBuffer() });
    const rows = [0, 1, 2, 3, 5].map((i) => `img/${i}.png,${i % 2},100 80 160 120,p${i},${i < 4 ? "train" : "val"}`);
    rows.push("img/twin.jpg,1,75 60 120 90,p9,train");
    writeFileSync(path.join(twin, "manifest.csv"), `image,label,boxes,patient,split\n${rows.join("\n")}\n`);
    const prepared = await load(twin);
    const { train, left, notes } = splitData(prepared, config);
    expect(ids(train)).toEqual([0, 1, 2, 3].map((i) => `img/${i}.png`));
    expect(left).toEqual([{ file: "img/twin.jpg", reason: "its patient or its picture is also held out" }]);
    expect(notes).toEqual([expect.stringMatching(/^1 images share/)]);
    for (let seed = 0; seed < 10; seed++) {
      const random = splitData(prepared, { ...config, split: "random", seed });
      const held = new Set(ids(random.val));
      expect(held.has("img/5.png")).toBe(held.has("img/twin.jpg"));
    }
    // As an external set, it would be known already.
    const external = temporaryFolder();
    copyFileSync(path.join(twin, "img/twin.jpg"), path.join(external, "t.jpg"));
    const other = await encode(ultrasound(99)).png().toBuffer();
    writeFiles(external, {
      "o.png": other,
      "manifest.csv": "image,label,boxes\nt.jpg,1,75 60 120 90\no.png,0,9 9 40 40\n",
    });
    const { images, left: known } = withoutSeen(await load(external), own);
    expect(ids(images)).toEqual(["o.png"]);
    expect(known).toEqual([{ file: "t.jpg", reason: "is the picture img/5.png, which the network was trained on" }]);
  });

  test("with nothing on a side is one clear error", () => {
    const all = own.map((image) => ({ ...image, side: "val" as const }));
    expect(() => splitData(all, config)).toThrow(new DataError("set: of 8 images, none is left to train on"));
  });
});

test("balanced weights are scikit-learn's, and need both classes", () => {
  expect(balancedWeights([0, 0, 0, 1], benignMalignant, "x")).toEqual([4 / 6, 2]);
  expect(() => balancedWeights([1, 1], benignMalignant, "x")).toThrow("x: no training image is benign");
});
