/** The built page's predictions of DICOM loops, and of a model with three classes: those of the command line. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { writePng } from "../../src/data/pictures/png-write.ts";
import { checkConfig } from "../../src/train/config.ts";
import { checkpointBytes, mganet, temporaryFolder, tinyConfig } from "../cli/support.ts";
import { dicom, openCodecs } from "../node/data/dicom-files.ts";
import { openApp, withoutParityCheck, type OpenApp } from "../support/app.ts";
import { chromiumFor } from "../support/chromium.ts";

const { leftOut, required } = chromiumFor("The page's predictions of loops and several classes are not tested");

const CLASSES = ["normal", "benign", "malignant"];
const FRAMES = 4;

interface Report {
  classes: string[];
  predictions: ({ image: string; predicted: string; probabilities: Record<string, number> } & Record<
    string,
    unknown
  >)[];
  loops?: Record<string, unknown>[];
  skipped: unknown[];
}

describe.skipIf(leftOut)("predicting on the page", () => {
  let app: OpenApp;
  let page: Page;
  let files: string[];
  let checkpoint: string;
  let expected: Report;

  beforeAll(async () => {
    const dir = temporaryFolder();
    mkdirSync(path.join(dir, "scans"));
    await openCodecs();
    const frames = Array.from({ length: FRAMES }, (_, i) => phantomImage(5, 7 * i));
    const { width, height } = frames[0]!;
    expect(frames.every((frame) => frame.width === width && frame.height === height)).toBe(true);
    const grey = new Uint8Array(Buffer.concat(frames.map(({ grey }) => grey)));
    const loop = dicom({ width, height, grey }, { NumberOfFrames: FRAMES });
    const single = dicom(phantomImage(5, 3));
    const { grey: levels, ...size } = phantomImage(5, 4);
    files = Object.entries({ "loop.dcm": loop, "one.dcm": single, "one.png": writePng(size, levels) }).map(
      ([name, bytes]) => {
        const file = path.join(dir, "scans", name);
        writeFileSync(file, bytes);
        return file;
      },
    );
    checkpoint = path.join(dir, "three.safetensors");
    writeFileSync(
      checkpoint,
      await checkpointBytes(checkConfig({ ...tinyConfig, classes: CLASSES, positive: "malignant" })),
    );
    const out = path.join(dir, "predicted");
    expect((await mganet("predict", ...files, "--run", checkpoint, "--out", out)).code).toBe(0);
    expected = JSON.parse(readFileSync(path.join(out, "predictions.json"), "utf8")) as Report;
    app = await openApp(required(), path.join(dir, "built"));
    ({ page } = app);
    await withoutParityCheck(app.context);
    page.setDefaultTimeout(120_000);
  });
  afterAll(async () => (app as typeof app | undefined)?.close());

  test("of DICOM loops with three classes gives the command line's probabilities", async () => {
    await app.visit("predict");
    await page.getByLabel("Checkpoint").setInputFiles(checkpoint);
    await page.getByRole("button", { name: "Remove three.safetensors" }).waitFor();
    await page.getByLabel("Files").setInputFiles(files);
    await page.getByText(`${FRAMES + 2} images`, { exact: true }).waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "JSON", exact: true }).click();
    const own = JSON.parse(readFileSync(await (await download).path(), "utf8")) as Report;

    const base = (name: unknown) => path.basename(String(name));
    const byName = (report: Report) =>
      new Map(report.predictions.map((prediction) => [base(prediction.image), prediction]));
    const [ours, theirs] = [byName(own), byName(expected)];
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
    expect(ours.size).toBe(FRAMES + 2);
    for (const [name, { predicted, probabilities }] of ours) {
      const wanted = theirs.get(name)!;
      expect(predicted, name).toBe(wanted.predicted);
      expect(Object.keys(probabilities)).toEqual(CLASSES);
      for (const each of CLASSES) {
        const difference = Math.abs(probabilities[each]! - wanted.probabilities[each]!);
        expect(difference, `${name}: ${each}`).toBeLessThanOrEqual(1e-5);
      }
    }
    expect(own.loops!.length).toBe(1);
    expect(Object.keys(own.loops![0]!).sort()).toEqual(Object.keys(expected.loops![0]!).sort());
    expect(own.skipped).toEqual([]);
  });

  test("shows a loop's frame as it is asked for, and explains it for any class", async () => {
    await page.getByRole("row", { name: /loop\.dcm#3/ }).click();
    await page.getByRole("heading", { level: 2, name: "loop.dcm#3" }).waitFor();
    await page.locator("main").focus();
    await page.keyboard.press("h");
    for (const name of CLASSES) {
      await page.getByRole("combobox", { name: "Of class" }).selectOption(name);
      await page.getByText(`raise the score of "${name}"`).waitFor();
    }
    expect(app.errors.filter((text) => !/ERR_FAILED/.test(text))).toEqual([]);
  });
});
