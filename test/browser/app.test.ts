/** The built page in Chromium: what a user does in it, by mouse and by keyboard, and that nothing leaves it. */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../cli/support.ts";
import { openApp, type OpenApp } from "../support/app.ts";
import { faults, wider } from "../support/axe.ts";
import { chromiumFor } from "../support/chromium.ts";

const { leftOut, required } = chromiumFor("The page is not tested");

const IMAGES = 24;

describe.skipIf(leftOut)("the page", () => {
  let app: OpenApp;
  let page: Page;

  beforeAll(async () => {
    app = await openApp(required(), path.join(temporaryFolder(), "built"));
    ({ page } = app);
    page.setDefaultTimeout(120_000);
  });
  afterAll(async () => (app as typeof app | undefined)?.close());

  const visit = (view: string) => app.visit(view);

  test("loads at most 250 kB, checks once whether the adapter agrees with PyTorch, and remembers it", async () => {
    await visit("start");
    await page.getByText("Agrees with PyTorch").waitFor();
    const scripts = [...new Set(app.loaded)].filter((url) => /\.(?:js|css)$/.test(url) && !url.endsWith("/sw.js"));
    const bytes = scripts.map((url) => gzipSync(readFileSync(path.join(app.out, url.slice(app.url.length)))).length);
    expect(scripts.length).toBeGreaterThanOrEqual(3);
    expect(bytes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(250_000);
    const before = app.requests.length;
    await page.reload();
    await page.getByText("Agrees with PyTorch").waitFor();
    const again = app.requests.slice(before).filter((url) => url.includes("mganet-small"));
    expect(again).toEqual([]);
  });

  test("draws synthetic images, shows them in a grid, and filters them", async () => {
    await visit("images");
    await page.getByLabel("Images", { exact: true }).fill(String(IMAGES));
    await page.getByRole("button", { name: "Draw them" }).click();
    const grid = page.getByRole("grid");
    await grid.waitFor();
    await page.getByText(`${IMAGES} images, ${IMAGES} with class and box`).waitFor();
    await page.getByRole("combobox", { name: "Class" }).selectOption("malignant");
    await page.getByText(`${IMAGES / 2} of ${IMAGES} images`).waitFor();
    await page.getByRole("searchbox").fill("phantom-1-1");
    const shown = await page.getByRole("gridcell").all();
    for (const cell of shown)
      expect(await cell.getAttribute("aria-label")).toMatch(/^phantom-1-1\d*, malignant, \d box/);
    await page.getByRole("searchbox").fill("");
    await page.getByRole("combobox", { name: "Class" }).selectOption("all");
    await page.getByText("All images").waitFor();
  });

  test("annotates by mouse and keyboard, takes changes back, and keeps them", async () => {
    // By keyboard alone from the grid on: two images to the right, open.
    await page.getByRole("gridcell").first().focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "phantom-1-2", exact: true }).waitFor();
    const boxes = () => page.locator(".boxes tbody tr").count();
    const edge = (name: string) => page.getByLabel(name).inputValue().then(Number);
    const before = await boxes();
    await page.getByRole("application").focus();
    await page.keyboard.press("b");
    expect(await boxes()).toBe(before + 1);
    const left = await edge(`Box ${before + 1}, left`);
    await page.keyboard.press("Shift+ArrowRight");
    expect(await edge(`Box ${before + 1}, left`)).toBe(left + 10);
    await page.keyboard.press("Control+z");
    expect(await edge(`Box ${before + 1}, left`)).toBe(left);
    await page.keyboard.press("2");
    expect(await page.getByRole("radio", { name: /^malignant/ }).isChecked()).toBe(true);

    // By mouse: a box where there is none.
    const { x, y, width, height } = (await page.locator(".stage svg").boundingBox())!;
    await page.mouse.move(x + 0.02 * width, y + 0.86 * height);
    await page.mouse.down();
    await page.mouse.move(x + 0.22 * width, y + 0.97 * height, { steps: 4 });
    await page.mouse.up();
    expect(await boxes()).toBe(before + 2);
    await page.getByLabel("Patient").fill("17");
    await page.keyboard.press("n"); // a letter in the field
    await page.keyboard.press("Tab");
    const written = await edge(`Box ${before + 2}, right`);

    // At once: nothing is lost, whether it has been saved or not.
    await page.reload();
    await page.goto(`${app.url}#/images`);
    await page.locator("ul.plain button.main").click();
    await page.getByRole("gridcell").nth(2).click();
    await page.getByRole("heading", { name: "phantom-1-2", exact: true }).waitFor();
    expect([await boxes(), await edge(`Box ${before + 2}, right`)]).toEqual([before + 2, written]);
    expect(await page.getByLabel("Patient").inputValue()).toBe("17n");
  });

  test("trains on the project, goes on after a reload, and keeps the run", async () => {
    await page.goto(`${app.url}#/train`);
    await page.getByRole("combobox", { name: "Network" }).waitFor();
    for (const [name, value] of [
      ["Width", "0.0625"],
      ["Epochs, segmentation stage", "1"],
      ["Epochs, joint stage", "2"],
      ["Images a step", "4"],
    ] as const) {
      await page.getByLabel(name).fill(value);
      await page.getByLabel(name).blur();
    }
    await page.getByRole("combobox", { name: "Pixels a side" }).selectOption("64");
    await page.getByText("Needs about").waitFor();
    await page.getByRole("button", { name: "Train", exact: true }).click();
    await page.getByText(/images\/s/).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: /phantom/ }).waitFor();
    await page.getByText("3 of 3").waitFor();
    await page.getByRole("checkbox", { name: /^Compare/ }).check();
    await page.getByRole("img", { name: /AUC of held-out images/ }).waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: /^Save the checkpoint/ }).click();
    expect((await download).suggestedFilename()).toMatch(/best\.safetensors$/);
    expect(statSync(await (await download).path()).size).toBeGreaterThan(100_000);
  });

  test.each(["light", "dark"] as const)(
    "has no fault that axe-core finds, and no sideways scrolling, %s",
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      for (const width of [360, 1280, 3840]) {
        await page.setViewportSize({ width, height: 800 });
        for (const view of ["start", "images", "annotate", "train", "predict"]) {
          await visit(view);
          expect(await wider(page), `${view} at ${width}`).toBe(false);
          if (width === 1280) expect(await faults(page), view).toEqual([]);
        }
      }
      await page.setViewportSize({ width: 1280, height: 800 });
    },
  );

  test("works without a network once it was visited", async () => {
    await visit("start");
    await page.getByText("works without a network").waitFor();
    await app.context.setOffline(true);
    await page.reload();
    await page.getByText("Agrees with PyTorch").waitFor();
    await app.context.setOffline(false);
  });

  test("asked for nothing but its own files, and never complained", () => {
    const foreign = app.requests.filter((url) => !url.startsWith(app.url) && !url.startsWith(`blob:${app.origin}`));
    expect(foreign).toEqual([]);
    expect(app.errors).toEqual([]);
  });
});
