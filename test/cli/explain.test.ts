/** `predict --explain`: its panels, and what it refuses. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { withMethods } from "../../src/cli/program.ts";
import { findCheckpoint } from "../../src/cli/targets.ts";
import { folderImages } from "../../src/node/image-source.ts";
import { openGpu } from "../../src/node/open-gpu.ts";
import { chooseImages } from "../../src/runs/choose-images.ts";
import { explainImages } from "../../src/runs/explain.ts";
import { start } from "../../src/train/checkpoint.ts";
import { mganetConfig } from "../support/mganet.ts";
import { slow } from "../support/selection.ts";
import { checkpointBytes, expectRefused, mganet, temporaryFolder, tinyConfig, write } from "./support.ts";

const dir = temporaryFolder();
const at = (name: string) => path.join(dir, name);
const image = at("a.png");

const withoutModules = mganetConfig({ ...tinyConfig, fusion: "none" });

beforeAll(async () => {
  const { width, height, grey } = phantomImage(3, 0);
  await sharp(grey, { raw: { width, height, channels: 1 } })
    .png()
    .toFile(image);
  await sharp(grey, { raw: { width, height, channels: 1 } })
    .jpeg()
    .toFile(at("b.jpg"));
  write(dir, {
    "run/last.safetensors": await checkpointBytes(),
    "base/last.safetensors": await checkpointBytes(withoutModules),
    "wide/last.safetensors": await checkpointBytes({ ...withoutModules, size: [64, 64] }),
    "young/last.safetensors": await checkpointBytes(tinyConfig, start),
  });
});

const predict = (run: string, out: string, ...more: string[]) =>
  mganet("predict", image, at("b.jpg"), "--run", at(run), "--out", at(out), ...more);

async function sizeOf(file: string) {
  const { width, height, format } = await sharp(file).metadata();
  return { width, height, format };
}

describe("predict --explain", () => {
  test("writes a panel of four pictures for each image", async () => {
    const { code, out, err } = await predict("run", "four", "--explain");
    expect([code, err]).toEqual([0, []]);
    expect(out.at(-1)).toContain("predictions.json, 2 pictures, and panels in explained/");
    const report = JSON.parse(readFileSync(at("four/predictions.json"), "utf8")) as {
      predictions: { panel: string }[];
    };
    expect(report.predictions.map(({ panel }) => panel)).toEqual(["explained/a.png", "explained/b.png"]);
    // Of a picture of 288 x 216, fitted into 300: 300 x 225.
    expect(await sizeOf(at("four/explained/a.png"))).toEqual({ width: 4 * 310 + 10, height: 329, format: "png" });
  });

  test("shows three where a base model sees nothing before what it sees after", async () => {
    await predict("base", "three", "--explain", "cam", "--class", "malignant");
    expect(await sizeOf(at("three/explained/a.png"))).toMatchObject({ width: 3 * 310 + 10 });
  });

  test("shows a base model's activation beside the final one", async () => {
    const { code } = await predict("run", "beside", "--explain", "--base", at("base"));
    expect(code).toBe(0);
    expect(await sizeOf(at("beside/explained/a.png"))).toMatchObject({ width: 4 * 310 + 10 });
    expect(readFileSync(at("beside/explained/a.png"))).not.toEqual(readFileSync(at("four/explained/a.png")));
  });

  test("gives the same bytes again, whatever else is in the batch", slow, async () => {
    await predict("run", "first", "--explain");
    await predict("run", "again", "--explain");
    await mganet("predict", image, "--run", at("run"), "--out", at("lonely"), "--explain");
    expect(readFileSync(at("again/explained/a.png"))).toEqual(readFileSync(at("first/explained/a.png")));
    expect(existsSync(at("lonely/explained/a.png"))).toBe(true);
  });
});

test("an image may follow --explain, and a method still does", async () => {
  const ended = await mganet("predict", "--run", at("run"), "--out", at("after"), "--explain", image, at("b.jpg"));
  expect([ended.code, ended.err]).toEqual([0, []]);
  expect(readdirSync(at("after/explained"))).toEqual(["a.png", "b.png"]);
  expect(withMethods(["--explain", image])).toEqual(["--explain=auto", image]);
  for (const rest of [["cam", image], ["rollout", image], ["camm", image], ["--scale", "L2"], []]) {
    expect(withMethods(["--explain", ...rest])).toEqual(["--explain", ...rest]);
  }
  await expectRefused(
    ["predict", image, "--run", at("run"), "--explain", "camm"],
    /'camm' is invalid.*gradcam, cam, rollout, auto/,
  );
});

test("the predicted class is explained as the threshold has it", slow, async () => {
  // Every probability is at or above the first, and below the second.
  for (const [threshold, of] of [
    [0, 1],
    [1.1, 0],
  ] as const) {
    const gpu = await openGpu();
    const loaded = await findCheckpoint(at("run"));
    const { images } = await chooseImages(folderImages, loaded, {}, { emit: () => {} });
    for await (const { explained } of explainImages(gpu, loaded, images.slice(0, 1), { threshold })) {
      expect(explained.of).toBe(of);
    }
    gpu.destroy();
  }
});

test("evaluate --explain writes panels of the worst, most uncertain and best images", async () => {
  const args = ["evaluate", at("run"), "--explain", "--class", "malignant", "--panels", "2", "--out", at("telling")];
  const { code, out, err } = await mganet(...args);
  expect([code, err]).toEqual([0, []]);
  // The network says one thing of all: some of them it is right about and some not, and it may be sure of none.
  const lines = out.slice(out.indexOf("Explained:") + 1);
  const line = /((?:best|worst|uncertain)-[12]\.png): phantom-.* labelled (?:benign|malignant) · .* malignant$/;
  const names = lines.map((text) => line.exec(text)?.[1]);
  expect(readdirSync(at("telling")).sort()).toEqual([...names].sort());
  expect(names.join(" ")).toMatch(/^best-1.png.* worst-1.png.* uncertain-1.png uncertain-2.png$/);
  expect(await sizeOf(at("telling/best-1.png"))).toMatchObject({ width: 4 * 310 + 10, height: 329 });
});

describe("is refused", () => {
  const refused = (reason: string | RegExp, run: string, ...more: string[]) =>
    expectRefused(["predict", image, "--run", at(run), "--out", at("refused"), ...more], reason);

  test("what has no effect, or no meaning", async () => {
    await refused("--scale has no effect without --explain", "run", "--scale", "L2");
    await refused("--base has no effect without --explain", "run", "--base", at("base"));
    await expectRefused(["evaluate", at("run"), "--panels", "3"], "--panels has no effect without --explain");
    await expectRefused(["evaluate", at("run"), "--out", at("x")], "--out has no effect without --explain");
    await refused(
      "--scale: CAM is defined at L4 only, the features before the last layer, not at L2",
      "run",
      "--explain",
      "cam",
      "--scale",
      "L2",
    );
    await refused(/--scale.*L5.*Allowed choices are L0, L1/, "run", "--explain", "--scale", "L5");
    await refused("the classifier of this checkpoint has not been trained yet", "young", "--explain");
    expect(existsSync(at("refused"))).toBe(false);
  });

  test("a base run that cannot stand beside the other", async () => {
    await refused(
      "is not a model without attention: it was trained with parallel fusion, width 0.0625",
      "run",
      "--explain",
      "--base",
      at("run"),
    );
    await refused("sees images differently: --size 64,64, not 32,32", "run", "--explain", "--base", at("wide"));
    await refused("no such file or folder", "run", "--explain", "--base", at("nowhere"));
  });
});
