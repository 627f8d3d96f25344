/** The built page's predictions in Chromium: those of the command line, in a table, explained, saved; and proposed as boxes. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "csv-parse/sync";
import { strFromU8, unzipSync } from "fflate";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { confusion, rates } from "../../src/metrics/confusion.ts";
import { auc } from "../../src/metrics/curves.ts";
import { checkpointBytes, mganet, temporaryFolder } from "../cli/support.ts";
import { openApp, type OpenApp } from "../support/app.ts";
import { faults } from "../support/axe.ts";
import { chromiumFor } from "../support/chromium.ts";

const { leftOut, required } = chromiumFor("The page's predictions are not tested");

const builtIn = fileURLToPath(new URL("../../app/public/model.safetensors", import.meta.url));

interface Report {
  predictions: {
    image: string;
    malignant: number;
    predicted?: string;
    truth?: string;
    box: Record<"x0" | "y0" | "x1" | "y1", number> | null;
  }[];
  loops?: { image: string; withNodule: number; malignant: { mean: number; greatest: number; frame: string } }[];
  skipped: { file: string; reason: string }[];
}

const HOSTILE = "<img src=x onerror=alert(1)>.png";
const IMAGES = 20;

/** Pictures of the other scanner, which the built-in model has never seen; a film loop; and what is none. */
async function writePictures(dir: string): Promise<string[]> {
  mkdirSync(dir);
  const drawn = Array.from({ length: 8 }, (_, i) => phantomImage(3, i, { scanner: "phantom-b" }));
  const { width, height } = drawn[0]!;
  const frames = drawn.filter((image) => image.width === width && image.height === height).slice(0, 3);
  const names = ["1.png", "2.png", "10.png", HOSTILE];
  for (const [i, name] of names.entries()) {
    const { grey, ...size } = drawn[i]!;
    const raw = { width: size.width, height: size.height, channels: 1 } as const;
    await sharp(Buffer.from(grey), { raw }).png().toFile(path.join(dir, name));
  }
  const raw = { width, height: height * frames.length, channels: 1, pageHeight: height } as const;
  await sharp(Buffer.concat(frames.map(({ grey }) => grey)), { raw })
    .webp({ lossless: true })
    .toFile(path.join(dir, "loop.webp"));
  writeFileSync(path.join(dir, "empty.png"), "");
  return [...names, "empty.png", "loop.webp"].map((name) => path.join(dir, name));
}

