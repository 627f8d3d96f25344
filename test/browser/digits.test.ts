/** The example that learns drawn digits, built and opened in Chromium. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import { describe, expect, test } from "vitest";
import { drawDigits } from "../../examples/digits/digits.ts";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { temporaryFolder } from "../cli/support.ts";
import { buildExample, serve } from "../support/app.ts";
import { chromiumFor, flags } from "../support/chromium.ts";

const { leftOut, required } = chromiumFor("The example of digits is not tested in a browser");

describe.skipIf(leftOut)("examples/digits", () => {
  const folder = temporaryFolder();

  test("learns in the page, reads at least 97 % of others, and offers a file that holds the network", async () => {
    await buildExample("digits", path.join(folder, "built"));
    const { server, url } = await serve(path.join(folder, "built"), "/digits/");
    const browser = await chromium.launch({ executablePath: required(), args: flags });
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(600_000);
      await page.goto(url);
      const saving = page.getByText("Save the network");
      await saving.waitFor();
      const said = (await page.locator("#said").textContent())!;
      const [, share] = /^([\d.]+) % of 1000 other digits are read$/m.exec(said)!;
      expect(Number(share)).toBeGreaterThanOrEqual(97);
      expect(said).toContain("loaded again, it reads the same digits");
      const [, read] = /^these are read as ([\d ]+)$/m.exec(said)!;
      const first = [...drawDigits(1000, 100).label.subarray(0, 10)];
      expect(read!.split(" ").filter((digit, i) => Number(digit) === first[i]).length).toBeGreaterThanOrEqual(9);

      const [download] = await Promise.all([page.waitForEvent("download"), saving.click()]);
      const { tensors } = parseSafetensors(readFileSync(await download.path()), "digits.safetensors");
      expect(tensors.get("0.weight")!.shape).toEqual([16, 1, 3, 3]);
    } finally {
      await browser.close();
      server.close();
    }
  });
});
