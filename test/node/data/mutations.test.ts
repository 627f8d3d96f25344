/**
 * Damaged annotations and images: each is left out with a reason, or gives one clear error; no label or box is ever invented.
 * MUTATIONS=2500 for more of them, here and in ./other-mutations.test.ts.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { crc32 } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { stream } from "../../../src/data/random.ts";
import { DataError, type Dataset, type Sample } from "../../../src/data/sample.ts";
import { openDataset } from "../../../src/node/data/open.ts";
import { prepareDataset } from "../../../src/node/data/prepare.ts";
import { decodeGrey } from "../../../src/node/data/decode.ts";
import { anyDamages, change, type Damage, upTo } from "./damages.ts";
import { dicom, openCodecs } from "./dicom-files.ts";
import { encode, temporaryFolder, ultrasound } from "./images.ts";
import { writeFiles, writeManifestSet, writers } from "./sets.ts";
import { everything } from "../../support/selection.ts";

const MUTATIONS = Number(process.env["MUTATIONS"] ?? (everything ? 500 : 100));
/** Seconds of processor time within which a damaged file is dealt with: what else the machine has to do does not count. */
const HANG_S = 2;
/** What is done to a file's bytes. Text is damaged where it says something: in its numbers, fields and encoding. */
const damages: Record<string, Damage> = {
  ...anyDamages,
  "in Latin-1": (bytes, random) => {
    const at = upTo(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), Buffer.of(0xe9, 0xfc), bytes.subarray(at)]);
  },
  "without a field": (bytes, random) => change(bytes, random, /<[^>]*>|"\w+":|,|\t/g, ""),
  "with zeros": (bytes, random) => {
    const copy = Buffer.from(bytes);
    const at = upTo(random, copy.length - 1);
    return copy.fill(0, at, Math.min(copy.length, at + 1 + upTo(random, 64)));
  },
};

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
  sets.push(await everyImageFormat(temporaryFolder()));
});

