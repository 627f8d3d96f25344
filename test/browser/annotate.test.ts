/** The built page's annotations by finger, of many images at once, of classes of one's own, and as files. No adapter is needed. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { unzipSync } from "fflate";
import sharp from "sharp";
import type { CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../cli/support.ts";
import { ultrasound } from "../node/data/images.ts";
import { cocoFile } from "../node/data/other-sets.ts";
import { nodule, png, writeFiles } from "../node/data/sets.ts";
import { openApp, type OpenApp } from "../support/app.ts";
import { faults } from "../support/axe.ts";
import { chromiumFor } from "../support/chromium.ts";

const { leftOut, required } = chromiumFor("Annotating by finger is not tested");

/** Only what hangs should end by this. */
const WAIT_MS = 600_000;
const eventually = <T>(find: () => Promise<T>) => expect.poll(find, { timeout: WAIT_MS });

const COUNT = 6;
const nameOf = (i: number) => (i === 0 ? "<img src=x onerror=alert(1)>.png" : `${i}.png`);

/** Images in COCO, whose nodules are outlined by triangles. */
async function cocoFolder(): Promise<string> {
  const dir = path.join(temporaryFolder(), "scans");
  mkdirSync(dir);
  const coco = cocoFile(
    Array.from({ length: COUNT }, (_, i) => i),
    nameOf,
  );
  for (const [i, annotation] of coco.annotations.entries()) {
    const { x0, y0, x1, y1 } = nodule(i);
    Object.assign(annotation, { segmentation: [[x0, y1, x1, y1, x0 + 30, y0]] });
  }
  const pictures = await Promise.all(coco.images.map(async (_, i) => [nameOf(i), await png(i)] as const));
  writeFiles(dir, { ...Object.fromEntries(pictures), "annotations.json": JSON.stringify(coco) });
  return dir;
}

type Spot = readonly [x: number, y: number];

/** Fingers on the screen, as the browser gets them from a touch screen. */
class Fingers {
  readonly #session: CDPSession;

  constructor(session: CDPSession) {
    this.#session = session;
  }

  async at(type: "touchStart" | "touchMove" | "touchEnd", ...spots: Spot[]): Promise<void> {
    const touchPoints = spots.map(([x, y], id) => ({ x, y, id }));
    await this.#session.send("Input.dispatchTouchEvent", { type, touchPoints });
  }

  async drag(from: Spot, to: Spot): Promise<void> {
    await this.at("touchStart", from);
    for (const share of [0.3, 0.6, 1]) {
      await this.at("touchMove", [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]);
    }
    await this.at("touchEnd");
  }

  /** Two fingers about a middle, from one distance to another, the middle moving by a way. */
  async pinch([x, y]: Spot, before: number, after: number, [dx, dy]: Spot = [0, 0]): Promise<void> {
    // One comes down a little before the other.
    await this.at("touchStart", [x - before / 2, y]);
    await this.at("touchStart", [x - before / 2, y], [x + before / 2, y]);
    for (const share of [0.25, 0.5, 0.75, 1]) {
      const half = (before + share * (after - before)) / 2;
      await this.at("touchMove", [x - half + share * dx, y + share * dy], [x + half + share * dx, y + share * dy]);
    }
    await this.at("touchEnd");
  }
}

