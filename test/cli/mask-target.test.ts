/** `--mask-target`: what the segmentation branch learns, and how runs that learned different things are compared. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parsePredictions } from "../../src/metrics/predictions.ts";
import { slow } from "../support/selection.ts";
import { writeTn5000 } from "../node/data/sets.ts";
import { COLD, spawned } from "./spawned.ts";
import { expectRefused, mganet, temporaryFolder, tiny } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const text = (...names: string[]) => readFileSync(at(...names), "utf8");
const predictions = (run: string) => parsePredictions(text(run, "predictions.json"), run).images;
const epochs = ["--seg-epochs", "2", "--joint-epochs", "1"];

async function trained(target: string) {
  const { code, err } = await mganet("train", ...tiny, ...epochs, "--mask-target", target, "--out", at(target));
  expect([code, err]).toEqual([0, []]);
}

describe("what is learned", slow, () => {
  beforeAll(async () => {
    for (const target of ["outline", "ellipse", "box"]) await trained(target);
  }, COLD);

  test("Dice is of what was learned, Dice (outline) of the outline, whatever was", async () => {
    for (const target of ["outline", "ellipse", "box"]) {
      const images = predictions(target);
      expect(images.length).toBe(8);
      if (target === "outline")
        expect(images.map(({ outlineDice }) => outlineDice)).toEqual(images.map(({ dice }) => dice));
      expect(images.every(({ outlineDice }) => outlineDice! >= 0 && outlineDice! <= 1)).toBe(true);
      const { out } = await mganet("evaluate", at(target));
      expect(out.filter((line) => line.includes("Dice (outline)"))).toEqual([
        expect.stringMatching(/^ {2}Dice \(outline\) +\d\.\d{3} {2}/),
      ]);
      const last = JSON.parse(text(target, "metrics.jsonl").trimEnd().split("\n").at(-1)!) as {
        validation: { outlineDice: number };
      };
      expect(last.validation.outlineDice).toBeCloseTo(images.reduce((sum, p) => sum + p.outlineDice!, 0) / 8, 12);
      expect(text(target, "report.html")).toContain("Dice (outline)");
    }
    expect(text("outline", "config.json")).toContain('"maskTarget": "outline"');
  });

  test("a run on outlines that was interrupted resumes to the same bits", { timeout: COLD }, async () => {
    const args = ["train", ...tiny, ...epochs, "--mask-target", "outline", "--out", at("stopped")];
    const stopped = await spawned(args, (line, kill) => {
      if (line.trim().startsWith("segmentation 1/2")) kill("SIGINT");
    });
    expect(stopped.code).toBe(130);
    expect(await mganet("train", "--resume", at("stopped"))).toMatchObject({ code: 0, err: [] });
    for (const name of ["last.safetensors", "best.safetensors"]) {
      expect(readFileSync(at("stopped", name)).equals(readFileSync(at("outline", name))), name).toBe(true);
    }
    expect(predictions("stopped")).toEqual(predictions("outline"));
    expect(readFileSync(at("ellipse", "last.safetensors")).equals(readFileSync(at("box", "last.safetensors")))).toBe(
      false,
    );
  });
});

test("a set with boxes only is refused, and so is a target that is not learned", async () => {
  const set = at("tn5000");
  await writeTn5000(set, 8);
  const target = ["--mask-target", "outline"];
  await expectRefused(
    ["train", ...tiny.slice(0, -2), "--data", set, "--mask-target", "outline", "--out", at("none")].filter(
      (arg, i, all) => arg !== "--phantom-images" && all[i - 1] !== "--phantom-images",
    ),
    `${set}: has boxes only, no outlines: train with --mask-target ellipse or box`,
  );
  await expectRefused(
    ["train", ...tiny, ...target, "--seg-epochs", "0", "--alpha", "0", "--fusion", "none", "--out", at("none")],
    "--mask-target has no effect with --seg-epochs 0 and --alpha 0",
  );
  await expectRefused(
    ["train", ...target, "--model", "resnet34"],
    "--mask-target is an option of mganet, not of resnet34",
  );
  await expectRefused(["train", "--mask-target", "mask"], /ellipse, box, outline/);
});

test("inspect counts outlines", async () => {
  const { out } = await mganet("inspect", "--data", at("tn5000"), "--out", at("seen"));
  expect(out).toContainEqual("outlines         0 of 8 images, for --mask-target outline");
});
