/** Attention rollout wherever runs are explained: of a transformer on images that are no squares, and what is refused. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { start } from "../../src/train/checkpoint.ts";
import { checkConfig, PHANTOM, presetFor } from "../../src/train/config.ts";
import { mganetConfig } from "../support/mganet.ts";
import { COLD } from "./spawned.ts";
import { checkpointBytes, expectRefused, finished, mganet, temporaryFolder, tinyConfig, write } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const names = ["a.png", "b.png", "c.png"];
const [height, width] = [64, 96];
const settings = [
  ...["--model", "vit_b_16", "--width", "0.0833", "--depth", "0.17", "--size", `${height}x${width}`, "--batch", "4"],
  ...["--phantom-images", "24", "--epochs", "1", "--eval-every", "1", "--crop", "none", "--lr", "0.003"],
];
const vitConfig = checkConfig({
  ...presetFor("quick", PHANTOM, "vit_b_16"),
  ...{ width: 1 / 12, depth: 1 / 6, size: [height, width], crop: "none" },
});
const ofSize = { ...tinyConfig, size: [height, width] as [number, number] };

beforeAll(async () => {
  for (const [i, name] of names.entries()) {
    const { width, height, grey } = phantomImage(3, i);
    await sharp(grey, { raw: { width, height, channels: 1 } })
      .png()
      .toFile(at(name));
  }
  const trained = await mganet("train", ...settings, "--out", at("run"));
  expect([trained.code, trained.err]).toEqual([0, []]);
  write(dir, {
    "other/last.safetensors": await checkpointBytes(vitConfig, { ...finished, stage: 1 }),
    "young/last.safetensors": await checkpointBytes(vitConfig, start),
    "mganet/last.safetensors": await checkpointBytes(ofSize),
    "base/last.safetensors": await checkpointBytes(mganetConfig({ ...ofSize, fusion: "none" })),
  });
}, COLD);

const predict = (run: string, out: string, images: readonly string[], ...more: string[]) =>
  mganet("predict", ...images.map((name) => at(name)), "--run", at(run), "--out", at(out), ...more);
const widthOf = async (file: string) => (await sharp(file).metadata()).width;

describe("predict --explain", () => {
  test("is rollout where there is no Grad-CAM: the image and the map, of any number of images", async () => {
    const { code, out, err } = await predict("run", "three", names, "--explain");
    expect([code, err]).toEqual([0, []]);
    expect(out.at(-1)).toContain("3 pictures, and panels in explained/");
    expect(readdirSync(at("three", "explained"))).toEqual(names);
    expect(await widthOf(at("three", "explained", "a.png"))).toBe(2 * 310 + 10);
    await predict("run", "named", names, "--explain", "rollout");
    for (const name of names) {
      expect(readFileSync(at("named", "explained", name))).toEqual(readFileSync(at("three", "explained", name)));
    }
    await predict("run", "one", ["a.png"], "--explain", "auto");
    expect(readdirSync(at("one", "explained"))).toEqual(["a.png"]);
  });

  test("shows another transformer's rollout beside", async () => {
    const { code, err } = await predict("run", "beside", ["a.png"], "--explain", "--base", at("other"));
    expect([code, err]).toEqual([0, []]);
    expect(await widthOf(at("beside", "explained", "a.png"))).toBe(3 * 310 + 10);
  });
});

test("evaluate --explain writes panels", async () => {
  const args = [
    "evaluate",
    at("run"),
    "--explain",
    "rollout",
    "--panels",
    "1",
    "--threshold",
    "0.4",
    "--out",
    at("panels"),
  ];
  const { code, err, out } = await mganet(...args);
  expect([code, err]).toEqual([0, []]);
  expect(out).toContain("Explained:");
  expect(readdirSync(at("panels")).length).toBeGreaterThan(0);
});

test("report has panels, with and without another transformer", async () => {
  const page = () => readFileSync(at("run", "report.html"), "utf8");
  expect(await mganet("report", at("run"))).toMatchObject({ code: 0, err: [] });
  const alone = page();
  expect(alone).toContain("Where the network looks");
  expect(await mganet("report", at("run"), "--base", at("other"))).toMatchObject({ code: 0, err: [] });
  expect(page()).not.toBe(alone);
  expect(page().replaceAll(/base64,[^"]*/g, "")).not.toMatch(/NaN|undefined/);
  await expectRefused(
    ["report", at("run"), "--base", at("base")],
    "MGA-Net has no attention rollout to show beside; it has Grad-CAM and CAM",
  );
});

describe("is refused in one line", () => {
  const refused = async (reason: string | RegExp, run: string, ...more: string[]) => {
    await expectRefused(["predict", at("a.png"), "--run", at(run), "--out", at("refused"), ...more], reason);
    expect(existsSync(at("refused"))).toBe(false);
  };

  test("Grad-CAM and CAM of a transformer, and rollout of other networks", async () => {
    await refused("--explain: ViT-B/16 has no Grad-CAM; choose rollout", "run", "--explain", "gradcam");
    await refused("--explain: ViT-B/16 has no CAM; choose rollout", "run", "--explain", "cam");
    await refused(
      "--explain: MGA-Net has no attention rollout; choose gradcam or cam",
      "mganet",
      "--explain",
      "rollout",
    );
  });

  test("a class and a scale, on which it does not depend", async () => {
    for (const name of ["malignant", "predicted", "nobody"]) {
      const reason = "--class has no effect with --explain rollout, which depends on no class";
      await refused(reason, "run", "--explain", "--class", name);
      await expectRefused(["evaluate", at("run"), "--explain", "rollout", "--class", name], reason);
    }
    const reason = "--scale has no effect with --explain rollout, which is of all blocks together";
    await refused(reason, "run", "--explain", "--scale", "L2");
  });

  test("a base of another kind", async () => {
    const mine =
      /--base: .*base.last\.safetensors: MGA-Net has no attention rollout to show beside; it has Grad-CAM and CAM/;
    await refused(mine, "run", "--explain", "--base", at("base"));
    const its = /--base: .*other.last\.safetensors: ViT-B\/16 has no Grad-CAM to show beside; it has attention rollout/;
    await refused(its, "mganet", "--explain", "--base", at("other"));
  });

  test("a classifier that was not trained", async () => {
    await refused("the classifier of this checkpoint has not been trained yet", "young", "--explain");
  });
});
