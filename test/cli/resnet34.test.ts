/** A second model: every command accepts it, and it has its own options. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { parsePredictions } from "../../src/metrics/predictions.ts";
import { studySchema } from "../../src/study/file.ts";
import { slow } from "../support/selection.ts";
import { COLD, spawned } from "./spawned.ts";
import { expectRefused, mganet, temporaryFolder, tiny } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const bytes = (...names: string[]) => readFileSync(at(...names));
const json = (...names: string[]) => JSON.parse(bytes(...names).toString("utf8")) as Record<string, unknown>;
const settings = [
  ...["--model", "resnet34", "--width", "0.0625", "--size", "32", "--batch", "4"],
  ...["--phantom-images", "40", "--epochs", "3", "--eval-every", "1", "--crop", "none"],
];
const records = (folder: string) =>
  bytes(folder, "metrics.jsonl")
    .toString("utf8")
    .replaceAll(/"seconds":[\d.e-]+,"imagesPerSecond":[\d.e-]+/g, "");

let out: string[];
beforeAll(async () => {
  const ended = await mganet("train", ...settings, "--out", at("run"));
  expect([ended.code, ended.err]).toEqual([0, []]);
  out = ended.out;
  const { width, height, grey } = phantomImage(3, 0);
  await sharp(grey, { raw: { width, height, channels: 1 } })
    .png()
    .toFile(at("a.png"));
}, COLD);

describe("train --model resnet34", () => {
  test("trains its one phase, and speaks of no masks", () => {
    expect(out[0]).toMatch(/^Preset quick: ResNet34, width 0\.0625; 32×32, batch 4, 3 epochs; on /);
    expect(out[1]).toBe("(--preset paper takes longer: at full width on 224×224 images, for 200 epochs)");
    expect(out).toContainEqual("Training: 3 epochs of 8 steps");
    expect(out.filter((line) => /^ +training \d\/3 +loss/.test(line))).toHaveLength(3);
    expect(out.join("\n")).not.toMatch(/Dice|mask/i);
    expect(json("run", "config.json")).toMatchObject({ model: "resnet34", epochs: { training: 3 } });
    expect(json("run", "config.json")).not.toHaveProperty("fusion");
    const lines = records("run").trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line.replace(/,+(?=[,}])/g, "")) as { stage: string }).stage)).toEqual(
      Array.from({ length: 3 }, () => "training"),
    );
    const { images } = parsePredictions(bytes("run", "predictions.json").toString("utf8"), "predictions.json");
    expect(images.every(({ dice, probabilities }) => dice === null && probabilities!.length === 2)).toBe(true);
  });

  test("interrupted, it resumes to the same bits", { ...slow, timeout: COLD }, async () => {
    const stopped = await spawned(["train", ...settings, "--out", at("stopped")], (line, kill) => {
      if (line.trim().startsWith("training 1/3")) kill("SIGINT");
    });
    expect([stopped.code, stopped.out.at(-1)]).toEqual([
      130,
      `Stopped. Resume with:  npm run train -- --resume ${at("stopped")}`,
    ]);
    expect(existsSync(at("stopped", "summary.json"))).toBe(false);
    expect(await mganet("train", "--resume", at("stopped"))).toMatchObject({ code: 0, err: [] });
    for (const name of ["last.safetensors", "best.safetensors"]) {
      expect(bytes("stopped", name).equals(bytes("run", name)), name).toBe(true);
    }
    expect(records("stopped")).toBe(records("run"));
    expect(readdirSync(at("stopped"))).toEqual(readdirSync(at("run")));
  });
});

test("evaluate gives the figures of the classes, and explains", async () => {
  const args = ["evaluate", at("run"), "--explain", "cam", "--panels", "1", "--out", at("panels")];
  const { code, out, err } = await mganet(...args, "--json", at("found.json"));
  expect([code, err]).toEqual([0, []]);
  expect(out.join("\n")).toMatch(/best\.safetensors on 8 held-out images of phantom 0:\nThreshold 0\.5\n/);
  const { metrics, images } = json("found.json") as {
    metrics: { figures: Record<string, { value: number | null }> };
    images: unknown;
  };
  expect(metrics.figures["accuracy"]!.value).toBeGreaterThanOrEqual(0);
  expect(metrics.figures["dice"]!.value).toBeNull();
  expect(images).toEqual(json("run", "predictions.json")["images"]);
  const panels = readdirSync(at("panels"));
  expect(panels.length).toBeGreaterThanOrEqual(2);
  // No features are enhanced, and there is no mask: the image and the activation.
  expect((await sharp(at("panels", panels[0]!)).metadata()).width).toBe(2 * 310 + 10);
});

test("report writes its page", async () => {
  const { code, out, err } = await mganet("report", at("run"));
  expect([code, err, out.at(-1)]).toEqual([0, [], `Report:  ${at("run", "report.html")}`]);
  const page = bytes("run", "report.html").toString("utf8");
  expect(page).toMatch(/ResNet34, width 0\.0625/);
  expect(page).toMatch(/Where the network looks/);
  // Pictures are in base64, which can spell anything.
  expect(page.replaceAll(/base64,[^"]*/g, "")).not.toMatch(/NaN|undefined/);
});

