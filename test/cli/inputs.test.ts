/** Unusable folders, files and checkpoints. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { serializeSafetensors } from "../../src/data/safetensors.ts";
import { pictureNames } from "../../src/cli/predict-images.ts";
import { start } from "../../src/train/checkpoint.ts";
import { encode, ultrasound, writeDdti } from "../node/data/images.ts";
import { checkpointBytes, expectRefused, mganet, temporaryFolder, tiny, tinyConfig, write } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const json = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;

beforeAll(async () => {
  for (const name of ["empty", "run", "done", "begun"]) mkdirSync(at(name));
  const jpeg = await encode(ultrasound(1)).jpeg().toBuffer();
  const checkpoint = await checkpointBytes();
  const midway = await checkpointBytes(tinyConfig, { ...start, stage: 1, epoch: 1, step: 14, adamSteps: 7 });
  write(dir, {
    "a file": "a",
    "other/a.txt": "a",
    "broken/1_1.jpg": jpeg.subarray(0, 100),
    "broken/1.xml": "<case>",
    "images/good.jpg": jpeg,
    "images/größe 1.jpg": jpeg,
    "images/broken.jpg": jpeg.subarray(0, 2000),
    "images/text.png": "no image",
    "run/last.safetensors": midway,
    "run/config.json": JSON.stringify(tinyConfig),
    "done/last.safetensors": checkpoint,
    "done/summary.json": "{}",
    "begun/config.json": JSON.stringify(tinyConfig),
    "checkpoints/whole.safetensors": checkpoint,
    "checkpoints/truncated.safetensors": checkpoint.subarray(0, -1000),
    "checkpoints/header.safetensors": Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 0, 0),
    "checkpoints/empty.safetensors": "",
    "checkpoints/other.safetensors": serializeSafetensors([
      ["x", { dtype: "F32", shape: [1], data: new Float32Array(1) }],
    ]),
  });
});

describe("train", () => {
  test.each([
    ["missing", "there is no such folder"],
    ["empty", "the folder is empty"],
    ["a file", "this is a file, not a folder"],
    ["other", "no known layout"],
    ["broken", "there is no usable ddti sample, 2 left out"],
  ])("refuses --data %s", async (name, reason) => {
    const { err } = await expectRefused(["train", "--data", at(name), "--out", at("new")], reason);
    expect(err[0]).toContain(at(name));
    expect(existsSync(at("new"))).toBe(false);
  });

  test.each([
    [["--out", "a file"], "is not a folder"],
    [["--out", "a file", "below"], "a file is not a folder"],
    [["--out", "other"], "the folder is not empty; choose another --out, or --resume"],
    [["--json", "empty"], "is a folder, not a file"],
    [["--json", "a file", "x.json"], "is not a folder"],
    [["--resume", "missing"], "no such folder"],
    [["--resume", "empty"], "not a run folder"],
    [["--resume", "begun"], "ended before its first checkpoint"],
    [["--resume", "done"], "this run has finished"],
  ])("refuses %j", async ([option, ...names], reason) => {
    const { err } = await expectRefused(["train", option!, at(...names)], reason);
    expect(err[0]).toContain(at(...names));
  });

  test("refuses --resume with settings that the run has already", async () => {
    const settings = ["--lr", "1e-3", "--no-flip", "--preset", "quick", "--out", at("new")];
    await expectRefused(["train", "--resume", at("run"), ...settings], /leave out --preset, --lr, --no-flip, --out$/);
  });

  test.each([
    ["{", "metrics.jsonl: line 2 is not the record of an epoch"],
    ["null", "line 2 is not the record of an epoch"],
    ['{"step":"7"}', "line 2 is not the record of an epoch"],
  ])("refuses --resume with the line %s in metrics.jsonl", async (line, reason) => {
    writeFileSync(at("run", "metrics.jsonl"), `{"step":7}\n${line}\n`);
    await expectRefused(["train", "--resume", at("run")], reason);
  });

  test("refuses a batch larger than the images of a stage, before anything is written", async () => {
    const args = ["train", ...tiny, "--batch", "40", "--out", at("new")];
    await expectRefused(args, /--batch: 40 is more than the \d\d training images of the segmentation stage$/);
    expect(existsSync(at("new"))).toBe(false);
  });

  test("refuses more images than fit into memory", async () => {
    const args = ["train", ...tiny, "--phantom-images", "100000", "--size", "2048", "--out", at("new")];
    await expectRefused(args, "100000 images of 2048x2048 take 390.6 GiB of memory");
  });
});

describe("a bad image among many", () => {
  const data = at("ddti");
  beforeAll(async () => {
    mkdirSync(data);
    await writeDdti(data, 30);
    const whole = readFileSync(path.join(data, "4_1.jpg"));
    writeFileSync(path.join(data, "4_1.jpg"), whole.subarray(0, whole.length / 2));
    writeFileSync(path.join(data, "5.xml"), "<case><number>5</number>");
  });
  const leftOut = [
    "3 left out:",
    expect.stringMatching(/[/]5\.xml: is not well-formed XML/),
    expect.stringMatching(/5_1\.jpg: its annotation 5\.xml cannot be used/),
    expect.stringMatching(/4_1\.jpg: is not a readable image/),
  ];

  test("is left out of a training, reported and counted", async () => {
    const args = ["--seg-epochs", "1", "--joint-epochs", "0", "--data", data, "--out", at("trained")];
    const sizes = tiny.slice(0, tiny.indexOf("--phantom-images"));
    const { code, out, err } = await mganet("train", ...sizes, "--crop", "none", ...args);
    expect([code, err]).toEqual([0, []]);
    expect(out).toEqual(expect.arrayContaining(leftOut));
    const { skipped } = json(at("trained", "summary.json"))["data"] as { skipped: { file: string }[] };
    expect(skipped.map(({ file }) => path.basename(file))).toEqual(["5.xml", "5_1.jpg", "4_1.jpg"]);
  });

  test("is left out of an evaluation; an untrained classifier is not evaluated", async () => {
    const { code, out, err } = await mganet("evaluate", at("trained"), "--data", data, "--json", at("evaluated.json"));
    expect([code, err]).toEqual([0, []]);
    expect(out).toEqual(expect.arrayContaining(leftOut));
    expect(out.at(-6)).toMatch(/trained.last\.safetensors on 28 images of ddti:$/);
    expect(out.at(-5)).toMatch(/classifier .* not been trained/);
    for (const [title, line] of [
      ["Dice of the mask", -3],
      ["Dice \\(outline\\)", -1],
    ] as const) {
      expect(out.at(line)).toMatch(new RegExp(`^ +${title} +0\\.\\d{3} +0\\.\\d{3} to 0\\.\\d{3}$`));
    }
    expect(json(at("evaluated.json"))).toMatchObject({ metrics: { images: 28 }, skipped: [{}, {}, {}] });
  });

  test("is left out of the rectangles", async () => {
    const { code, out } = await mganet("crop", data, "--json", at("crop", "rectangles.json"));
    expect(code).toBe(0);
    expect(out[0]).toMatch(/^left out: .*4_1\.jpg: is not a readable image/);
    expect(out.at(-1)).toMatch(/^29 rectangles, 1 left out; written to /);
    expect(Object.keys(json(at("crop", "rectangles.json"))).length).toBe(29);
  });
});

describe("checkpoints", () => {
  const bad = [
    ["missing", "no such file or folder"],
    ["empty", "there is no checkpoint best.safetensors or last.safetensors"],
    ["checkpoints/truncated.safetensors", "is the file cut short?"],
    ["checkpoints/header.safetensors", "header length 9223372036854775807 is above"],
    ["checkpoints/empty.safetensors", "only 0 bytes long"],
    ["checkpoints/other.safetensors", "not a checkpoint of this program"],
    ["a file", "too short for safetensors"],
  ] as const;
  test.each(bad)("%s is refused by evaluate and predict", async (name, reason) => {
    for (const args of [
      ["evaluate", at(name)],
      ["predict", at("images/good.jpg"), "--run", at(name), "--out", at("predicted")],
    ]) {
      const { err } = await expectRefused(args, reason);
      expect(err[0]).toContain(at(name));
    }
    expect(existsSync(at("predicted"))).toBe(false);
  });

  test("evaluate refuses a checkpoint that is not there, a choice where there is none, and bad paths", async () => {
    const file = at("checkpoints/whole.safetensors");
    await expectRefused(["evaluate", at("done"), "--checkpoint", "best"], "there is no checkpoint best.safetensors");
    await expectRefused(["evaluate", file, "--checkpoint", "last"], "--checkpoint chooses within a run folder");
    await expectRefused(["evaluate", file, "--data", at("missing")], "there is no such folder");
    await expectRefused(["evaluate", file, "--json", dir], "is a folder, not a file");
  });
});

describe("predict", () => {
  const predict = (images: string[], out: string) => [
    ...["predict", ...images.map((name) => at("images", name))],
    ...["--run", at("done"), "--out", at(out)],
  ];

  test("leaves broken images out, keeps names apart and reports all", async () => {
    const names = ["missing.jpg", "good.jpg", "broken.jpg", "größe 1.jpg", "../images/good.jpg", "text.png", "."];
    const { code, out, err } = await mganet(...predict(names, "predicted"));
    expect(code).toBe(0);
    expect(err).toEqual([
      expect.stringMatching(/^left out: .*missing\.jpg: no such file or folder$/),
      expect.stringMatching(/^left out: .*broken\.jpg: is not a readable image/),
      expect.stringMatching(/^left out: .*text\.png: is not a readable image/),
      expect.stringMatching(/^left out: .*images: is a folder, not a file$/),
    ]);
    expect(out.at(-1)).toMatch(/predictions.json and 3 pictures$/);
    expect(readdirSync(at("predicted")).sort()).toEqual(["good-2.png", "good.png", "größe 1.png", "predictions.json"]);
    const { predictions, skipped } = json(at("predicted", "predictions.json"));
    const [first] = predictions as { malignant: number }[];
    expect(first!.malignant).toBeGreaterThan(0);
    expect(first!.malignant).toBeLessThan(1);
    expect(predictions).toMatchObject(["good.png", "größe 1.png", "good-2.png"].map((picture) => ({ picture })));
    expect(skipped).toHaveLength(4);
  });

  test("says of a classifier that is not trained yet that it knows nothing", async () => {
    const { code, out } = await mganet("predict", at("images/good.jpg"), "--run", at("trained"), "--out", at("early"));
    expect(code).toBe(0);
    expect(out[0]).toMatch(/classifier .* not been trained yet: outlines only/);
    expect(out.join("\n")).not.toContain("malignant");
    expect(json(at("early", "predictions.json"))).toMatchObject({ predictions: [{ malignant: null }] });
  });

  test("refuses when no image is good, or a picture would overwrite one", async () => {
    await expectRefused(predict(["broken.jpg"], "none"), /broken\.jpg: is not a readable image/);
    await expectRefused(predict(["missing.jpg"], "none"), /missing\.jpg: no such file or folder/);
    const { code, err } = await mganet(...predict(["broken.jpg", "text.png"], "none"));
    expect([code, err.length]).toEqual([2, 3]);
    expect(err[2]).toBe("Error: none of the 2 images can be used");
    expect(existsSync(at("none"))).toBe(false);
    await expectRefused(predict(["text.png"], "images"), /text\.png: is one of the images and would be overwritten/);
    await expectRefused(predict(["good.jpg"], "a file"), /a file: is not a folder/);
  });
});

test("crop refuses folders without images", async () => {
  await expectRefused(["crop", at("missing"), "--json", at("x.json")], "there is no such folder");
  await expectRefused(["crop", at("empty"), "--json", at("x.json")], "no usable image");
  await expectRefused(["crop", at("broken"), "--json", at("x.json")], "no usable image");
  await expectRefused(["crop", at("images"), "--json", at("a file", "x.json")], "is not a folder");
  expect(existsSync(at("x.json"))).toBe(false);
});

test("doctor refuses --json where it cannot be written, and writes it where it can", async () => {
  await expectRefused(["doctor", "--json", at("a file", "x.json")], "is not a folder");
  const { code, out } = await mganet("doctor", "--json", at("found/doctor.json"));
  expect(code).toBe(0);
  expect(out[0]).toMatch(/^adapter /);
  expect(json(at("found/doctor.json"))).toHaveProperty("limits.maxBufferSize");
});

test("pictures have names of their own, whatever the images are called", () => {
  const names = (...images: string[]) => pictureNames(images).join(" ");
  expect(names("a/x.png", "b/x.jpg", "x", "y.tar.gz")).toBe("x.png x-2.png x-3.png y.tar.png");
  expect(names("x.png", "x-2.png", "x.png")).toBe("x.png x-2.png x-3.png");
  expect(names("x-2.png", "x.png", "x.png", ".png", "日本.png")).toBe("x-2.png x.png x-3.png .png.png 日本.png");
});
