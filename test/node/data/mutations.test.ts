/** 500 damaged annotations and images: each is left out with a reason, or one clear error; no label is ever made up. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { beforeAll, describe, expect, test } from "vitest";
import { stream } from "../../../src/data/random.ts";
import { DataError, type Dataset, type Sample } from "../../../src/data/sample.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { decodeGrey } from "../../../src/node/data/decode.ts";
import { dicom, openCodecs } from "./dicom-files.ts";
import { temporaryFolder, ultrasound } from "./images.ts";
import { writeManifestSet, writers } from "./sets.ts";

const MUTATIONS = 500;
type Random = ReturnType<typeof stream>;
const upTo = (random: Random, most: number) => uniformInt(random, 0, most);

/** What is done to a file's bytes. Text is damaged where it says something: in its numbers, fields and encoding. */
const damages: Record<string, (bytes: Buffer, random: Random) => Uint8Array> = {
  "cut off": (bytes, random) => bytes.subarray(0, upTo(random, bytes.length - 1)),
  "bit flipped": (bytes, random) => {
    const copy = Buffer.from(bytes);
    for (let n = upTo(random, 3); n >= 0; n--) copy[upTo(random, copy.length - 1)]! ^= 1 << upTo(random, 7);
    return copy;
  },
  "in UTF-16 without a mark": (bytes) => Buffer.from(bytes.toString("latin1"), "utf16le"),
  "in Latin-1": (bytes, random) => {
    const at = upTo(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), Buffer.of(0xe9, 0xfc), bytes.subarray(at)]);
  },
  "of huge numbers": (bytes, random) => {
    const huge = ["99999999999999999999", "1e308", "-5", "NaN", "4294967296"][upTo(random, 4)]!;
    return change(bytes, random, /\d+/g, huge);
  },
  "without a field": (bytes, random) => change(bytes, random, /<[^>]*>|"\w+":|,|\t/g, ""),
  "with zeros": (bytes, random) => {
    const copy = Buffer.from(bytes);
    const at = upTo(random, copy.length - 1);
    return copy.fill(0, at, Math.min(copy.length, at + 1 + upTo(random, 64)));
  },
};

/** Replaces one of the matches in a text. */
function change(bytes: Buffer, random: Random, pattern: RegExp, by: string): Buffer {
  const text = bytes.toString("latin1");
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return bytes.subarray(0, bytes.length >> 1);
  const { 0: found, index } = matches[upTo(random, matches.length - 1)]!;
  return Buffer.from(text.slice(0, index) + by + text.slice(index + found.length), "latin1");
}

interface Set {
  format: string;
  dir: string;
  /** Below the folder: annotations first, since most can go wrong there. */
  files: string[];
  before: Dataset;
}

const sets: Set[] = [];

beforeAll(async () => {
  await openCodecs();
  for (const [format, write] of Object.entries({
    ...writers,
    jsonl: (dir: string, count: number) => writeManifestSet(dir, count, "jsonl"),
  })) {
    const dir = temporaryFolder();
    await write(dir, 3);
    const all = readdirSync(dir, { recursive: true, withFileTypes: true }).flatMap((e) =>
      e.isFile() ? [path.relative(dir, path.join(e.parentPath, e.name))] : [],
    );
    // The sides of so small a set may be empty: there is nothing to damage then.
    const texts = all
      .filter((f) => /\.(xml|csv|txt|json|jsonl)$/.test(f) && statSync(path.join(dir, f)).size > 0)
      .sort();
    // Three times as many annotations as images.
    const images = all.filter((f) => /\.(png|jpg)$/.test(f)).sort();
    const often = Array.from({ length: Math.ceil((3 * images.length) / (texts.length || 1)) }, () => texts).flat();
    sets.push({ format, dir, files: [...often, ...images], before: await openDataset(dir) });
  }
});

