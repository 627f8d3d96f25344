/** Duplicate pictures in a set: which pairs lie across the set's own split or folds, and what `inspect` reports. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import type { Prepared } from "../../../src/data/sample.ts";
import { crosses, inspectSet, type Inspection } from "../../../src/node/data/inspect.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { prepareDataset } from "../../../src/node/data/prepare.ts";
import { mganet } from "../../cli/support.ts";
import { temporaryFolder } from "./images.ts";
import { nodule, vocXml, writeBusBra, writeTn5000 } from "./sets.ts";

/** The same picture, saved again: brighter, smaller and back, with JPEG's losses. */
const again = (file: string) =>
  sharp(readFileSync(file)).linear(1.08, 4).resize(280, 210).resize(320, 240).jpeg({ quality: 60 }).toBuffer();

async function inspected(dir: string): Promise<{ found: Inspection; prepared: Prepared[]; lines: string }> {
  const dataset = await openDataset(dir);
  const { prepared, skipped } = await prepareDataset(dataset, { width: 32, height: 32, crop: "adaptive", workers: 1 });
  const found = inspectSet(dataset, prepared, [...dataset.skipped, ...skipped], []);
  const { out, code } = await mganet("inspect", "--data", dir, "--out", path.join(temporaryFolder(), "seen"));
  expect(code).toBe(0);
  return { found, prepared, lines: out.join("\n") };
}

const pairsOf = (found: Inspection) => found.nearPairs.map(({ images }) => images.join(" = ")).sort();

test("across the sides of a set's own split", async () => {
  const dir = temporaryFolder();
  // Trained on: 1 to 4; to choose by: 5; tested on: 6 to 8.
  await writeTn5000(dir, 8);
  const image = (id: string) => path.join(dir, `JPEGImages/${id}.jpg`);
  const copy = async (from: string, to: string) => writeFileSync(image(to), await again(image(from)));
  await copy("000001", "000007"); // train = test, of one class
  await copy("000002", "000005"); // train = val, of different classes
  await copy("000003", "000004"); // within train, of different classes
  await copy("000006", "000008"); // within test
  await copy("000002", "000009"); // on no side
  writeFileSync(path.join(dir, "Annotations/000009.xml"), vocXml("000009", [{ name: "1", box: nodule(1) }]));
  const { found, lines } = await inspected(dir);
  expect(pairsOf(found)).toEqual([
    "000001 = 000007",
    "000002 = 000005",
    "000002 = 000009",
    "000003 = 000004",
    "000005 = 000009",
    "000006 = 000008",
  ]);
  const across = found.nearPairs.filter(({ sides }) => crosses(sides));
  expect(across.map(({ images, sides }) => [...images, ...sides])).toEqual([
    ["000001", "000007", "train", "test"],
    ["000002", "000005", "train", "val"],
  ]);
  expect(lines).toMatch(/near-identical +6 pairs/);
  expect(lines).toMatch(
    / 2 on different sides of the set's own split\n +000001 = 000007\n +000002 = 000005\n +\d+ of different class/,
  );
  expect(lines).not.toContain("folds of the set's own");
  // What a training with that split does about it.
  expect(lines).toMatch(/left out +3 +the first: 000001: its patient or its picture is also held out/);
});

test("across a set's own folds", async () => {
  const dir = temporaryFolder();
  // Patients 1 to 6, a left and a right image each, in folds 1 2 3 4 0 1.
  await writeBusBra(dir, 6);
  const image = (id: string) => path.join(dir, `Images/${id}.png`);
  const copy = async (from: string, to: string) =>
    writeFileSync(
      image(to),
      await sharp(await again(image(from)))
        .png()
        .toBuffer(),
    );
  await copy("bus_0001-l", "bus_0003-r"); // folds 1 and 3
  await copy("bus_0001-r", "bus_0006-l"); // both in fold 1
  await copy("bus_0002-l", "bus_0002-r"); // one patient, one fold
  const { found, lines } = await inspected(dir);
  expect(pairsOf(found)).toEqual(["bus_0001-l = bus_0003-r", "bus_0001-r = bus_0006-l", "bus_0002-l = bus_0002-r"]);
  expect(found.nearPairs.filter(({ folds }) => crosses(folds)).map(({ images }) => images[0])).toEqual(["bus_0001-l"]);
  expect(lines).toMatch(/ 2 of different patients\n/);
  expect(lines).toMatch(/ 1 in different folds of the set's own\n +bus_0001-l = bus_0003-r\n/);
  expect(lines).not.toContain("sides of the set's own split");
});

test("an image that the set puts nowhere crosses nothing", () => {
  expect([crosses(["train", null]), crosses([null, null]), crosses(["train", "train"]), crosses([0, 1])]).toEqual([
    false,
    false,
    false,
    true,
  ]);
});
