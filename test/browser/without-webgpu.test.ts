/** What the built page says where there is no WebGPU: what to do in this browser. */
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../cli/support.ts";
import { beforeWorkers, openApp, type OpenApp } from "../support/app.ts";
import { faults } from "../support/axe.ts";
import { chromiumFor } from "../support/chromium.ts";

const { leftOut, required } = chromiumFor("What the page says without WebGPU is not tested");

/** As browsers call themselves. */
const BROWSERS = {
  chrome:
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.0.0 Safari/537.36",
  edge: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.0.0 Safari/537.36 Edg/110.0",
  firefox: "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
  safari:
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
  "chrome on an iPhone":
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
  other: "Something/1.0",
};

const ADVICE: Readonly<Record<keyof typeof BROWSERS, RegExp>> = {
  chrome: /chrome:\/\/gpu/,
  edge: /chrome:\/\/gpu/,
  firefox: /about:config/,
  safari: /Safari has WebGPU since version 26/,
  "chrome on an iPhone": /Safari has WebGPU since version 26/,
  other: /Use a current version of/,
};

describe.skipIf(leftOut)("without WebGPU the page", () => {
  let app: OpenApp;

  beforeAll(async () => {
    app = await openApp(required(), path.join(temporaryFolder(), "built"), { bare: true });
  });
  afterAll(async () => (app as typeof app | undefined)?.close());

  test.each(Object.keys(BROWSERS) as (keyof typeof BROWSERS)[])("says what to do in %s", async (name) => {
    const context = await app.browser.newContext({ userAgent: BROWSERS[name], serviceWorkers: "block" });
    // No interface at all, as in browsers that are too old.
    await context.addInitScript("delete Navigator.prototype.gpu");
    await beforeWorkers(context, "delete WorkerNavigator.prototype.gpu;");
    const page = await context.newPage();
    page.setDefaultTimeout(120_000);
    await page.goto(`${app.url}#/start`);
    const alert = page.getByRole("alert");
    await alert.getByText("Nothing can be computed here").waitFor();
    const lines = await alert.getByRole("listitem").allInnerTexts();
    expect(lines.join("\n")).toMatch(ADVICE[name]);
    expect(lines.filter((line) => Object.values(ADVICE).some((advice) => advice.test(line)))).toHaveLength(1);
    await context.close();
  });

  test("opens images and annotates them all the same", async () => {
    const { page } = app;
    page.setDefaultTimeout(120_000);
    await app.visit("start");
    await page.getByText("Nothing can be computed here").waitFor();
    expect(await faults(page)).toEqual([]);
    await app.visit("images");
    await page.getByLabel("Images", { exact: true }).fill("20");
    await page.getByRole("button", { name: "Draw them" }).click();
    await page.getByRole("gridcell").first().click();
    await page.getByRole("application").focus();
    await page.keyboard.press("b");
    await page.getByLabel("Box 2, left").waitFor();
    await app.visit("train");
    await page
      .getByText(/WebGPU|no GPU/)
      .first()
      .waitFor();
  });
});
