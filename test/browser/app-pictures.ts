/** Takes the pictures of docs/app.md: `npm run app:pictures`. The page is built, and every view visited in light, narrow and dark. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { openApp } from "../support/app.ts";
import { chromiumFor } from "../support/chromium.ts";

/** By default those of the docs; another folder gets all widths and both colour schemes. */
const out = process.argv[2];
const docs = fileURLToPath(new URL("../../docs/app", import.meta.url));
mkdirSync(out ?? docs, { recursive: true });

const widths = out === undefined ? [1280] : [1280, 360, 2560];
const schemes = out === undefined ? (["light"] as const) : (["light", "dark"] as const);

const scratch = mkdtempSync(path.join(tmpdir(), "mganet-pictures-"));
const app = await openApp(chromiumFor("No pictures").required(), path.join(scratch, "built"));
const { page } = app;
page.setDefaultTimeout(600_000);

async function take(name: string): Promise<void> {
  for (const scheme of schemes) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    for (const width of widths) {
      await page.setViewportSize({ width, height: width < 600 ? 780 : 800 });
      // Thumbnails and maps come after the layout.
      await page.waitForTimeout(1500);
      const png = await page.screenshot();
      const file =
        out === undefined ? path.join(docs, `${name}.png`) : path.join(out, `${name}-${width}-${scheme}.png`);
      await sharp(png).png({ palette: true, colours: 128, effort: 10 }).toFile(file);
      console.log(file);
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}

await app.visit("start");
await page.getByText("Agrees with PyTorch").waitFor();
await take("start");
await makeProject(page);
await take("images");
await page.getByRole("gridcell").first().click();
await page.getByLabel("Box 1, left").waitFor();
await take("annotate");
await app.visit("predict");
await page.getByRole("button", { name: /^Predict all/ }).click();
await page.getByText("40 images", { exact: true }).waitFor();
await page.getByRole("row").nth(1).click();
await page.keyboard.press("h");
await page.getByText("Grad-CAM at L4: where").waitFor();
await take("predict");
await app.visit("train");
await train(page);
await take("train");
await page
  .getByRole("link", { name: /^Report of/ })
  .first()
  .click();
await page.frameLocator("iframe").getByRole("heading", { level: 1 }).waitFor();
await take("report");
await app.close();
rmSync(scratch, { recursive: true });

async function makeProject(page: Page): Promise<void> {
  await app.visit("images");
  await page.getByLabel("Images", { exact: true }).fill("40");
  await page.getByRole("button", { name: "Draw them" }).click();
  await page.getByText("40 images, 40 with class and box").waitFor();
}

/** A training whose first epochs are shown while it is paused, so that the pictures do not wait for the device. */
async function train(page: Page): Promise<void> {
  await page.getByLabel("Epochs, segmentation stage").fill("2");
  await page.getByLabel("Epochs, joint stage").fill("2");
  await page.getByLabel("Width").fill("0.125");
  await page.getByRole("combobox", { name: "Pixels a side" }).selectOption("64");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await page
    .getByRole("link", { name: /^Report of/ })
    .first()
    .waitFor();
}
