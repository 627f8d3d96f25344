/** `mganet evaluate`: metrics with intervals, thresholds, comparisons, and the records that train and evaluate write. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { confusion } from "../../src/metrics/confusion.ts";
import { casesOf, classified, parsePredictions } from "../../src/metrics/predictions.ts";
import { writeManifestSet } from "../node/data/sets.ts";
import { everything, slow } from "../support/selection.ts";
import { expectRefused, mganet, temporaryFolder, tiny } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const text = (file: string) => readFileSync(file, "utf8");
const read = (...names: string[]) => parsePredictions(text(at(...names)), names.join("/"));

/** Runs evaluate and returns what it prints and writes. */
async function evaluated(...args: string[]) {
  const ended = await mganet("evaluate", ...args, "--json", at("out.json"));
  expect(ended.err).toEqual([]);
  const json = JSON.parse(text(at("out.json"))) as {
    metrics: { threshold: number; confusion: unknown; figures: Record<string, { value: number | null }> };
    comparison?: { checkpoint: string; delong: unknown };
  };
  return { ...ended, json, predictions: read("out.json") };
}

beforeAll(async () => {
  await trained("a");
  if (everything) await trained("b", "--fusion", "none");
});

async function trained(name: string, ...settings: string[]) {
  const { code, err } = await mganet("train", ...tiny, "--phantom-images", "60", ...settings, "--out", at(name));
  expect([code, err]).toEqual([0, []]);
}

describe("a run", () => {
  test("has the predictions of its best weights, as evaluate computes them", async () => {
    const own = read("a", "predictions.json");
    expect(own).toMatchObject({ checkpoint: "best.safetensors", data: "phantom 0", on: "val", threshold: 0.5 });
    expect(own.images.length).toBe(12);
    const { out, json, predictions } = await evaluated(at("a"));
    expect(predictions.images).toEqual(own.images);
    expect(predictions).toMatchObject({ checkpoint: at("a", "best.safetensors"), on: "val" });
    expect(json.metrics.confusion).toEqual(confusion(casesOf(classified(own.images))));
    const table = out.join("\n");
    expect(table).toMatch(/best\.safetensors on 12 held-out images of phantom 0:\nThreshold 0\.5\n/);
    expect(table).toMatch(/95 % by bootstrap over 12 images/);
    for (const name of ["AUC", "PPV", "Expected calibration error", "IoU of the mask"]) {
      expect(table).toMatch(
        new RegExp(
          `  ${name}.* (\\d\\.\\d{3} {2}\\d\\.\\d{3} to \\d\\.\\d{3}|not defined: .*|[01]\\.\\d{3}  not known)`,
        ),
      );
    }
    const records = text(at("a", "metrics.jsonl")).trimEnd().split("\n");
    expect(JSON.parse(records.at(-1)!)).toMatchObject({ validation: { iou: expect.any(Number) as number } });
  });

  test("of masks alone has those of its last weights, without probabilities", slow, async () => {
    const { code } = await mganet("train", ...tiny, "--joint-epochs", "0", "--out", at("masks"));
    expect(code).toBe(0);
    const { checkpoint, images } = read("masks", "predictions.json");
    expect([checkpoint, images[0]!.probabilities]).toEqual(["last.safetensors", null]);
    const { out, json } = await evaluated(at("masks"));
    expect(out.join("\n")).toMatch(
      /has not been trained yet\.\n.*\n {2}Dice of the mask .*\n {2}IoU of the mask .*\n {2}Dice \(outline\) .*$/,
    );
    expect(json.metrics).toMatchObject({ confusion: null, figures: { auc: { value: null } } });
    await expectRefused(["evaluate", at("masks"), "--threshold", "f1"], "--threshold: the classifier of this");
    await expectRefused(["evaluate", at("masks"), "--compare", at("a")], "--compare: the classifier of this");
    await expectRefused(["evaluate", at("a"), "--compare", at("masks")], "--compare: the classifier of");
  });
});

describe("thresholds", () => {
  test("given or chosen are said, and used", slow, async () => {
    const given = await evaluated(at("a"), "--threshold", "1");
    expect(given.json.metrics).toMatchObject({ threshold: 1, figures: { sensitivity: { value: 0 } } });
    expect(given.out).toContain("Threshold 1");
    const f1 = async (threshold: string) => (await evaluated(at("a"), "--threshold", threshold)).json.metrics;
    const best = await f1("f1");
    for (const other of ["0.3", "0.5", "0.7"]) {
      expect(best.figures["f1"]!.value!).toBeGreaterThanOrEqual((await f1(other)).figures["f1"]!.value ?? 0);
    }
    const { out } = await evaluated(at("a"), "--threshold", "youden");
    expect(out.join("\n")).toMatch(
      /Threshold 0\.\d+, that of the largest Youden index .* on the 12 validation images, the very images evaluated here/,
    );
  });

  test("for other images are chosen on the validation images all the same", slow, async () => {
    await writeManifestSet(at("other"), 16);
    const own = await evaluated(at("a"), "--threshold", "f1");
    const { out, json, predictions } = await evaluated(at("a"), "--data", at("other"), "--threshold", "f1");
    expect(json.metrics.threshold).toBe(own.json.metrics.threshold);
    expect(predictions).toMatchObject({ on: "all", threshold: own.json.metrics.threshold });
    expect(out.join("\n")).toMatch(/of the largest F1 on the 12 validation images\n/);
  });

  test("that make no sense are refused", async () => {
    for (const bad of ["1.1", "-0.1", "x", ""]) {
      await expectRefused(["evaluate", at("a"), `--threshold=${bad}`], /neither a probability nor one of youden, f1/);
    }
  });
});

