/** Layouts of tools and folders from the user's view: in training, evaluation, inspection and preparation. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { maskPng, writeClasses, writeMasks, writeYolo } from "../node/data/other-sets.ts";
import { png, writeFiles } from "../node/data/sets.ts";
import { slow } from "../support/selection.ts";
import { checkpointBytes, expectRefused, mganet, temporaryFolder, tiny, write } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const json = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
const sizes = tiny.slice(0, tiny.indexOf("--phantom-images"));
const short = [...sizes, "--crop", "none", "--joint-epochs", "1"];

beforeAll(async () => {
  await writeClasses(at("classes"), 24);
  await writeYolo(at("yolo"), 12);
  await writeMasks(at("masks"), 4);
  for (const [i, name] of ["benign_1", "malignant_2", "3"].entries()) {
    writeFiles(at("named"), { [`images/${name}.png`]: await png(i), [`masks/${name}.png`]: await maskPng(i) });
  }
  write(dir, { "done/last.safetensors": await checkpointBytes(), "done/summary.json": "{}" });
});

describe("images without outlines", () => {
  test("do not train MGA-Net: one line says what is missing, before anything is written", async () => {
    const { err } = await expectRefused(
      ["train", "--data", at("classes"), ...short, "--seg-epochs", "1", "--out", at("new")],
      /classes: the classes images have no outlines, from which MGA-Net learns: .*--fusion none --seg-epochs 0 --alpha 0$/,
    );
    expect(err[0]).toContain(at("classes"));
    await expectRefused(
      ["prepare", "--data", at("classes"), "--out", at("new")],
      /classes: the classes images have no outlines to make masks from$/,
    );
    expect(existsSync(at("new"))).toBe(false);
  });

  test("train a network without masks, whose Dice is then not known", async () => {
    const alone = ["--fusion", "none", "--seg-epochs", "0", "--alpha", "0"];
    const { code, out, err } = await mganet("train", "--data", at("classes"), ...short, ...alone, "--out", at("base"));
    expect([code, err]).toEqual([0, []]);
    expect(out.find((line) => line.includes("held out: "))).toMatch(/accuracy \d\.\d{3}$/);
    expect(out.join("\n")).not.toContain("Dice");
    const { last } = json(at("base", "summary.json")) as { last: Record<string, unknown> };
    expect(Object.keys(last)).toEqual(expect.arrayContaining(["images", "accuracy", "f1"]));
    expect(last).not.toHaveProperty("dice");
    const { images } = json(at("base", "predictions.json")) as { images: { dice: unknown; malignant: unknown }[] };
    expect(images.every(({ dice, malignant }) => dice === null && typeof malignant === "number")).toBe(true);
    expect(readFileSync(at("base", "report.html"), "utf8")).toContain("no image has a nodule marked on it");
  });

  test("leave a network without outlines, which says so instead of finding no nodule", async () => {
    const unlearned = "This network has not learned outlines: it gives probabilities only.";
    const film = await sharp([await png(1), await png(2)], { join: { animated: true } })
      .gif()
      .toBuffer();
    writeFiles(dir, { "film.gif": film });
    const images = [at("classes", "train", "benign", "0.png"), at("film.gif")];
    const { code, out, err } = await mganet("predict", "--run", at("base"), ...images, "--out", at("predicted"));
    expect([code, err]).toEqual([0, []]);
    expect(out).toContain(unlearned);
    expect(out.filter((line) => / % malignant$/.test(line))).toHaveLength(3);
    expect(out).toContainEqual(expect.stringMatching(/film\.gif: 2 frames: .*; 2 predicted$/));
    expect(out.join("\n")).not.toContain("nodule");
    const report = json(at("predicted", "predictions.json"));
    expect(report).toMatchObject({ outlines: "not learned", loops: [{ withNodule: null }] });
    // Boxes are known of these images, and still there is no Dice.
    const evaluated = await mganet("evaluate", at("base"), "--data", at("yolo"));
    expect([evaluated.code, evaluated.err]).toEqual([0, []]);
    expect(evaluated.out).toContain(unlearned);
    expect(evaluated.out).toContainEqual(
      expect.stringMatching(/Dice of the mask +not defined: no image .*, or the network has not learned outlines$/),
    );
  });

  test("are evaluated by their classes: a Dice is not defined, and no empty mask's 1", async () => {
    const args = ["evaluate", at("done"), "--data", at("classes"), "--json", at("found.json")];
    const { code, out, err } = await mganet(...args);
    expect([code, err]).toEqual([0, []]);
    expect(out).toContainEqual(expect.stringMatching(/^no outlines: these images can be evaluated/));
    expect(out).toContainEqual(expect.stringMatching(/on 24 images of classes:$/));
    expect(out).toContainEqual(expect.stringMatching(/Dice of the mask +not defined: no image has a nodule marked/));
    const { metrics, images } = json(at("found.json")) as Record<string, Record<string, unknown>[]>;
    expect(metrics).toMatchObject({ images: 24, classified: 24, positives: 12 });
    expect(images!.every(({ dice, iou }) => dice === null && iou === null)).toBe(true);
  });

  test("are an external set", slow, async () => {
    await writeClasses(at("others"), 8);
    const args = ["--data", at("yolo"), ...short, "--seg-epochs", "1", "--split", "random"];
    // The same made-up pictures: what was trained with is no external image.
    await expectRefused(["train", ...args, "--external", at("others"), "--out", at("new")], /none is external/);
    const files: Record<string, Uint8Array> = {};
    for (let i = 0; i < 6; i++) files[`${["benign", "malignant"][i % 2]!}/${i}.png`] = await png(100 + i);
    writeFiles(at("external"), files);
    const { code, out, err } = await mganet("train", ...args, "--external", at("external"), "--out", at("trained"));
    expect([code, err]).toEqual([0, []]);
    expect(out).toContainEqual("External: external: 6 for the end (3 benign, 3 malignant)");
    const result = out.find((line) => line.includes("on the 6 external images"));
    expect(result).toMatch(/accuracy \d\.\d{3}$/);
    expect(json(at("trained", "summary.json"))["external"]).not.toHaveProperty("dice");
  });

  test("are inspected", async () => {
    const { code, out } = await mganet("inspect", "--data", at("classes"), "--out", at("inspected"));
    expect(code).toBe(0);
    expect(out).toContainEqual(expect.stringMatching(/^boxes +none: nothing says where the nodules are$/));
    expect(out.join("\n")).not.toContain("NaN");
  });
});

describe("a set with classes of its own", () => {
  const plain = ["--model", "resnet34", "--width", "0.0625", "--size", "32", "--batch", "4", "--epochs", "1"];
  const train = (...args: string[]) => ["train", ...plain, "--crop", "none", ...args];

  beforeAll(async () => {
    const sets = { k3: ["alpha", "beta", "gamma"], k2: ["alpha", "beta"], bm: ["benign", "malignant"] };
    for (const [n, [set, names]] of Object.entries(sets).entries()) {
      const files: Record<string, Uint8Array> = {};
      for (let i = 0; i < 8; i++)
        for (const [c, name] of names.entries()) files[`${name}/${i}.png`] = await png(100 * n + 10 * c + i + 200);
      writeFiles(at(set), files);
    }
    writeFiles(at("odd"), {
      "predicted/1.png": await png(1),
      "predicted/3.png": await png(3),
      "solid/2.png": await png(2),
      "solid/4.png": await png(4),
    });
  });

  test("three can be trained with --positive alone", () => expectTrained("k3"));
  test("two can be trained with --positive alone", slow, () => expectTrained("k2"));

  async function expectTrained(set: "k2" | "k3") {
    const { code, err } = await mganet(...train("--data", at(set), "--positive", "Alpha", "--out", at(`${set}-run`)));
    expect([code, err]).toEqual([0, []]);
    const classes = set === "k2" ? ["alpha", "beta"] : ["alpha", "beta", "gamma"];
    expect(json(at(`${set}-run`, "config.json"))).toMatchObject({ classes, positive: "alpha" });
    await expectRefused(
      train("--data", at(set), "--positive", "x", "--out", at("new")),
      /k[23]: the positive class "x" is none of alpha, beta/,
    );
  }

  test("is refused where a run knows other classes, with both lists", async () => {
    await expectRefused(
      ["evaluate", at("k3-run"), "--data", at("bm")],
      /bm: no image is of a class that the model knows \(alpha, beta, gamma\); it has benign \(8\), malignant \(8\)$/,
    );
    await expectRefused(
      ["evaluate", at("done"), "--data", at("k3")],
      /k3: no image is of a class that the model knows \(benign, malignant\); it has alpha, beta, gamma$/,
    );
    const { out } = await expectRefused(
      train("--data", at("k3"), "--external", at("bm"), "--out", at("new")),
      /bm: no image is of a class that the model knows \(alpha, beta, gamma\)/,
    );
    expect(out.filter((line) => line.startsWith("Data"))).toEqual([]);
    expect(existsSync(at("new"))).toBe(false);
  });

  test("says that the figures of the positive class are at the threshold", async () => {
    const { out } = await mganet("evaluate", at("k3-run"), "--threshold", "1");
    expect(out).toContain("Of alpha against the rest, at the threshold 1, not by the most probable class:");
    expect(out.join("\n")).toMatch(/PPV \(precision\) +not defined: no image was predicted alpha at the threshold 1/);
  });

  test("cannot call a class predicted", async () => {
    await expectRefused(train("--data", at("odd"), "--out", at("new")), /odd: the class "predicted" cannot be told/);
  });
});

describe("--label-from name", () => {
  test("gives classes in inspect and prepare, and is said", async () => {
    const bare = await mganet("inspect", "--data", at("named"), "--out", at("i1"));
    expect(bare.out).toContainEqual(expect.stringMatching(/^images +3: 0 benign, 0 malignant, 3 without a class$/));
    const named = await mganet("inspect", "--data", at("named"), "--label-from", "name", "--out", at("i2"));
    expect(named.out).toContainEqual(expect.stringMatching(/^images +3: 1 benign, 1 malignant, 1 without a class$/));
    expect(named.out).toContainEqual(expect.stringMatching(/^note: --label-from name: 2 images take their class/));
    const prepared = await mganet(
      "prepare",
      "--data",
      at("named"),
      "--label-from",
      "name",
      "--out",
      at("p"),
      "--size",
      "32",
    );
    expect(prepared.code).toBe(0);
    const rows = readFileSync(at("p", "manifest.csv"), "utf8").trim().split("\n").slice(1);
    expect(rows.map((row) => row.split(",").slice(0, 2))).toEqual([
      ["images/images_3.png", ""],
      ["images/images_benign_1.png", "benign"],
      ["images/images_malignant_2.png", "malignant"],
    ]);
  });

  test("is refused where it means nothing", async () => {
    await expectRefused(["train", ...tiny, "--label-from", "name"], /--label-from has no effect on the phantom/);
    await expectRefused(["evaluate", at("done"), "--label-from", "name"], /--label-from has no effect without --data/);
    const { err } = await mganet("inspect", "--data", at("masks"), "--label-from", "patient");
    expect(err[0]).toMatch(/Allowed choices are set, name/);
  });
});
