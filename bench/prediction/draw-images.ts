/** Draws images of the phantom as files, for measuring `predict --data`: npx tsx bench/prediction/draw-images.ts DIR 20000. Goes on where it was stopped. */
import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { phantomImage } from "../../src/data/phantom/phantom.ts";

/** Images in a folder. */
const FOLDER = 1000;
const SEED = 7;

const [dir, count] = process.argv.slice(2);
if (dir === undefined || !/^[1-9]\d{0,6}$/.test(count ?? "")) {
  console.error("Error: name a folder and a number of images");
  process.exit(2);
}
const digits = (n: number, length: number) => String(n).padStart(length, "0");
for (let i = 0; i < Number(count); i++) {
  const folder = path.join(dir, digits(Math.floor(i / FOLDER), 4));
  const file = path.join(folder, `${digits(i, 7)}.png`);
  if (existsSync(file)) continue;
  if (i % FOLDER === 0 || !existsSync(folder)) await mkdir(folder, { recursive: true });
  const { width, height, grey } = phantomImage(SEED, i);
  await sharp(grey, { raw: { width, height, channels: 1 } })
    .png()
    .toFile(`${file}.part`);
  await rename(`${file}.part`, file);
}
