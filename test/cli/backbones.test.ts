/** The networks that MGA-Net is compared with: every command accepts them, and their trainings, dropout included, have one result. */
import { readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { slow } from "../support/selection.ts";
import { COLD, spawned } from "./spawned.ts";
import { expectRefused, mganet, temporaryFolder } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const bytes = (...names: string[]) => readFileSync(at(...names));
const settings = (model: string, side: number) => [
  ...["--model", model, "--width", "0.0625", "--size", String(side), "--batch", "4"],
  ...["--phantom-images", "40", "--epochs", "2", "--eval-every", "1", "--crop", "none"],
];

beforeAll(async () => {
  const { width, height, grey } = phantomImage(3, 0);
  await sharp(grey, { raw: { width, height, channels: 1 } })
    .png()
    .toFile(at("a.png"));
});

/** Of each model one that has what the others have not: dropout, and what it is explained by. */
const models: [model: string, side: number][] = [
  ["swin_t", 32],
  ["vgg16_bn", 32],
  ["vgg16", 32],
  ["inception_v3", 96],
  ["resnext50_32x4d", 32],
  ["vit_b_16", 32],
];

describe.each(models)("--model %s", slow, (model, side) => {
  test(
    "trains to the same bytes without a stop and with one, and is evaluated, explained and reported",
    async () => {
      const whole = await mganet("train", ...settings(model, side), "--out", at(model));
      expect([whole.code, whole.err]).toEqual([0, []]);
      const stopped = await spawned(
        ["train", ...settings(model, side), "--out", at(`${model}-stopped`)],
        (line, kill) => {
          if (line.trim().startsWith("training 1/2")) kill("SIGINT");
        },
      );
      expect(stopped.code).toBe(130);
      expect(await mganet("train", "--resume", at(`${model}-stopped`))).toMatchObject({ code: 0, err: [] });
      expect(bytes(`${model}-stopped`, "last.safetensors").equals(bytes(model, "last.safetensors"))).toBe(true);
      expect(await mganet("evaluate", at(model))).toMatchObject({ code: 0, err: [] });
      const predicted = ["predict", at("a.png"), "--run", at(model), "--out", at(`${model}-predicted`)];
      expect(await mganet(...predicted)).toMatchObject({ code: 0, err: [] });
      expect(await mganet("report", at(model))).toMatchObject({ code: 0, err: [] });
      expect(await mganet(...predicted, "--explain")).toMatchObject({ code: 0, err: [] });
    },
    COLD,
  );
});

describe("refuses in one line", () => {
  test("images that are too small for Inception", async () => {
    const reason = "--size: inception_v3 needs images of at least 75×75 pixels";
    await expectRefused(["train", ...settings("inception_v3", 64)], reason);
  });

  test("a depth for networks without blocks to leave out, and modules for those that have none", async () => {
    await expectRefused(["train", ...settings("vgg16", 32), "--depth", "0.5"], "--depth is an option of");
    await expectRefused(["train", ...settings("swin_t", 32), "--fusion", "se"], "--fusion is an option of mganet");
  });
});
