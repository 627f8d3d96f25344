/** The example page, built and opened in Chromium: it predicts what the command line predicts. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { writePng } from "../../src/data/pictures/png-write.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/data/safetensors.ts";
import { checkpointBytes, mganet, temporaryFolder } from "../cli/support.ts";
import { serve } from "../support/app.ts";
import { chromiumFor, flags } from "../support/chromium.ts";
import { mganetConfig } from "../support/mganet.ts";

const { leftOut, required } = chromiumFor("The example is not tested");
const at = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** A checkpoint of an untrained network, whose activations are kept from growing from block to block. */
async function tamedCheckpoint(): Promise<Uint8Array> {
  const config = mganetConfig({ width: 1 / 16, size: [64, 64], batch: 4, resize: "pillow" });
  const { metadata, tensors } = parseSafetensors(await checkpointBytes(config), "checkpoint");
  for (const [name, { data }] of tensors) {
    const values = data as Float32Array;
    if (name.endsWith(".bn2.weight")) values.fill(0.2);
    if (name === "model.fc.weight") values.forEach((value, i) => (values[i] = value / 10));
  }
  return serializeSafetensors(tensors, metadata);
}

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
    const { NODE_ENV } = process.env;
    process.env["NODE_ENV"] = "production";
    await build({
      ...{ configFile: at("examples/vite.config.ts"), root: at("examples/predict-page"), logLevel: "error" },
      build: { outDir: path.join(folder, "built") },
    });
    process.env["NODE_ENV"] = NODE_ENV;
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