describe("--compare", () => {
  async function expectCompared(other: string) {
    const { out, json } = await evaluated(at("a"), "--compare", at(other));
    expect(out.join("\n")).toMatch(
      /on the same 12 images, by DeLong's test:\n {2}AUC .* against .*: difference -?\d\.\d{3} /,
    );
    expect(json.comparison).toMatchObject({ checkpoint: at(other, "best.safetensors") });
  }

  test("tests the difference to a network of another size on the same images", slow, async () => {
    await trained("bigger", "--size", "64", "--joint-epochs", "1");
    await expectCompared("bigger");
  });

  test("tests the difference on the same images", slow, async () => {
    await expectCompared("b");
    const [ab, ba] = [await evaluated(at("a"), "--compare", at("b")), await evaluated(at("b"), "--compare", at("a"))];
    const difference = (e: typeof ab) => (e.json.comparison!.delong as { difference: number }).difference;
    expect(difference(ab)).toBeCloseTo(-difference(ba), 12);
    const self = await evaluated(at("a"), "--compare", at("a"));
    expect(self.json.comparison!.delong).toMatchObject({ difference: 0, p: null });
    expect(self.out.at(-1)).toMatch(/both rank the images in the same order/);
  });

  test("refuses a run that was trained with some of the images, and says what it cannot know", slow, async () => {
    cpSync(at("b"), at("leaky"), { recursive: true });
    const split = JSON.parse(text(at("leaky", "split.json"))) as { train: string[]; val: string[] };
    const swapped = { ...split, train: [...split.train, split.val[0]!], val: split.val.slice(1) };
    writeFileSync(at("leaky", "split.json"), JSON.stringify(swapped));
    await expectRefused(["evaluate", at("a"), "--compare", at("leaky")], /was trained on 1 of the 12 images, such as/);
    rmSync(at("leaky", "split.json"));
    const unknown = await evaluated(at("a"), "--compare", at("leaky"));
    expect(unknown.out.join("\n")).toMatch(/what it was trained on is not known/);
    const elsewhere = await evaluated(at("a"), "--data", at("other"), "--compare", at("b"));
    expect(elsewhere.out.join("\n")).toMatch(/was trained on other data; whether/);
    await expectRefused(["evaluate", at("a"), "--compare", at("nothing")], "no such file or folder");
  });
});

describe("report", () => {
  test("is left by train, and made again with activations", slow, async () => {
    const left = text(at("a", "report.html"));
    expect(left).toMatch(/data:image\/png;base64/);
    expect(left).not.toMatch(/Where the network looks/);
    const { code, out, err } = await mganet("report", at("a"), "--base", at("b"));
    expect([code, err, out.at(-1)]).toEqual([0, [], `Report:  ${at("a", "report.html")}`]);
    expect(text(at("a", "report.html"))).toMatch(/Where the network looks[^]*data:image\/webp;base64/);
    expect((await mganet("report", at("a"), "--no-pictures")).code).toBe(0);
    expect(text(at("a", "report.html"))).not.toMatch(/data:image\/(png|webp)/);
  });

  test("goes without pictures where the images are gone, and refuses what is no run", async () => {
    cpSync(at("a"), at("moved"), { recursive: true });
    rmSync(at("moved", "best.safetensors"));
    const split = JSON.parse(text(at("moved", "split.json"))) as { train: string[] };
    writeFileSync(at("moved", "split.json"), JSON.stringify({ ...split, train: [...split.train, "gone"] }));
    const { code, out } = await mganet("report", at("moved"));
    expect([code, out[0]]).toEqual([
      0,
      expect.stringMatching(/^Without pictures of images: .*split\.json: names 1 images/),
    ]);
    await expectRefused(["report", at("missing")], "no such folder");
    await expectRefused(["report", dir], "not a run folder");
    await expectRefused(["report", at("a"), "--base", at("a")], /^Error: --base: .*is not a model without attention/);
  });
});

test("--tensorboard leaves one event file with a record an epoch", slow, async () => {
  const { code } = await mganet("train", ...tiny, "--tensorboard", "--out", at("events"));
  expect(code).toBe(0);
  const files = readdirSync(at("events")).filter((name) => name.includes("tfevents"));
  expect(files.length).toBe(1);
  const bytes = readFileSync(at("events", files[0]!));
  // The version, then a record an epoch.
  let [records, offset] = [0, 0];
  for (; offset < bytes.length; records++) offset += 16 + Number(bytes.readBigUInt64LE(offset));
  expect([records, offset]).toEqual([1 + 3, bytes.length]);
  expect(bytes.includes("validation/auc")).toBe(true);
});