test("predict gives probabilities, panels and no outlines", async () => {
  const { code, out, err } = await mganet("predict", at("a.png"), "--run", at("run"), "--out", at("said"), "--explain");
  expect([code, err]).toEqual([0, []]);
  expect(out.join("\n")).toMatch(/\d+\.\d % malignant/);
  expect(json("said", "predictions.json")).toMatchObject({ predictions: [{ panel: "explained/a.png", box: null }] });
  expect(readdirSync(at("said")).sort()).toEqual(["a.png", "explained", "predictions.json"]);
});

test("reproduce --study classes trains it beside MGA-Net on the phantom's kinds of nodules", slow, async () => {
  const args = ["reproduce", ...tiny, "--study", "classes", "--seeds", "1", "--out", at("study")];
  const { code, out, err } = await mganet(...args);
  expect([code, err]).toEqual([0, []]);
  expect(out[0]).toBe("Classes: benign solid, benign cystic, malignant (--target kind)");
  expect(out.filter((line) => line.startsWith("[")).map((line) => line.replace(/:.*/, ""))).toEqual([
    "[1/4] Segmentation stage, seed 0",
    "[2/4] ResNet34, seed 0",
    "[3/4] Base, seed 0",
    "[4/4] Proposed, seed 0",
  ]);
  expect(out).toContainEqual(expect.stringMatching(/^Study of classes, more than two classes: phantom 0, /));
  expect(json("study", "resnet34", "seed-0", "config.json")).toMatchObject({
    ...{ model: "resnet34", width: 0.0625, size: [32, 32], batch: 4, target: "kind" },
    classes: ["benign solid", "benign cystic", "malignant"],
  });
  const { results } = studySchema.parse(json("study", "study.json"));
  expect(results[0]).toMatchObject({
    table: "classes",
    rows: [{ row: "resnet34" }, { row: "base", versusBase: null }, {}],
  });
  expect(results[0]!.rows[0]!.figures.dice).toBeNull();
  expect(existsSync(at("study", "study-classes.csv"))).toBe(true);
  const again = await mganet(...args);
  expect([again.code, again.out.filter((line) => line.startsWith("["))]).toEqual([0, []]);
});

test("reproduce --study classes refuses two classes", async () => {
  const args = ["reproduce", ...tiny, "--study", "classes", "--target", "class", "--seeds", "1", "--out", at("two")];
  await expectRefused(args, /classes: the study of classes needs more than two, and these images have benign and mal/);
});

test("options of another model are refused, and so is a model that is not there", async () => {
  const refused = (args: string[], reason: string | RegExp) => expectRefused(["train", ...args], reason);
  const out = ["--out", at("refused")];
  const resnet34 = ["--model", "resnet34", ...out];
  await refused([...resnet34, "--fusion", "none"], "--fusion is an option of mganet, not of resnet34");
  await refused([...resnet34, "--seg-epochs", "1"], "--seg-epochs is an option of mganet, not of resnet34");
  await refused([...out, "--epochs", "1"], /--epochs is an option of resnet34, .*, not of mganet/);
  await refused([...resnet34, "--epochs", "0"], "nothing to train");
  await refused([...resnet34, "--epochs", "-1"], /^Error: --epochs: /);
  await refused([...resnet34, "--width", "9"], /^Error: --width: /);
  await refused(["--model", "vgg", ...out], /--model.*vgg.*Allowed choices are mganet, resnet34/);
  await refused(["--resume", at("run"), "--model", "resnet34"], "leave out --model");
  expect(existsSync(at("refused"))).toBe(false);
});

test("train --help lists options under their model", async () => {
  const { out } = await mganet("train", "--help");
  const text = out.join("\n");
  const section = (id: string) => new RegExp(`Options of --model ${id}.*:\\n((?: .*\\n?)+)`).exec(text)?.[1] ?? "";
  for (const flag of ["--fusion", "--at", "--joint-lr", "--mask-loss", "--alpha", "--seg-epochs", "--joint-epochs"]) {
    expect(section("mganet"), flag).toContain(flag);
  }
  expect(section("resnet34")).toContain("--epochs");
  expect(section("resnet34")).not.toContain("--fusion");
  // Both have a width.
  expect(section("mganet") + section("resnet34")).not.toContain("--width");
  expect(text).toContain("--width <factor>");
  expect(text.replaceAll(/\s+/g, " ")).toMatch(/--model <id> network to train: mganet, .*; resnet34, /);
});
