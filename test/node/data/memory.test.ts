/** Preparing many images takes no more memory than preparing few. */
import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { phantomImage } from "../../../src/data/phantom/phantom.ts";
import { encode, temporaryFolder } from "./images.ts";

const [FEW, MANY] = [80, 240];
/**
 * What the difference may be: the allocator's holes make 30 to 50 MB of it, less and less for each image. Grey levels that were
 * kept of every image would make 128 MB more.
 */
const MOST = 90e6;

const dir = temporaryFolder();

/** A set of `count` images of 1000 x 800; they are one file under many names. */
async function writeSet(count: number): Promise<string> {
  const set = path.join(dir, String(count));
  mkdirSync(path.join(set, "img"), { recursive: true });
  const { width, height, grey, boxes } = phantomImage(1, 0, { width: 500, height: 400 });
  const whole = path.join(set, "whole.jpg");
  writeFileSync(whole, await encode({ width, height, grey }).resize(1000, 800).jpeg().toBuffer());
  const { x0, y0, x1, y1 } = boxes[0]!;
  const rows = Array.from({ length: count }, (_, i) => {
    linkSync(whole, path.join(set, `img/${i}.jpg`));
    return `img/${i}.jpg,0,${2 * x0} ${2 * y0} ${2 * x1} ${2 * y1}\n`;
  });
  writeFileSync(path.join(set, "manifest.csv"), `image,label,boxes\n${rows.join("")}`);
  return set;
}

/** The most memory that a process of its own has held while it prepared the set, in bytes. */
function peakOf(set: string): number {
  const program = `
    const { openDataset } = await import("./src/node/data/open.ts");
    const { writePreparedFolder } = await import("./src/node/data/prepared-folder.ts");
    const set = process.argv[1];
    const settings = { data: set, size: [64, 64], crop: "adaptive" };
    await writePreparedFolder(await openDataset(set), set + "-prepared", settings, { workers: 2 });
    console.log(1024 * process.resourceUsage().maxRSS);`;
  const args = ["--import", "tsx", "--input-type=module", "--eval", program, set];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return Number(stdout);
}

const sets: string[] = [];
beforeAll(async () => {
  for (const count of [FEW, MANY]) sets.push(await writeSet(count));
});

test(`${MANY} images take no more memory than ${FEW}`, () => {
  const [few, many] = sets.map(peakOf) as [number, number];
  expect(few).toBeGreaterThan(100e6);
  expect(many - few).toBeLessThan(MOST);
});