/** A manifest of images in every format that is read; here the images are damaged. */
async function everyImageFormat(dir: string): Promise<Set> {
  const picture = (i: number) => encode(ultrasound(i)).toColourspace("b-w");
  const bits16 = Uint16Array.from(ultrasound(9).grey, (level) => 257 * level);
  const images: Record<string, Uint8Array> = {
    "plain.dcm": dicom(ultrasound(0)),
    "rle.dcm": dicom(ultrasound(1), {}, "1.2.840.10008.1.2.5"),
    "lossless.dcm": dicom(ultrasound(2), {}, "1.2.840.10008.1.2.4.70"),
    "jpeg.jpg": await picture(3).jpeg().toBuffer(),
    "progressive.jpg": await picture(4).jpeg({ progressive: true }).toBuffer(),
    "grey.png": await picture(5).png().toBuffer(),
    "bits.png": await picture(6).png({ palette: true, colours: 2 }).toBuffer(),
    "deep.png": await sharp(bits16, { raw: { width: 320, height: 240, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer(),
    "tiff.tif": await picture(7).tiff({ compression: "lzw" }).toBuffer(),
    "webp.webp": await picture(8).webp({ lossless: true }).toBuffer(),
    "gif.gif": await picture(10).gif().toBuffer(),
  };
  const names = Object.keys(images);
  const rows = names.map((name, i) => `${name},${i % 2},100 80 160 120,,p${i},train\n`);
  writeFiles(dir, { ...images, "manifest.csv": `image,label,boxes,mask,patient,split\n${rows.join("")}` });
  return { format: "formats", dir, files: names, before: await openDataset(dir) };
}

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

/** Whether a damaged file may say where a sample's nodules are: its own annotation or mask, or a table of all. */
function speaksOf(name: string, { id }: Sample): boolean {
  const isMask = /mask/i.test(name);
  if (/\.(png|jpg|dcm|tif|webp|gif)$/.test(name) && !isMask) return false;
  if (!isMask && !name.endsWith(".xml")) return true;
  // DDTI's files are of a case, with images 1, 2 ..
  const [own, its] = [name, id].map((text) => text.replace(/^.*\//, "").match(/\d+/g)?.[0]);
  return own === its;
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
        const begun = process.cpuUsage();
        try {
          const after = await openDataset(dir, { format: /jsonl|formats/.test(format) ? "manifest" : format });
          const ids = new Map(before.samples.map((sample) => [sample.id, sample]));
          for (const sample of after.samples) {
            const was = ids.get(sample.id);
            if (was?.label !== sample.label) {
              expect(saysSo(sample, format, damaged.toString("utf8")), `${about}: ${sample.id} ${sample.label}`).toBe(
                true,
              );
            }
            if (was !== undefined && JSON.stringify(sample.boxes) !== JSON.stringify(was.boxes)) {
              expect(speaksOf(name, sample), `${about}: ${sample.id} has other boxes`).toBe(true);
            }
            // What is cut off takes samples away; it changes none.
            if (kind === "cut off") {
              const { label, boxes, group } = sample;
              expect({ label, boxes, group }, `${about}: ${sample.id}`).toEqual({
                label: was?.label,
                boxes: was?.boxes,
                group: was?.group,
              });
            }
            for (const { x0, y0, x1, y1 } of sample.boxes) {
              expect(0 <= x0 && x0 < x1 && x1 <= 320 && 0 <= y0 && y0 < y1 && y1 <= 240, about).toBe(true);
            }
          }
          for (const { file, reason } of after.skipped)
            expect(`${file}: ${reason}`, about).toMatch(/^[^\n]+: \S[^\n]{5,}$/);
          // What is missing is listed; of a manifest that ends between two rows, the images that no row names any more.
          const lost = before.samples.length - after.samples.length;
          const unnamed = after.notes.some((note) => note.includes("are in no usable row"));
          if (lost > 0 && !unnamed) expect(after.skipped.length, about).toBeGreaterThan(before.skipped.length);
          // Damage behind an image's header shows when it is decoded.
          const isImage = /\.(png|jpg|dcm|tif|webp|gif)$/.test(name);
          const decoded = isImage ? await decodeGrey(damaged).catch((error: unknown) => error) : undefined;
          if (decoded instanceof Error) expect(decoded, about).toBeInstanceOf(DataError);
          else if (lost === 0) unchanged++;
        } catch (error) {
          if (error instanceof Error && error.name === "AssertionError") throw error;
          expect(error, about).toBeInstanceOf(DataError);
          expect((error as Error).message, about).toMatch(/^[^\n]+$/);
        } finally {
          writeFileSync(file, whole);
        }
        const { user, system } = process.cpuUsage(begun);
        expect((user + system) / 1e6, `${about}: seconds`).toBeLessThan(HANG_S);
        outcomes++;
      }
      expect(outcomes).toBeGreaterThan((0.98 * MUTATIONS) / kinds.length - 1);
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

/** A file of each format that says it is as large as the format can say; what it holds is small. */
async function hugeImages(): Promise<Record<string, Uint8Array>> {
  const small = encode(ultrasound(1)).toColourspace("b-w");
  const patched = (bytes: Uint8Array, patch: (view: DataView) => void) => {
    const copy = Uint8Array.from(bytes);
    patch(new DataView(copy.buffer));
    return copy;
  };
  const jpeg = await small.jpeg().toBuffer();
  const frame = jpeg.indexOf(Buffer.of(0xff, 0xc0));
  return {
    "huge.png": patched(await small.png().toBuffer(), (view) => {
      view.setUint32(16, 2 ** 31 - 1);
      view.setUint32(20, 2 ** 31 - 1);
      view.setUint32(29, crc32(new Uint8Array(view.buffer, 12, 17)));
    }),
    "huge.jpg": patched(jpeg, (view) => {
      view.setUint16(frame + 5, 65500);
      view.setUint16(frame + 7, 65500);
    }),
    "huge.dcm": dicom({ ...ultrasound(1), width: 65535, height: 65535 }),
    "huge-rle.dcm": dicom(ultrasound(1), { Rows: 65535, Columns: 65535 }),
  };
}

test("images that claim to be huge are refused before memory is taken for them", async () => {
  const before = process.memoryUsage().rss;
  for (const [name, bytes] of Object.entries(await hugeImages())) {
    const result = await decodeGrey(bytes).catch((error: unknown) => error);
    expect(result, name).toBeInstanceOf(DataError);
    expect((result as Error).message, name).toMatch(/^[^\n]+$/);
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
});

test("of a set of damaged images, each is prepared with its own class or listed with its reason", async () => {
  const { dir, before } = sets.at(-1)!;
  const broken = temporaryFolder();
  const files: Record<string, Uint8Array> = await hugeImages();
  const kinds = Object.keys(damages);
  for (const [k, { file }] of before.samples.entries()) {
    const whole = readFileSync(file);
    for (const [d, kind] of kinds.entries()) {
      files[`${d}-${path.basename(file)}`] = damages[kind]!(whole, stream(k, d, 79));
    }
  }
  const names = Object.keys(files);
  const rows = names.map((name, i) => `${name},${i % 2},100 80 160 120,p${i}\n`);
  writeFiles(broken, { ...files, "manifest.csv": `image,label,boxes,patient\n${rows.join("")}` });
  const dataset = await openDataset(broken);
  const { prepared, skipped } = await prepareDataset(dataset, { width: 32, height: 32, crop: "none", workers: 2 });
  const left = [...dataset.skipped, ...skipped].map(({ file }) => path.basename(file));
  expect([...left, ...prepared.map(({ id }) => id)].sort()).toEqual(names.sort());
  expect(left).toEqual(expect.arrayContaining(["huge.png", "huge.jpg", "huge.dcm"]));
  expect(left.length).toBeGreaterThan(names.length / 2);
  for (const { reason } of [...dataset.skipped, ...skipped]) expect(reason).toMatch(/^\S[^\n]{5,}$/);
  const classes = new Map(rows.map((row) => row.split(",")).map(([name, label]) => [name, Number(label)]));
  for (const { id, label } of prepared) expect(label, id).toBe(classes.get(id));
  expect(readdirSync(dir)).toHaveLength(before.samples.length + 1);
});

test("an annotation whose entities would grow without end is one clear error or a listed skip, at once", async () => {
  const dir = temporaryFolder();
  await writers["tn5000"]!(dir, 6);
  const levels = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`);
  const file = path.join(dir, "Annotations/000001.xml");
  const xml = readFileSync(file, "utf8").replace(/<name>\d<\/name>/, "<name>&l9;</name>");
  writeFileSync(file, `<!DOCTYPE annotation [<!ENTITY l0 "0">${levels.join("")}]>${xml}`);
  const before = process.cpuUsage();
  const { samples, skipped } = await openDataset(dir);
  // In microseconds of processors: it takes thousandths of that, and whole, minutes.
  expect(process.cpuUsage(before).user).toBeLessThan(5e6);
  expect(samples.map(({ id }) => id)).not.toContain("000001");
  expect(skipped.map((s) => path.basename(s.file)).join()).toContain("000001");
});

test("the sets are whole again after all that", async () => {
  for (const { dir, before } of sets) expect(await openDataset(dir)).toEqual(before);
});