/** Whether the damaged file itself says so: a flipped bit can make a well-formed file of another class. */
function saysSo({ label, id }: Sample, format: string, text: string): boolean {
  if (label === undefined) return true;
  const word = `(?:${label}|${["benign", "malignant"][label]})`;
  const number = id.replace(/^.*\//, "");
  const patterns: Record<string, RegExp> = {
    ddti: label === 0 ? /<tirads>[23]</ : /<tirads>(?:4[a-cA-C]|5)</,
    tn5000: new RegExp(`<name>\\s*${word}\\s*<`, "i"),
    tn3k: new RegExp(`${number}\\.jpg\\s*,\\s*${word}\\s*$`, "im"),
    "bus-bra": new RegExp(`^${id}[,;\\t].*${word}`, "im"),
    manifest: new RegExp(`${number.replace(".", "\\.")}\\s*,\\s*${word}\\s*,`, "i"),
    jsonl: new RegExp(`${number.replace(".", "\\.")}".*"label"\\s*:\\s*"?${word}\\b`, "i"),
  };
  return patterns[format]?.test(text) ?? false;
}

describe(`${MUTATIONS} damaged files`, () => {
  test.each(Object.keys(damages))(
    "%s: left out with a reason, or one clear error, and no label made up",
    async (kind) => {
      const kinds = Object.keys(damages);
      let unchanged = 0;
      let outcomes = 0;
      for (let i = kinds.indexOf(kind); i < MUTATIONS; i += kinds.length) {
        const random = stream(i, 77);
        const { format, dir, files, before } = sets[Math.floor(i / kinds.length) % sets.length]!;
        const name = files[upTo(random, files.length - 1)]!;
        const file = path.join(dir, name);
        const whole = readFileSync(file);
        const damaged = Buffer.from(damages[kind]!(whole, random));
        writeFileSync(file, damaged);
        const about = `mutation ${i}: ${format} ${name} ${kind}`;
        try {
          const after = await openDataset(dir, { format: format === "jsonl" ? "manifest" : format });
          const ids = new Map(before.samples.map((sample) => [sample.id, sample]));
          for (const sample of after.samples) {
            const was = ids.get(sample.id);
            if (was?.label !== sample.label) {
              expect(saysSo(sample, format, damaged.toString("utf8")), `${about}: ${sample.id} ${sample.label}`).toBe(
                true,
              );
            }
            for (const { x0, y0, x1, y1 } of sample.boxes) {
              expect(0 <= x0 && x0 < x1 && x1 <= 320 && 0 <= y0 && y0 < y1 && y1 <= 240, about).toBe(true);
            }
          }
          for (const { file, reason } of after.skipped)
            expect(`${file}: ${reason}`, about).toMatch(/^[^\n]+: \S[^\n]{5,}$/);
          // What is missing is listed.
          const lost = before.samples.length - after.samples.length;
          if (lost > 0) expect(after.skipped.length, about).toBeGreaterThan(before.skipped.length);
          // Damage behind an image's header shows when it is decoded.
          const isImage = /\.(png|jpg)$/.test(name);
          const decoded = isImage ? await decodeGrey(damaged).catch((error: unknown) => error) : undefined;
          if (decoded instanceof Error) expect(decoded, about).toBeInstanceOf(DataError);
          else if (lost === 0) unchanged++;
        } catch (error) {
          expect(error, about).toBeInstanceOf(DataError);
          expect((error as Error).message, about).toMatch(/^[^\n]+$/);
        } finally {
          writeFileSync(file, whole);
        }
        outcomes++;
      }
      expect(outcomes).toBeGreaterThan(70);
      // The damage is real: most of it is noticed, except where single bits of pixels or of digits change.
      if (!/bit|zeros|Latin|huge|field/.test(kind)) expect(unchanged).toBeLessThan(outcomes / 2);
    },
  );

  test("DICOM files: a readable image or one clear error, never a crash", async () => {
    const rle = dicom(ultrasound(1), {}, "1.2.840.10008.1.2.5");
    const lossless = dicom(ultrasound(1), {}, "1.2.840.10008.1.2.4.70");
    for (let i = 0; i < 60; i++) {
      const random = stream(i, 78);
      const bytes = Buffer.from([dicom(ultrasound(1)), rle, lossless][i % 3]!);
      // The header is where sizes and lengths are.
      const copy = i % 2 === 0 ? bytes : Buffer.from(bytes.subarray(0, upTo(random, bytes.length)));
      for (let n = 0; n < 4; n++) copy[132 + upTo(random, 700)]! ^= 1 << upTo(random, 7);
      const result = await decodeGrey(copy).catch((error: unknown) => error);
      if (result instanceof Error) {
        expect(result, `DICOM ${i}: ${result.stack}`).toBeInstanceOf(DataError);
        expect(result.message).not.toContain("\n");
      } else expect(result).toHaveProperty("grey");
    }
  });
});

test("the sets are whole again after all that", async () => {
  for (const { dir, before } of sets) expect(await openDataset(dir)).toEqual(before);
});
