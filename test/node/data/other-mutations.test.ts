/** Damaged files in layouts of tools and folders: a listed skip, a note or one clear error; no class or box is invented. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { stream } from "../../../src/data/random.ts";
import { DataError, type Dataset, type Sample } from "../../../src/data/sample.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { anyDamages, change, type Damage, upTo } from "./damages.ts";
import { temporaryFolder } from "./images.ts";
import { otherWriters } from "./other-sets.ts";
import { everything } from "../../support/selection.ts";

const MUTATIONS = Number(process.env["MUTATIONS"] ?? (everything ? 350 : 70));
const damages: Record<string, Damage> = {
  ...anyDamages,
  "without a field": (bytes, random) => change(bytes, random, /<[^>]*>|"\w+":|\w+="[^"]*"|,|[ \t]+/g, ""),
  "of another type": (bytes, random) =>
    change(bytes, random, /"[^"]*"|\d+/g, ["null", "[]", "{}", '"x"', "true", "[[1,2]]"][upTo(random, 5)]!),
};

interface Set {
  format: string;
  dir: string;
  texts: string[];
  before: Dataset;
}
const sets: Set[] = [];

beforeAll(async () => {
  for (const [format, write] of Object.entries(otherWriters).filter(([name]) => name !== "classes")) {
    const dir = temporaryFolder();
    await write(dir, 4);
    const texts = readdirSync(dir, { recursive: true, withFileTypes: true })
      .flatMap((e) => (e.isFile() ? [path.relative(dir, path.join(e.parentPath, e.name))] : []))
      .filter((file) => !/\.(?:png|jpg)$/i.test(file))
      .sort();
    sets.push({ format, dir, texts, before: await openDataset(dir) });
  }
});

/** What a sample says, for comparison. */
const said = ({ label, boxes, group, side }: Sample) => ({ label, boxes, group, side });
/** Whether a damaged text has the word of a class beside what is of no class. */
const namesClass = (text: string, label: number) =>
  new RegExp(["benign|\\b0\\b", "malignant|\\b1\\b"][label]!, "i").test(text);

test.each(Object.keys(damages))(`${MUTATIONS} files, those %s`, async (kind) => {
  const kinds = Object.keys(damages);
  let told = 0;
  let count = 0;
  for (let i = kinds.indexOf(kind); i < MUTATIONS; i += kinds.length) {
    const random = stream(i, 79);
    const { format, dir, texts, before } = sets[Math.floor(i / kinds.length) % sets.length]!;
    const name = texts[upTo(random, texts.length - 1)]!;
    const file = path.join(dir, name);
    const whole = readFileSync(file);
    const damaged = Buffer.from(damages[kind]!(whole, random));
    const about = `mutation ${i}: ${format} ${name} ${kind}: ${damaged.toString("latin1").slice(0, 400)}`;
    writeFileSync(file, damaged);
    count++;
    try {
      const after = await openDataset(dir, { format });
      const was = new Map(before.samples.map((sample) => [sample.id, sample]));
      const says = after.skipped.length !== before.skipped.length || after.notes.join() !== before.notes.join();
      if (says) told++;
      if (after.samples.length < before.samples.length) expect(says, about).toBe(true);
      for (const sample of after.samples) {
        const { label, boxes } = sample;
        const known = was.get(sample.id)!;
        if (label !== known.label) {
          // It is lost with a word about it, or the file says so.
          if (label === undefined) expect(says, about).toBe(true);
          else expect(namesClass(damaged.toString("utf8"), label), about).toBe(true);
        }
        // A number that ends early is a number: nothing tells the last one of YOLO's lines, or of a table's.
        if (kind === "cut off" && format !== "yolo" && !/\.csv$/.test(name)) {
          expect(said(sample), about).toEqual(said(known));
        }
        for (const { x0, y0, x1, y1 } of boxes) {
          expect(0 <= x0 && x0 < x1 && x1 <= 320 && 0 <= y0 && y0 < y1 && y1 <= 240, about).toBe(true);
        }
      }
      for (const { file, reason } of after.skipped) {
        expect(`${file}: ${reason}`, about).toMatch(/^[^\n]+: \S[^\n]{5,}$/);
      }
    } catch (error) {
      if (error instanceof Error && error.name === "AssertionError") throw error;
      expect(error, `${about}\n${(error as Error).stack}`).toBeInstanceOf(DataError);
      expect((error as Error).message, about).toMatch(/^[^\n]+$/);
      told++;
    } finally {
      writeFileSync(file, whole);
    }
  }
  expect(count).toBeGreaterThan(0.9 * (MUTATIONS / kinds.length));
  // Most of the damage is noticed; a digit, a blank or a key that nobody reads may change without harm.
  if (kind === "cut off" || /UTF-16/.test(kind)) expect(told).toBeGreaterThan(0.8 * count);
});
