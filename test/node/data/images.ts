/** Image files for tests: an ultrasound-like picture, and folders of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll } from "vitest";
import { stream } from "../../../src/data/random.ts";
import { benignMalignant } from "../../../src/data/classes.ts";
import type { Box, Dataset } from "../../../src/data/sample.ts";
import type { GreyImage } from "../../../src/node/data/decode.ts";
import { caseXml, outline, svg } from "../../data/ddti-case.ts";

/** A folder that is gone after the file's tests. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "mganet-data-"));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Where the tissue of `ultrasound` lies. */
export const TISSUE: Box = { x0: 60, y0: 30, x1: 260, y1: 200 };
/** Where its text lies: below the tissue, in white. */
export const TEXT: Box = { x0: 90, y0: 216, x1: 190, y1: 228 };

/**
 * A 320 x 240 picture: speckle where the tissue is, over shades that vary slowly, letters under it, black elsewhere. Its seed
 * changes the speckle and the shades.
 */
export function ultrasound(seed: number): GreyImage {
  const image = drawn.get(seed) ?? draw(seed);
  drawn.set(seed, image);
  return { ...image, grey: image.grey.slice() };
}

const drawn = new Map<number, GreyImage>();

function draw(seed: number): GreyImage {
  const [width, height] = [320, 240];
  const random = stream(seed);
  const waves = Array.from({ length: 8 }, () => {
    const part = () => (random.next() >>> 0) / 2 ** 32;
    return { fx: 0.25 * (part() - 0.5), fy: 0.25 * (part() - 0.5), phase: 6.3 * part() };
  });
  const shade = (x: number, y: number) =>
    waves.reduce((sum, { fx, fy, phase }) => sum + 10 * Math.sin(fx * x + fy * y + phase), 90);
  const grey = Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (x >= TISSUE.x0 && x < TISSUE.x1 && y >= TISSUE.y0 && y < TISSUE.y1)
      return 30 + shade(x, y) + (random.next() & 31);
    const text = x >= TEXT.x0 && x < TEXT.x1 && y >= TEXT.y0 && y < TEXT.y1;
    return text && x % 10 < 6 && (x % 10 < 2 || y % 6 < 2) ? 255 : 0;
  });
  return { width, height, grey };
}

export function encode({ width, height, grey }: GreyImage): Sharp {
  return sharp(grey, { raw: { width, height, channels: 1 } });
}

/** Writes `count` cases of one image each in DDTI's layout, with a nodule of 60 x 40 pixels, and returns their file names. */
export async function writeDdti(dir: string, count: number): Promise<string[]> {
  const scores = ["2", "4b", ""];
  const names = Array.from({ length: count }, (_, i) => `${i + 1}_1.jpg`);
  await Promise.all(
    names.map(async (name, i) => {
      const xml = caseXml(i + 1, scores[i % 3]!, [{ image: 1, svg: svg(outline(100 + i, 80, 160 + i, 120)) }]);
      await writeFile(path.join(dir, `${i + 1}.xml`), xml);
      await writeFile(path.join(dir, name), await encode(ultrasound(i)).jpeg().toBuffer());
    }),
  );
  return names;
}

/** A data set of the files, without boxes. */
export function datasetOf(dir: string, names: readonly string[]): Dataset {
  const samples = names.map((name) => ({
    id: name,
    file: path.join(dir, name),
    group: name,
    label: 0 as const,
    boxes: [],
  }));
  return { name: "test", classes: benignMalignant, samples, skipped: [], notes: [] };
}
