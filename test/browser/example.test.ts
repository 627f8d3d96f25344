/** The example page, built and opened in Chromium: it predicts what the command line predicts. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { writePng } from "../../src/data/pictures/png-write.ts";
import { mganet, tamedCheckpoint, temporaryFolder } from "../cli/support.ts";
import { buildExample, serve } from "../support/app.ts";
import { chromiumFor, flags } from "../support/chromium.ts";

const { leftOut, required } = chromiumFor("The example is not tested");
const at = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** Drops a file onto the page. */
const drop = (page: Page, file: string) =>
  page.evaluate(
    ({ name, content }) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name));
      document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
    },
    { name: path.basename(file), content: readFileSync(file, "base64") },
  );

describe.skipIf(leftOut)("examples/predict-page", () => {
  const folder = temporaryFolder();
  let browser: Browser;
  let page: Page;
  let server: Awaited<ReturnType<typeof serve>>;
  const requests: string[] = [];

  beforeAll(async () => {
    await buildExample("predict-page", path.join(folder, "built"));
    server = await serve(path.join(folder, "built"), "/example/");
    browser = await chromium.launch({ executablePath: required(), args: flags });
    page = await browser.newPage();
    page.setDefaultTimeout(300_000);
    page.on("request", (request) => requests.push(request.url()));
  });
  afterAll(async () => {
    await (browser as typeof browser | undefined)?.close();
    (server as typeof server | undefined)?.server.close();
  });

  test("is at most 60 lines", () => {
    const lines = ["index.html", "main.ts"].map((name) =>
      readFileSync(at(`examples/predict-page/${name}`), "utf8").trimEnd(),
    );
    expect(lines.join("\n").split("\n").length).toBeLessThanOrEqual(60);
  });

  test("predicts a dropped image as the command line does, and says what it cannot read", async () => {
    const checkpoint = path.join(folder, "best.safetensors");
    const own = at("app/public/model.safetensors");
    writeFileSync(checkpoint, existsSync(own) ? readFileSync(own) : await tamedCheckpoint());
    const pictures = [3, 4].map((index) => {
      const { grey, ...size } = phantomImage(0, index);
      const file = path.join(folder, `phantom-${index}.png`);
      writeFileSync(file, writePng(size, grey));
      return file;
    });
    const out = path.join(folder, "out");
    expect(await mganet("predict", "--run", checkpoint, "--out", out, ...pictures)).toMatchObject({ code: 0 });
    const { predictions } = JSON.parse(readFileSync(path.join(out, "predictions.json"), "utf8")) as {
      predictions: { malignant: number }[];
    };

    expect(Math.abs(predictions[0]!.malignant - predictions[1]!.malignant)).toBeGreaterThan(0.01);

    await page.goto(server.url);
    await page.getByText(/^Computes on/).waitFor();
    await drop(page, pictures[0]!);
    await page.getByText("Drop a checkpoint first.").waitFor();
    await drop(page, checkpoint);
    await page.getByText("is ready: drop images.").waitFor();
    for (const [i, picture] of pictures.entries()) {
      await drop(page, picture);
      const said = page.getByText(new RegExp(`^${path.basename(picture)}: benign`));
      await said.waitFor();
      const [, malignant] = /malignant ([\d.]+)$/.exec((await said.textContent())!)!;
      expect(Math.abs(Number(malignant) - predictions[i]!.malignant)).toBeLessThanOrEqual(1e-5);
      const { width, height } = phantomImage(0, i + 3);
      expect(await page.locator("canvas").evaluate(({ width, height }: HTMLCanvasElement) => [width, height])).toEqual([
        width,
        height,
      ]);
    }
    writeFileSync(path.join(folder, "notes.png"), "no picture");
    await drop(page, path.join(folder, "notes.png"));
    await page.getByText("is not a readable image: its format is unknown").waitFor();
    expect(requests.filter((url) => !url.startsWith(server.url))).toEqual([]);
  });
});
