/** The list of images to predict, the same everywhere, and images that disappear from it. */
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { listImages } from "../../../src/node/data/image-list.ts";
import { listedJobs, type Decoding, type ListedJob } from "../../../src/node/data/predicted-images.ts";
import { encode, temporaryFolder, ultrasound } from "./images.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const IMAGES = ["a/10.png", "a/9.png", "b.png", "c/d/e.PNG"];

beforeAll(async () => {
  for (const [i, name] of IMAGES.entries()) {
    mkdirSync(path.dirname(at("set", name)), { recursive: true });
    writeFileSync(at("set", name), await encode(ultrasound(i)).png().toBuffer());
  }
});

async function jobsOf(data: string, before: () => void = () => {}): Promise<ListedJob[]> {
  const list = await listImages(data);
  before();
  const decoding: Decoding = { threads: 0, files: 0, ms: 0 };
  const task = {
    ...{ list, after: 0, batch: 2, workers: 1, signal: new AbortController().signal },
    entries: list.images.map((entry, index) => ({ index, entry })),
    size: { width: 32, height: 32, crop: "none" as const },
  };
  const jobs: ListedJob[] = [];
  for await (const job of listedJobs(task, decoding)) jobs.push(job);
  expect(decoding).toMatchObject({ threads: 1, files: list.images.length });
  return jobs;
}

test("a folder's images are listed by their names, wherever it lies", async () => {
  const list = await listImages(at("set"));
  expect(list.images.map(({ name }) => name)).toEqual(IMAGES);
  cpSync(at("set"), at("elsewhere"), { recursive: true });
  // A way back to the folder, a second way to a part of it, and what is hidden.
  symlinkSync("..", at("elsewhere/a/up"));
  symlinkSync("../c", at("elsewhere/a/x"));
  writeFileSync(at("elsewhere/.hidden.png"), "");
  const other = await listImages(at("elsewhere"));
  // The second way comes first in the list.
  expect(other.images.map(({ name }) => name)).toEqual(["a/10.png", "a/9.png", "a/x/d/e.PNG", "b.png"]);
  expect(other.notes).toEqual([expect.stringMatching(/1 folders are behind links to what is read already.*: c$/)]);
  rmSync(at("elsewhere/a/x"));
  expect((await listImages(at("elsewhere"))).digest).toBe(list.digest);
  // Other content of the same names.
  cpSync(at("set/b.png"), at("elsewhere/a/9.png"));
  expect((await listImages(at("elsewhere"))).digest).not.toBe(list.digest);
});

test("names are the same in any Unicode form", async () => {
  const [composed, decomposed] = ["\u00e9", "e\u0301"];
  for (const [set, name] of [
    ["nfc", composed],
    ["nfd", decomposed],
  ] as const) {
    mkdirSync(at(set));
    for (const file of [`${name}.png`, "f.png", "z.png"]) cpSync(at("set/b.png"), at(set, file));
  }
  const [nfc, nfd] = [await listImages(at("nfc")), await listImages(at("nfd"))];
  expect(nfd.digest).toBe(nfc.digest);
  expect(nfd.images.map(({ name }) => name)).toEqual(["f.png", "z.png", `${decomposed}.png`]);
});

test("an image that disappears ends the work; one that a manifest names and that is missing is left out", async () => {
  cpSync(at("set"), at("shrinking"), { recursive: true });
  await expect(jobsOf(at("shrinking"), () => rmSync(at("shrinking/b.png")))).rejects.toThrow(
    /shrinking\/b\.png: is gone since the images were listed$/,
  );
  writeFileSync(at("list.csv"), "image\nset/b.png\nset/gone.png\n");
  const jobs = await jobsOf(at("list.csv"));
  expect(jobs.map(({ name, reason }) => [name, reason])).toEqual([
    ["set/b.png", undefined],
    ["set/gone.png", "no such file or folder"],
  ]);
  // With the whole folder, and the list in it, gone, nobody knows.
  cpSync(at("set"), at("mount/set"), { recursive: true });
  cpSync(at("list.csv"), at("mount/list.csv"));
  const unmount = () => rmSync(at("mount"), { recursive: true });
  await expect(jobsOf(at("mount/list.csv"), unmount)).rejects.toThrow(/mount\/list\.csv: is gone since/);
});
