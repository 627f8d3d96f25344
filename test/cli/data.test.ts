/** The data commands: inspect, prepare, and how train and evaluate use splits. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { writeManifestSet, writeTn5000 } from "../node/data/sets.ts";
import { expectRefused, mganet, temporaryFolder, tiny, write } from "./support.ts";
import { slow } from "../support/selection.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const json = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
const line = (out: string[], start: string) => out.find((text) => text.startsWith(start)) ?? "";

beforeAll(async () => {
  write(dir, { "other/a.txt": "a" });
  await writeTn5000(at("voc"), 10);
  await writeManifestSet(at("external"), 24);
  write(at("voc"), { "Annotations/000003.xml": "<annotation>" });
});

describe("inspect", () => {
  test("prints what the set holds and writes a contact sheet of it", async () => {
    const { code, out, err } = await mganet("inspect", "--data", at("voc"), "--out", at("seen"), "--images", "4");
    expect([code, err]).toEqual([0, []]);
    expect(line(out, "format")).toMatch(/tn5000$/);
    expect(line(out, "images")).toMatch(/9: 4 benign, 5 malignant$/);
    expect(line(out, "patients")).toMatch(/9: 4 benign, 5 malignant$/);
    expect(line(out, "set's own test")).toMatch(/5: 2 benign, 3 malignant$/);
    expect(line(out, "width, height")).toMatch(/320, 240; most are 320x240 \(9\)$/);
    expect(line(out, "boxes")).toMatch(/9 on 9 images: 9 with 1$/);
    expect(line(out, "near-identical")).toMatch(/0 pairs/);
    expect(line(out, "left out")).toMatch(/ 1$/);
    expect(out.join("\n")).toMatch(/1 000003.xml: is not well-formed XML/);
    expect(line(out, "A training")).toMatch(/as the set defines it$/);
    expect(line(out, "  held out")).toMatch(/1 +1 benign, 0 malignant|1 +0 benign, 1 malignant/);
    const sheet = await sharp(at("seen", "contact-sheet.png")).metadata();
    expect([sheet.width, sheet.height]).toEqual([8 + 4 * 248, 16 + 18 + 206]);
    expect(json(at("seen", "inspection.json"))).toMatchObject({ images: 9, folds: 0, nearPairs: [] });
  });

  test("refuses what cannot be", async () => {
    await expectRefused(["inspect", "--data", at("other")], "no known layout");
    await expectRefused(["inspect", "--data", at("voc"), "--format", "pascal"], 'unknown format "pascal"');
    await expectRefused(["inspect", "--data", at("voc"), "--fold", "1"], "--fold needs --folds");
    await expectRefused(["inspect", "--data", at("voc"), "--folds", "1"], "--folds: one fold leaves nothing");
    await expectRefused(
      ["inspect", "--data", at("voc"), "--folds", "3", "--fold", "3"],
      "--fold: there is no fold 3 of 3",
    );
    await expectRefused(["inspect", "--data", at("voc"), "--folds", "3", "--val", "0.2"], "--val has no effect");
  });
});

describe("prepare", () => {
  const args = () => ["prepare", "--data", at("voc"), "--out", at("prepared"), "--size", "64"];

  test("writes crops, masks, a manifest and a contact sheet, and goes on with them", async () => {
    const { code, out, err } = await mganet(...args());
    expect([code, err]).toEqual([0, []]);
    expect(out.join("\n")).toMatch(/1 left out:\n.*000003.xml[^]*\n9 images prepared in 0:\d\d\n/);
    for (const name of ["manifest.csv", "contact-sheet.png", "images/000001.png", "masks/000001.png"]) {
      expect(existsSync(at("prepared", name)), name).toBe(true);
    }
    expect((await mganet(...args())).out.join("\n")).toMatch(/9 images prepared \(9 of them were already done\)/);
    const { out: seen } = await mganet("inspect", "--data", at("prepared"), "--out", at("seen 2"));
    expect(line(seen, "set's own test")).toMatch(/5: 2 benign, 3 malignant$/);
    expect(line(seen, "width, height")).toMatch(/64, 64; /);
    expect(line(seen, "crop / image")).toMatch(/100.0 % \(100.0 to 100.0 %\)$/);
  });

  test("refuses other settings, other folders and impossible sizes", async () => {
    await expectRefused([...args(), "--crop", "fixed"], "was started with --crop adaptive, not fixed");
    await expectRefused(["prepare", "--data", at("voc"), "--out", at("other")], "holds nothing to resume");
    await expectRefused([...args().slice(0, -1), "4"], "--size: 4x4 is not possible");
    await expectRefused(["prepare", "--data", at("none"), "--out", at("new")], "there is no such folder");
    expect(existsSync(at("new"))).toBe(false);
  });
});

test(
  "a run keeps its split; an external set is evaluated, and never trained on; the split is used again",
  slow,
  async () => {
    const sizes = tiny.slice(0, tiny.indexOf("--phantom-images"));
    const common = [...sizes, "--crop", "none", "--seg-epochs", "1", "--joint-epochs", "1"];
    await writeManifestSet(at("own"), 20);
    const args = ["--data", at("own"), "--val", "0.3", "--class-weights", "balanced", "--sampling", "balanced"];
    const first = await mganet("train", ...common, ...args, "--external", at("external"), "--out", at("run"));
    expect([first.code, first.err]).toEqual([0, []]);
    // The first 20 images of the external set are those of the set itself.
    expect(line(first.out, "External: ")).toMatch(/external: \d+ for the end/);
    const { external, data } = json(at("run", "summary.json")) as {
      external: { images: number; dice: number; iou: number; confusion: unknown };
      data: { external: { images: number; skipped: { reason: string }[] } };
    };
    expect([external.images, data.external.images, data.external.skipped.length]).toEqual([4, 4, 20]);
    const split = json(at("run", "split.json")) as { train: string[]; val: string[] };
    expect(split.train.length + split.val.length).toBe(20);
    const evaluated = await mganet("evaluate", at("run"), "--on", "external", "--json", at("external.json"));
    expect(evaluated.code).toBe(0);
    const { images, confusion, dice, iou } = external;
    const figures = { dice: { value: dice }, iou: { value: iou } };
    expect(json(at("external.json"))).toMatchObject({ metrics: { images, confusion, figures } });
    const kept = json(at("run", "predictions-external.json"));
    expect(kept).toMatchObject({ data: "external", on: "external", checkpoint: "best.safetensors" });
    expect(kept["images"]).toEqual(json(at("external.json"))["images"]);
    await expectRefused(
      ["evaluate", at("run"), "--on", "test"],
      "--on: test has no images: the run's split has none for testing",
    );
    const again = ["--data", at("own"), "--split", at("run", "split.json"), "--seed", "5", "--out", at("run 2")];
    expect((await mganet("train", ...common, ...again)).code).toBe(0);
    expect(json(at("run 2", "split.json"))).toMatchObject({ train: split.train, val: split.val });
    const missing = ["--data", at("voc"), "--split", at("run", "split.json"), "--out", at("run 3")];
    await expectRefused(["train", ...common, ...missing], /split.json: names 20 images that .*voc does not have/);
    expect(existsSync(at("run 3"))).toBe(false);
  },
);