describe.skipIf(leftOut)("predicting", () => {
  let app: OpenApp;
  let page: Page;
  let files: string[];
  let untrained: string;
  let expected: Report;

  beforeAll(async () => {
    const dir = temporaryFolder();
    files = await writePictures(path.join(dir, "scans"));
    untrained = path.join(dir, "other.safetensors");
    writeFileSync(untrained, await checkpointBytes());
    const out = path.join(dir, "predicted");
    const { code, err } = await mganet("predict", ...files, "--run", builtIn, "--out", out);
    expect([code, err.length]).toEqual([0, 1]);
    expected = JSON.parse(readFileSync(path.join(out, "predictions.json"), "utf8")) as Report;
    app = await openApp(required(), path.join(dir, "built"));
    ({ page } = app);
    page.setDefaultTimeout(120_000);
  });
  afterAll(async () => (app as typeof app | undefined)?.close());

  const visit = (view: string) => app.visit(view);
  const done = async (images: number) => {
    await page.getByText(`${images} images`, { exact: true }).waitFor();
    await page.locator(".progress").waitFor({ state: "detached" });
  };
  const saved = async (button: string | RegExp): Promise<Buffer> => {
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: button, exact: true }).click();
    return readFileSync(await (await download).path());
  };
  const json = async () => JSON.parse((await saved("JSON")).toString()) as Report;
  const baseOf = (name: string) => path.basename(name);
  /** The table's cells in a column, of the rows in sight. */
  const column = (name: string) => page.locator(`.results tbody .of-${name}`).allInnerTexts();

  test("gives dropped pictures and loops the command line's probabilities and boxes, and leaves out what it leaves out", async () => {
    await visit("predict");
    await page.getByLabel("Files").setInputFiles(files);
    await done(expected.predictions.length);
    const report = await json();
    const sorted = <T extends { image: string }>(list: readonly T[]) =>
      list.toSorted((a, b) => (baseOf(a.image) < baseOf(b.image) ? -1 : 1));
    const [own, others] = [sorted(report.predictions), sorted(expected.predictions)];
    expect(own.map(({ image }) => image)).toEqual(others.map(({ image }) => baseOf(image)));
    expect(own.filter(({ box }) => box).length).toBeGreaterThanOrEqual(5);
    for (const [i, { image, malignant, box }] of own.entries()) {
      expect(Math.abs(malignant - others[i]!.malignant), image).toBeLessThanOrEqual(1e-5);
      expect(box === null).toBe(others[i]!.box === null);
      for (const edge of ["x0", "y0", "x1", "y1"] as const) {
        if (box) expect(Math.abs(box[edge] - others[i]!.box![edge]), `${image} ${edge}`).toBeLessThan(0.01);
      }
    }
    const [loop, wanted] = [report.loops![0]!, expected.loops![0]!];
    expect([loop.image, loop.withNodule]).toEqual(["loop.webp", wanted.withNodule]);
    expect(loop.malignant.mean).toBeCloseTo(wanted.malignant.mean, 5);
    expect(report.skipped).toEqual(
      expected.skipped.map(({ file, reason }) => ({ file: baseOf(file), reason: reason })),
    );
    await page.getByText("1 image left out").click();
    await page.getByText("the file is empty").waitFor();
    await page.getByText(/^loop\.webp: 3 frames: .* malignant on average/).waitFor();
    // By the numbers in them, not letter by letter; HTML in a name stays text.
    await page.getByRole("button", { name: "Image", exact: true }).click();
    const names = await column("image");
    expect(names.slice(-6)).toEqual(["1.png", "2.png", "10.png", "loop.webp#1", "loop.webp#2", "loop.webp#3"]);
    expect(names).toContain(HOSTILE);
  });

  test("predicts a project, with figures that follow the threshold", async () => {
    await visit("images");
    await page.getByRole("combobox", { name: "Scanner" }).selectOption("phantom-b");
    await page.getByLabel("Images", { exact: true }).fill(String(IMAGES));
    await page.getByRole("button", { name: "Draw them" }).click();
    await page.getByRole("grid").waitFor();
    await visit("predict");
    await page.getByText("Predict other images").click();
    await page.getByRole("button", { name: `Predict all ${IMAGES}` }).click();
    await done(IMAGES);

    const { predictions } = await json();
    const score = predictions.map(({ malignant }) => malignant);
    const label = predictions.map(({ truth }) => (truth === "malignant" ? 1 : 0));
    const figures = async () => (await page.locator(".figures dd").allInnerTexts()).map((text) => text.trim());
    const wanted = (threshold: number) => {
      const { accuracy, sensitivity, specificity, f1 } = rates(confusion({ score, label }, threshold));
      return [accuracy, sensitivity, specificity, f1, auc({ score, label })].map(({ value }) => value!.toFixed(3));
    };
    expect(await figures()).toEqual(wanted(0.5));
    // Above half of the positive images, so that the figures are others.
    const positives = score.filter((_, i) => label[i] === 1).sort((a, b) => a - b);
    const threshold = Math.min(1, Math.ceil(100 * positives[positives.length >> 1]!) / 100);
    const slider = page.getByRole("slider", { name: /^malignant from/ });
    await slider.fill(String(threshold));
    expect(wanted(threshold)).not.toEqual(wanted(0.5));
    expect(await figures()).toEqual(wanted(threshold));
    await page.keyboard.press("[");
    expect(await slider.inputValue()).toBe(String(Number((threshold - 0.01).toFixed(2))));
    await page.keyboard.press("]");

    const wrong = predictions.filter((_, i) => score[i]! >= threshold !== (label[i] === 1));
    expect(wrong.length).toBeGreaterThan(0);
    await page.getByRole("checkbox", { name: "wrong only" }).check();
    await page.getByText(`${wrong.length} of ${IMAGES} images`).waitFor();
    await page.getByRole("checkbox", { name: "wrong only" }).uncheck();
    await page.getByText(`${IMAGES} images`, { exact: true }).waitFor();

    const report = await json();
    expect(report.predictions.map(({ predicted }) => predicted === "malignant")).toEqual(
      score.map((p) => p >= threshold),
    );
    const lines = parse<Record<string, string>>((await saved("CSV")).toString(), { columns: true });
    expect(lines.map((line) => Number(line["probability malignant"]))).toEqual(score);
    expect(new Set(lines.map(({ note }) => note))).toEqual(new Set(["For research; not a medical device."]));
  });

  test("sorts the table, and is used by keyboard alone", async () => {
    const head = page.getByRole("columnheader", { name: "P(malignant)" });
    const shares = async () => (await column("probability")).map(parseFloat);
    for (const [direction, sign] of [
      ["descending", -1],
      ["ascending", 1],
    ] as const) {
      await head.getByRole("button").focus();
      await page.keyboard.press("Enter");
      expect(await head.getAttribute("aria-sort")).toBe(direction);
      const found = await shares();
      expect(found.length).toBeGreaterThan(8);
      expect(found).toEqual(found.toSorted((a, b) => sign * (a - b)));
    }
    await page.keyboard.press("Enter");
    expect(await head.getAttribute("aria-sort")).toBeNull();

    // From the page's beginning to the table by Tab, as deep as it lies.
    await page.locator("main").focus();
    const inTable = () => page.evaluate(() => document.activeElement?.closest("tbody tr") !== null);
    for (let tabs = 0; tabs < 60 && !(await inTable()); tabs++) await page.keyboard.press("Tab");
    expect(await inTable()).toBe(true);
    const title = page.getByRole("heading", { level: 2, name: /^phantom-b-0-\d+$/ });
    await page.keyboard.press("Home");
    expect(await title.innerText()).toBe("phantom-b-0-0");
    for (const key of ["ArrowDown", "j", "ArrowDown", "k"]) await page.keyboard.press(key);
    expect(await title.innerText()).toBe("phantom-b-0-2");
    await page.keyboard.press("End");
    expect(await title.innerText()).toBe(`phantom-b-0-${IMAGES - 1}`);
    const row = page.locator("tbody tr:focus");
    expect(await row.getAttribute("aria-rowindex")).toBe(String(IMAGES + 1));
    expect(await row.getAttribute("aria-selected")).toBe("true");
    await page.keyboard.press("Home");
    const box = page.getByRole("checkbox", { name: "Box B", exact: true });
    await page.keyboard.press("b");
    expect(await box.isChecked()).toBe(false);
    await page.keyboard.press("b");
    expect(await box.isChecked()).toBe(true);
  });

  test("explains an image at a scale chosen by key, beside another model, and saves what is seen", async () => {
    await page.getByLabel("Checkpoint").setInputFiles(untrained);
    await page.getByRole("button", { name: "Remove other.safetensors" }).waitFor();
    await page.locator("main").focus();
    await page.keyboard.press("h");
    await page.getByText("Grad-CAM at L4: where features lie that raise the score of").waitFor();
    await page.keyboard.press("2");
    await page.getByText("Grad-CAM at L2").waitFor();
    await page.getByRole("combobox", { name: "Of class" }).selectOption("malignant");
    await page.getByText('Grad-CAM at L2: where features lie that raise the score of "malignant"').waitFor();
    const painted = () =>
      page
        .locator(".panel canvas")
        .first()
        .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const after = await painted();
    await page.keyboard.press("e");
    await expect.poll(painted).not.toBe(after);
    await page.keyboard.press("e");
    await page.getByRole("combobox", { name: "Beside it" }).selectOption({ index: 1 });
    const other = page.getByRole("figure", { name: "other.safetensors" });
    await other.getByText("Grad-CAM at L2").waitFor();
    await other.getByText(/% malignant/).waitFor();

    const { width, height } = phantomImage(0, 0, { scanner: "phantom-b" });
    const png = await sharp(await saved(/^Save PNG of Built-in/)).metadata();
    expect([png.format, png.width]).toEqual(["png", width]);
    expect(png.height).toBeGreaterThan(height);
    const zip = unzipSync(await saved("ZIP with all pictures"));
    expect(Object.keys(zip)).toHaveLength(IMAGES + 2);
    const { predictions } = JSON.parse(strFromU8(zip["predictions.json"]!)) as { predictions: { picture: string }[] };
    for (const { picture } of predictions) {
      expect((await sharp(zip[picture]).metadata()).format, picture).toBe("png");
    }
  });

  test.each(["light", "dark"] as const)(
    "has no fault that axe-core finds, and no sideways scrolling, %s",
    async (scheme) => {
      await page.emulateMedia({ colorScheme: scheme });
      expect(await faults(page)).toEqual([]);
      for (const width of [360, 1280, 3840]) {
        await page.setViewportSize({ width, height: 800 });
        const { scrollWidth, clientWidth } = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return { scrollWidth, clientWidth };
        });
        expect(scrollWidth, `at ${width}`).toBeLessThanOrEqual(clientWidth);
      }
      await page.setViewportSize({ width: 1280, height: 800 });
    },
  );

  test("keeps results while one moves between views; what it proposes is no annotation before it is confirmed", async () => {
    await visit("images");
    await page.getByText(`${IMAGES} images, ${IMAGES} with class and box`).waitFor();
    await page.getByRole("gridcell").first().click();
    await page.getByRole("heading", { name: "phantom-b-0-0", exact: true }).waitFor();
    const boxes = page.locator(".boxes tbody tr");
    const drawn = await boxes.count();
    for (let i = drawn; i > 0; i--) await page.getByRole("button", { name: `Delete box ${i}` }).click();
    await page.getByRole("combobox", { name: "Model" }).selectOption("built-in");
    await page.locator("main").focus();
    await page.keyboard.press("m");
    const proposed = page.locator(".proposed rect");
    await proposed.first().waitFor();
    const marked = page.getByText(`${IMAGES} images, ${IMAGES - 1} with class and box`);
    await visit("images");
    await marked.waitFor();
    await visit("annotate");
    await page.locator("main").focus();
    await page.keyboard.press("Escape");
    await proposed.first().waitFor({ state: "detached" });
    expect(await boxes.count()).toBe(0);
    await page.keyboard.press("m");
    await proposed.first().waitFor();
    const count = await proposed.count();
    await page.keyboard.press("Enter");
    await boxes.first().waitFor();
    expect([await boxes.count(), await proposed.count()]).toEqual([count, 0]);
    await page.keyboard.press("Control+z");
    expect(await boxes.count()).toBe(0);

    // Mended by dragging: that confirms it.
    await page.keyboard.press("m");
    await proposed.first().waitFor();
    const at = (await proposed.first().boundingBox())!;
    const left = Number(await proposed.first().getAttribute("x"));
    await page.mouse.move(at.x + at.width / 2, at.y + at.height / 2);
    await page.mouse.down();
    await page.mouse.move(at.x + at.width / 2 + 20, at.y + at.height / 2, { steps: 3 });
    await page.mouse.up();
    await boxes.first().waitFor();
    expect(Number(await page.getByLabel("Box 1, left").inputValue())).toBeGreaterThan(left);

    // Many at once, and back.
    for (const next of [0, 1]) {
      if (next > 0) await page.keyboard.press("n");
      await page.getByRole("heading", { name: `phantom-b-0-${next}`, exact: true }).waitFor();
      for (let i = await boxes.count(); i > 0; i--) await page.getByRole("button", { name: `Delete box ${i}` }).click();
    }
    await page.getByRole("button", { name: "for all 2 without a box" }).click();
    await page.getByRole("button", { name: "Confirm all of 2 images shown" }).click();
    await boxes.first().waitFor();
    await page.getByRole("button", { name: "Take back the confirming of 2 images" }).click();
    await proposed.first().waitFor();
    expect(await boxes.count()).toBe(0);
    await visit("images");
    await page.getByText(`${IMAGES} images, ${IMAGES - 2} with class and box`).waitFor();

    await visit("predict");
    await done(IMAGES);
    expect(await column("image")).toContain("phantom-b-0-0");
    const foreign = app.requests.filter((url) => !url.startsWith(app.url) && !url.startsWith(`blob:${app.origin}`));
    expect([foreign, app.errors]).toEqual([[], []]);
  });
});
