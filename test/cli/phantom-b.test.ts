/** The second scanner's phantom, wherever a data set is named. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parsePredictions } from "../../src/metrics/predictions.ts";
import { slow } from "../support/selection.ts";
import { COLD } from "./spawned.ts";
import { expectRefused, mganet, temporaryFolder, tiny } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const read = (...names: string[]) => parsePredictions(readFileSync(at(...names), "utf8"), names.join("/"));

describe("a training", slow, () => {
  let out: string[];
  beforeAll(async () => {
    const ended = await mganet("train", ...tiny, "--external", "phantom-b", "--out", at("a"));
    expect([ended.code, ended.err]).toEqual([0, []]);
    ({ out } = ended);
    expect(await mganet("train", ...tiny, "--data", "phantom-b", "--out", at("b"))).toMatchObject({ code: 0, err: [] });
  }, COLD);

  test("is an external set of a fifth of the images, at least 20, of the same seed", async () => {
    expect(out).toContainEqual("External: phantom-b 0: 20 for the end (10 benign, 10 malignant)");
    const kept = read("a", "predictions-external.json");
    expect(kept).toMatchObject({ data: "phantom-b 0", on: "external" });
    expect(kept.images.map(({ image }) => image)).toEqual(Array.from({ length: 20 }, (_, i) => `phantom-b-0-${i}`));
    const again = await mganet("evaluate", at("a"), "--on", "external", "--json", at("external.json"));
    expect([again.code, again.err]).toEqual([0, []]);
    expect(read("external.json").images).toEqual(kept.images);
    // All of it, as of any other set.
    const all = await mganet("evaluate", at("a"), "--data", "phantom-b", "--json", at("all.json"));
    expect(all.out[0]).toMatch(/best\.safetensors on 40 images of phantom-b 0:$/);
    expect(read("all.json").images.slice(0, 20)).toEqual(kept.images);
  });

  test("is trained on like the first one, and reported with its pictures", async () => {
    const { data, images } = read("b", "predictions.json");
    expect([data, images.length]).toEqual(["phantom-b 0", 8]);
    for (const { image, outlineDice } of images) {
      expect(image).toMatch(/^phantom-b-0-\d+$/);
      expect(outlineDice).toBeTypeOf("number");
    }
    const { code, err } = await mganet("report", at("b"));
    expect([code, err]).toEqual([0, []]);
    expect(readFileSync(at("b", "report.html"), "utf8")).toContain("phantom-b-0-");
    const compared = await mganet("evaluate", at("b"), "--compare", at("a"));
    expect(compared.out.join("\n")).toContain("was trained on other data; whether it has seen some of these images");
  });
});

test("is inspected, with its outlines", async () => {
  const { code, out } = await mganet("inspect", "--data", "phantom-b", "--phantom-images", "20", "--out", at("seen"));
  expect(code).toBe(0);
  expect(out).toContainEqual("format           phantom-b");
  expect(out).toContainEqual("images           20: 10 benign, 10 malignant");
  expect(out).toContainEqual("outlines         20 of 20 images, for --mask-target outline");
  const found = JSON.parse(readFileSync(at("seen", "inspection.json"), "utf8")) as { width: { median: number } };
  expect(found.width.median).toBe(320);
});

test("its labels are kinds of nodules if asked for", async () => {
  const args = ["--data", "phantom-b", "--phantom-images", "40", "--target", "kind", "--out", at("kinds")];
  const { code, out } = await mganet("inspect", ...args);
  expect([code, out.filter((line) => /^(images|positive)/.test(line))]).toEqual([
    0,
    [expect.stringMatching(/^images +40: \d+ benign solid, \d+ benign cystic, 20 malignant$/)],
  ]);
  await expectRefused(["train", "--target", "tirads"], "the phantom has no TI-RADS grades");
  await expectRefused(
    ["train", "--classes", "solid,malignant"],
    "the phantom has the classes benign and malignant only; with --target kind benign solid, benign cystic and malignant",
  );
});

test("is refused where it cannot be meant", async () => {
  await expectRefused(["train", "--external", "phantom"], "--external phantom: is the data that is trained on");
  await expectRefused(
    ["train", "--data", "phantom-b", "--external", "phantom-b"],
    "--external phantom-b: is the data that is trained on",
  );
  await expectRefused(["train", "--data", "phantom-b", "--split", "set"], "the phantom has no split of its own");
  await expectRefused(
    ["train", "--data", "phantom-b", "--masks-inverted"],
    "--masks-inverted has no effect on phantom-b",
  );
  await expectRefused(["train", "--data", "phantom-c"], "phantom-c: there is no such folder");
  await expectRefused(
    ["inspect", "--data", dir, "--phantom-images", "20"],
    "--phantom-images has no effect with --data",
  );
});