describe.skipIf(leftOut)("annotating", () => {
  let app: OpenApp;
  let page: Page;
  let dir: string;

  beforeAll(async () => {
    dir = await cocoFolder();
    app = await openApp(required(), path.join(temporaryFolder(), "built"), { bare: true, hasTouch: true });
    ({ page } = app);
    page.setDefaultTimeout(WAIT_MS);
  });
  afterAll(async () => (app as typeof app | undefined)?.close());

  const status = (text: string) => page.getByText(text, { exact: true }).waitFor();
  const boxes = () => page.locator(".boxes tbody tr").count();
  const box = async (i: number) => {
    const edges = ["left", "top", "right", "bottom"].map((edge) => page.getByLabel(`Box ${i}, ${edge}`).inputValue());
    return (await Promise.all(edges)).map(Number);
  };
  const openFolder = async (folder: string) => {
    await app.visit("images");
    const others = page.getByRole("button", { name: "Other images…" });
    if (await others.isVisible()) await others.click();
    await page.getByLabel("Folder", { exact: true }).setInputFiles(folder);
    await page.getByRole("grid").waitFor();
  };
  const open = async (index: number) => {
    await page.goto(`${app.url}#/images`);
    await page.getByRole("gridcell").nth(index).click();
    await page.locator(".stage svg ellipse").first().waitFor();
  };

  test("a box is drawn, moved and resized by finger; two fingers zoom and move the picture, and draw nothing", async () => {
    await openFolder(dir);
    await status(`${COUNT} images, ${COUNT} with class and box.`);
    await page.setViewportSize({ width: 390, height: 844 });
    await open(1);
    const fingers = new Fingers(await app.context.newCDPSession(page));
    await page.locator(".stage svg").scrollIntoViewIfNeeded();
    const { x, y, width } = (await page.locator(".stage svg").boundingBox())!;
    const scale = width / 320;
    /** Where a pixel of the image is on the screen. */
    const at = (px: number, py: number): Spot => [x + px * scale, y + py * scale];

    await fingers.drag(at(200, 150), at(280, 210));
    await page.getByLabel("Box 2, left").waitFor();
    const drawn = await box(2);
    [200, 150, 280, 210].forEach((edge, i) => expect(Math.abs(drawn[i]! - edge)).toBeLessThanOrEqual(1));
    // A finger is broad: 15 pixels beside the corner still takes hold of it.
    const off = 15 / scale;
    await fingers.drag(at(280 + off, 210 + off), at(300 + off, 220 + off));
    await eventually(async () => (await box(2)).slice(2)).toEqual([drawn[2]! + 20, drawn[3]! + 10]);
    await fingers.drag(at(245, 180), at(235, 160));
    await eventually(async () => (await box(2)).slice(0, 2)).toEqual([drawn[0]! - 10, drawn[1]! - 20]);
    // Three changes are three steps.
    for (let i = 0; i < 3; i++) await page.getByRole("button", { name: "Undo" }).click();
    expect(await boxes()).toBe(1);

    const shown = async () => {
      const { left, top, percent } = await page.locator(".annotator").evaluate((annotator) => {
        const { left, top } = annotator.querySelector("svg")!.getBoundingClientRect();
        return { left, top, percent: /(\d+) %/.exec(annotator.querySelector(".toolbar")!.textContent)![1]! };
      });
      return { left, top, scale: Number(percent) / 100 };
    };
    const middle = at(160, 120);
    await fingers.pinch(middle, 80, 240);
    await eventually(async () => (await shown()).scale).toBeCloseTo(3 * scale, 1);
    // What was between the fingers still is.
    const zoomed = await shown();
    expect(Math.abs(zoomed.left + 160 * 3 * scale - middle[0])).toBeLessThan(3);
    expect(Math.abs(zoomed.top + 120 * 3 * scale - middle[1])).toBeLessThan(3);
    await fingers.pinch(middle, 150, 150, [-40, 30]);
    const moved = await shown();
    expect([moved.left - zoomed.left, moved.top - zoomed.top].map(Math.round)).toEqual([-40, 30]);
    await fingers.pinch(middle, 240, 40);
    await eventually(async () => (await shown()).scale).toBeCloseTo(scale, 1);
    expect(await boxes()).toBe(1);
    expect(await page.evaluate(() => visualViewport!.scale)).toBe(1);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test("the true outline is shown until the boxes change, and comes back with undo", async () => {
    await open(2);
    const outline = page.locator("path.outline");
    await outline.waitFor();
    await page.getByRole("button", { name: "True outline" }).click();
    expect(await outline.count()).toBe(0);
    await page.getByRole("button", { name: "True outline" }).click();
    await page.getByRole("application").focus();
    await page.keyboard.press("ArrowRight");
    await page
      .getByText("Its boxes were changed, so its true outline no longer counts. Undo brings it back.")
      .waitFor();
    expect(await outline.count()).toBe(0);
    await page.keyboard.press("Control+z");
    await outline.waitFor();
    // The picture keeps the focus from image to image.
    await page.keyboard.press("n");
    await page.getByRole("heading", { name: "3.png" }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("application");
  });

  test("many images get a class, patient and side at once, by keyboard and mouse, and back", async () => {
    await page.goto(`${app.url}#/images`);
    const cells = page.getByRole("gridcell");
    const selected = () => page.locator('[role="gridcell"][aria-selected="true"]').count();
    await cells.first().focus();
    await page.keyboard.press("Control+a");
    await status(`${COUNT} images selected`);
    await page.getByLabel("Class of all selected").selectOption("unknown");
    await page.getByRole("button", { name: "Set class" }).click();
    await page.getByText(`${COUNT} images, 0 with class and box`).waitFor();
    await page.getByRole("button", { name: `Undo: class unknown for ${COUNT} images` }).click();
    await page.getByText(`${COUNT} images, ${COUNT} with class and box`).waitFor();
    await cells.first().focus();
    await page.keyboard.press("Escape");
    expect(await selected()).toBe(0);
    await page.keyboard.press("Space");
    await page.keyboard.press("Shift+ArrowRight");
    expect(await selected()).toBe(2);
    await cells.nth(4).click({ modifiers: ["Control"] });
    await cells.nth(5).click({ modifiers: ["Shift", "Control"] });
    expect(await selected()).toBe(4);
    await page.getByLabel("Patient of all selected").fill("P <b>1</b>");
    await page.getByRole("button", { name: "Set patient" }).click();
    await page.getByLabel("Side of all selected").selectOption("held out");
    await page.getByRole("button", { name: "Set side" }).click();
    // What the filter hides is not selected.
    await page.getByRole("combobox", { name: "Side", exact: true }).selectOption("held out");
    await status(`4 of ${COUNT} images`);
    await page.getByRole("combobox", { name: "Side", exact: true }).selectOption("drawn at random");
    await status(`2 of ${COUNT} images`);
    expect(await page.getByRole("button", { name: "Set side" }).count()).toBe(0);
    await page.getByRole("combobox", { name: "Side", exact: true }).selectOption("all");
    // By finger, a tap selects where that is asked for.
    await page.getByRole("button", { name: "Select none" }).click();
    await page.getByRole("button", { name: "Select", exact: true }).click();
    await cells.nth(2).tap();
    expect(await selected()).toBe(1);
    await page.getByRole("button", { name: "Select", exact: true }).click();
    await page.getByRole("button", { name: "Select none" }).click();
  });

  test("classes are added, renamed and deleted, and the keys follow", async () => {
    await page.getByText("Classes: benign, malignant").click();
    await page.getByLabel("New class").fill("Benign");
    await page.keyboard.press("Enter");
    await page.getByText('the classes "benign" and "Benign" differ in nothing but case and blanks').waitFor();
    await page.getByLabel("New class").fill("cyst");
    await page.keyboard.press("Enter");
    await page.getByText("Classes: benign, malignant, cyst").waitFor();
    await open(0);
    await page.keyboard.press("3");
    expect(await page.getByRole("radio", { name: /^cyst/ }).isChecked()).toBe(true);
    await page.goto(`${app.url}#/images`);
    await page.getByText("Classes: benign, malignant, cyst").click();
    await page.getByLabel("Name of class 3").fill("simple cyst");
    await page.keyboard.press("Tab");
    await page.getByText("Classes: benign, malignant, simple cyst").waitFor();
    await page.getByRole("button", { name: "Delete simple cyst" }).click();
    await page.getByRole("button", { name: "Delete it: 1 image then has no class" }).click();
    await page.getByText("Classes: benign, malignant").waitFor();
    await page.getByText(`${COUNT} images, ${COUNT - 1} with class and box`).waitFor();
    await page.getByLabel("malignant is the positive class").waitFor();
  });

  test("annotations are saved as COCO, and read back beside their pictures", async () => {
    await page.getByText("Save annotations as files").click();
    await page.getByText("Read back, it gives the same annotations.").waitFor();
    await page.getByLabel("Format").selectOption("Pascal VOC");
    await page.getByText(`This format loses the true outline of ${COUNT} images.`).waitFor();
    await page.getByLabel("Format").selectOption("COCO");
    await page.getByText("Read back, it gives the same annotations.").waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    expect((await download).suggestedFilename()).toBe("scans annotations.zip");
    const files = unzipSync(new Uint8Array(readFileSync(await (await download).path())));
    expect(Object.keys(files).sort()).toEqual(["annotations.json", "annotations_val.json", "patients.csv"]);
    for (const [name, content] of Object.entries(files)) writeFileSync(path.join(dir, name), content);
    await openFolder(dir);
    await page.getByRole("heading", { name: "scans (2)" }).waitFor();
    await page.getByText(`${COUNT} images, ${COUNT - 1} with class and box`).waitFor();
    await page.getByRole("combobox", { name: "Side", exact: true }).selectOption("held out");
    await status(`4 of ${COUNT} images`);
    await page.getByRole("searchbox").fill("<b>");
    await status(`4 of ${COUNT} images`);
    await open(0);
    await page.locator("path.outline").waitFor();
    expect(await page.getByLabel("Patient").inputValue()).toBe("P <b>1</b>");
  });

  test("no view is wider than a narrow screen, nor at fault for axe-core, light and dark", async () => {
    for (const view of ["images", "annotate"]) {
      await app.visit(view);
      if (view === "images") await page.getByRole("button", { name: "Select all" }).click();
      for (const summary of await page.locator("summary").all()) await summary.click();
      if (view === "images") await page.getByRole("button", { name: "Delete benign" }).click();
      await page.setViewportSize({ width: 360, height: 800 });
      const [scrollWidth, clientWidth] = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return [scrollWidth, clientWidth];
      });
      expect(scrollWidth, view).toBeLessThanOrEqual(clientWidth);
      await page.setViewportSize({ width: 1280, height: 800 });
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await faults(page), view).toEqual([]);
      }
    }
  });

  test("the frames of a loop are browsed, by keyboard too", async () => {
    const grey = [11, 12, 13].map((seed) => ultrasound(seed).grey);
    const raw = { width: 320, height: 240 * grey.length, channels: 1, pageHeight: 240 } as const;
    const film = await sharp(Buffer.concat(grey), { raw }).gif({ dither: 0 }).toBuffer();
    await page.goto(`${app.url}#/images`);
    await page.getByRole("button", { name: "Other images…" }).click();
    await page
      .getByLabel("Files", { exact: true })
      .setInputFiles({ name: "loop.gif", mimeType: "image/gif", buffer: film });
    await page.getByRole("gridcell", { name: "loop.gif#2, no class, frame, 0 boxes" }).waitFor();
    await page.getByRole("gridcell").first().click();
    await page.getByLabel("Frame 1 of 3 of one loop").focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("heading", { name: "loop.gif#2" }).waitFor();
    await page.keyboard.press("End");
    await page.getByRole("heading", { name: "loop.gif#3" }).waitFor();
    expect(await page.getByLabel("Patient").inputValue()).toBe("loop.gif");
  });

  test("asked for nothing but its own files, and never complained", () => {
    const foreign = app.requests.filter((url) => !url.startsWith(app.url) && !url.startsWith(`blob:${app.origin}`));
    expect(foreign).toEqual([]);
    expect(app.errors).toEqual([]);
  });
});
