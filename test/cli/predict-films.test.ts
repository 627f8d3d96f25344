/** `predict` on films, single frames, blank pictures, and things that are not files. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { encode, ultrasound } from "../node/data/images.ts";
import { checkpointBytes, expectRefused, mganet, temporaryFolder, write } from "./support.ts";

const raster = fileURLToPath(new URL("../cases/raster/", import.meta.url));
const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const FRAMES = 20;

interface Report {
  predictions: { image: string; malignant: number; box: unknown; picture: string }[];
  loops?: unknown[];
  skipped: { file: string; reason: string }[];
}
const reportOf = (out: string) => JSON.parse(readFileSync(at(out, "predictions.json"), "utf8")) as Report;
const predict = (out: string, ...images: string[]) =>
  mganet("predict", ...images, "--run", at("run.safetensors"), "--out", at(out));

beforeAll(async () => {
  // The third frame is black.
  const frames = Array.from({ length: FRAMES }, (_, i) => (i === 2 ? new Uint8Array(320 * 240) : ultrasound(i).grey));
  const raw = { width: 320, height: 240 * FRAMES, channels: 1, pageHeight: 240 } as const;
  const loop = await sharp(Buffer.concat(frames), { raw }).webp({ lossless: true }).toBuffer();
  // GIF makes one of two frames that are alike.
  const black = Buffer.alloc(2 * 320 * 240).fill(9, 320 * 240);
  const dark = await sharp(black, { raw: { width: 320, height: 480, channels: 1, pageHeight: 240 } })
    .gif()
    .toBuffer();
  write(dir, {
    "run.safetensors": await checkpointBytes(),
    "loop.webp": loop,
    "dark.gif": dark,
    "frame.png": await encode(ultrasound(4)).png().toBuffer(),
  });
});

describe("a whole film", () => {
  test("gets one answer a frame and a summary; frames that show nothing are left out by name", async () => {
    const { code, out, err } = await predict("whole", at("loop.webp"), at("frame.png"));
    expect([code, err]).toEqual([0, [`left out: ${at("loop.webp")}#3: is blank: all its pixels have level 0`]]);
    const { predictions, loops, skipped } = reportOf("whole");
    const numbers = Array.from({ length: FRAMES }, (_, i) => i + 1).filter((n) => n !== 3);
    const names = [...numbers.map((n) => `${at("loop.webp")}#${n}`), at("frame.png")];
    expect(predictions.map(({ image }) => image)).toEqual(names);
    const pictures = [...numbers.map((n) => `loop-f${String(n).padStart(4, "0")}.png`), "frame.png"];
    expect(predictions.map(({ picture }) => picture)).toEqual(pictures);
    expect(readdirSync(at("whole")).sort()).toEqual([...pictures, "predictions.json"].sort());
    expect(skipped).toEqual([{ file: `${at("loop.webp")}#3`, reason: "is blank: all its pixels have level 0" }]);
    const answers = predictions.slice(0, -1).map(({ malignant }) => malignant);
    const greatest = Math.max(...answers);
    const mean = answers.reduce((a, b) => a + b) / answers.length;
    expect(loops).toEqual([
      {
        image: at("loop.webp"),
        frames: FRAMES,
        predicted: FRAMES - 1,
        withNodule: predictions.slice(0, -1).filter(({ box }) => box !== null).length,
        malignant: { mean, greatest, frame: names[answers.indexOf(greatest)] },
      },
    ]);
    expect(out.filter((line) => /loop\.webp#\d+ of 20: \d+\.\d % malignant, /.test(line))).toHaveLength(FRAMES - 1);
    expect(out.join("\n")).toMatch(
      /loop\.webp: 20 frames: \d+\.\d % malignant on average, \d+\.\d % at most \(.*loop\.webp#\d+\); a nodule in \d+ of 19/,
    );
    // Frame 5 is the picture of frame.png: one answer for one picture.
    expect(predictions.find(({ image }) => image.endsWith("#5"))!.malignant).toBeCloseTo(
      predictions.at(-1)!.malignant,
      5,
    );
  });

  test("in which no frame shows anything is refused; beside others it is left out", async () => {
    const { err } = await mganet("predict", at("dark.gif"), "--run", at("run.safetensors"), "--out", at("dark"));
    expect(err.at(-1)).toMatch(/^Error: .*dark\.gif: none of its 2 frames can be used; the first: .*is blank/);
    expect(existsSync(at("dark"))).toBe(false);
    const { code } = await predict("beside", at("dark.gif"), at("frame.png"));
    expect(code).toBe(0);
    expect(reportOf("beside")).toMatchObject({ predictions: [{ picture: "frame.png" }], skipped: [{}, {}] });
  });
});

describe("a frame of a film", () => {
  test("is one image, with the answer that it has in the whole", async () => {
    const file = `${raster}multipage_x.tif`;
    await predict("pages", file);
    const { code, out } = await predict("page", `${file}#2`);
    expect(code).toBe(0);
    const { predictions, loops } = reportOf("page");
    expect(predictions).toMatchObject([{ image: `${file}#2`, picture: "multipage_x-f0002.png" }]);
    expect(loops).toBeUndefined();
    expect(out[0]).toMatch(/multipage_x\.tif#2: \d/);
    const whole = reportOf("pages").predictions[1]!;
    expect(whole.image).toBe(`${file}#2`);
    expect(predictions[0]!.malignant).toBeCloseTo(whole.malignant, 5);
    expect(readFileSync(at("page/multipage_x-f0002.png"))).toEqual(readFileSync(at("pages/multipage_x-f0002.png")));
  });

  test("that there is not is refused; a file that is called so is that file", async () => {
    const args = (image: string) => ["predict", image, "--run", at("run.safetensors"), "--out", at("none")];
    await expectRefused(args(`${raster}multipage_x.tif#4`), /multipage_x\.tif: has 3 frames: there is no frame 4$/);
    await expectRefused(args(at("gone.tif#1")), /gone\.tif: no such file or folder$/);
    writeFileSync(at("scan #12"), readFileSync(at("frame.png")));
    await predict("called", at("scan #12"));
    expect(reportOf("called")).toMatchObject({ predictions: [{ image: at("scan #12") }] });
  });
});

describe("what shows nothing, or is no file", () => {
  test.each([
    ["rgba_alpha0_x.png", /rgba_alpha0_x\.png: is blank: all its pixels are transparent$/],
    ["/dev/zero", /^Error: \/dev\/zero: is a device, not a file$/],
  ])("%s is refused", async (name, reason) => {
    const file = path.isAbsolute(name) ? name : raster + name;
    await expectRefused(["predict", file, "--run", at("run.safetensors"), "--out", at("none")], reason);
    expect(existsSync(at("none"))).toBe(false);
  });

  test("a pipe called as an image is left out at once, by predict, inspect and as an annotation", async () => {
    write(dir, {
      "set/a.png": readFileSync(at("frame.png")),
      "set/b.png": await encode(ultrasound(5)).png().toBuffer(),
    });
    expect(spawnSync("mkfifo", [at("set/c.png"), at("pipe.jsonl")]).status).toBe(0);
    symlinkSync("/dev/zero", at("set/d.png"));
    const rows = ["a", "b", "c", "d"].map((name, i) => `${name}.png,${i % 2},100 80 160 120\n`);
    write(dir, { "set/manifest.csv": `image,label,boxes\n${rows.join("")}` });
    const { code, out } = await mganet("inspect", "--data", at("set"), "--out", at("inspected"));
    expect(code).toBe(0);
    expect(out.join("\n")).toMatch(/1 c\.png: cannot be read: is a pipe, not a file/);
    expect(out.join("\n")).toMatch(/1 d\.png: cannot be read: is a device, not a file/);
    const { err } = await predict("some", at("set/c.png"), at("set/a.png"));
    expect(err).toEqual([`left out: ${at("set/c.png")}: is a pipe, not a file`]);
    const pipe = await mganet("inspect", "--data", at("pipe.jsonl"), "--out", at("inspected"));
    expect(pipe.code).toBe(2);
  });

  test("what is read otherwise than its header says is told", async () => {
    const { code, out } = await predict("deep", `${raster}png16_12bit_x.png`);
    expect(code).toBe(0);
    expect(out).toContain(`note: ${raster}png16_12bit_x.png: has levels 0 to 3760: read as 12 bits`);
  });
});

test("in a data set, frames are named in the manifest, and what shows nothing is listed", async () => {
  const names = ["loop.webp#1", "loop.webp#2", "loop.webp#3", "loop.webp", "loop.webp#99"];
  const rows = [...names, `${raster}exif6_x.jpg`].map((name, i) => {
    return `${name},${i % 2},${name.includes("exif") ? "140 50 200 140" : "100 80 160 120"},p${i}\n`;
  });
  write(dir, {
    "films/manifest.csv": `image,label,boxes,patient\n${rows.join("")}`,
    "films/loop.webp": readFileSync(at("loop.webp")),
  });
  const prepared = await mganet("prepare", "--data", at("films"), "--out", at("prepared"), "--size", "48");
  expect(prepared.out.join("\n")).toMatch(/3 left out:/);
  expect(prepared.out.join("\n")).toMatch(/loop\.webp: has 20 frames: name one, as in loop\.webp#1, in a manifest/);
  expect(prepared.out.join("\n")).toMatch(/loop\.webp#99: has 20 frames: there is no frame 99/);
  expect(prepared.out.join("\n")).toMatch(/loop\.webp#3: is blank: all its pixels have level 0/);
  const journal = readFileSync(at("prepared/prepared.jsonl"), "utf8").trim().split("\n").slice(1);
  const entries = journal.map((line) => JSON.parse(line) as { id: string; original: unknown });
  expect(entries.map(({ id }) => path.basename(id)).sort()).toEqual(["exif6_x.jpg", "loop.webp#1", "loop.webp#2"]);
  expect(entries.find(({ id }) => id.endsWith("jpg"))!.original).toEqual({ width: 240, height: 320 });
  const again = await mganet("prepare", "--data", at("films"), "--out", at("prepared"), "--size", "48");
  expect(again.out.join("\n")).toMatch(/3 images prepared \(3 of them were already done\)/);
});
