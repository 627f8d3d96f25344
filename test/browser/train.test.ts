/** Training and its results in the built page: runs of the command line go on there, and the page's are read by it. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { strToU8, unzipSync, zipSync } from "fflate";
import type { Download, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFollowed } from "../../src/runs/followed.ts";
import { FolderStore } from "../../src/node/folder-store.ts";
import { readRun } from "../../src/runs/report.ts";
import type { EpochRecord } from "../../src/train/training.ts";
import { mganet, temporaryFolder } from "../cli/support.ts";
import { openApp, type OpenApp } from "../support/app.ts";
import { faults, wider } from "../support/axe.ts";
import { chromiumFor } from "../support/chromium.ts";
import { openHidden } from "../support/hidden-tab.ts";
import { mganetConfig } from "../support/mganet.ts";
import { trainOnNode } from "../support/node-run.ts";
import { smallResNet, torchFile } from "../support/torch-file.ts";

const { leftOut, required } = chromiumFor("Training in the page is not tested");

const config = mganetConfig({
  ...{ width: 1 / 16, size: [32, 32], batch: 4, crop: "none", evalEvery: 1 },
  ...{ phantomImages: 20, epochs: { segmentation: 1, joint: 2 } },
});

const IMAGES = 24;

describe.skipIf(leftOut)("training in the page", () => {
  const root = temporaryFolder();
  const [whole, paused] = [path.join(root, "whole run"), path.join(root, "paused")];
  let app: OpenApp;
  let page: Page;

  beforeAll(async () => {
    [app] = await Promise.all([
      openApp(required(), path.join(root, "built")),
      trainOnNode(required(), whole, config, { folder: paused, steps: 6 }),
    ]);
    ({ page } = app);
    page.setDefaultTimeout(600_000);
  });
  afterAll(async () => (app as typeof app | undefined)?.close());

  const visit = (view: string) => app.visit(view);
  const setWidth = async (width: string) => {
    await page.getByLabel("Width").fill(width);
    await page.getByLabel("Width").blur(); // Then it counts as changed.
  };
  /** One epoch of the first phase, many of the second, of small images. */
  const setOthers = async () => {
    for (const [name, value] of [
      ["Epochs, segmentation stage", "1"],
      ["Epochs, joint stage", "60"],
      ["Images a step", "4"],
    ] as const) {
      await page.getByLabel(name).fill(value);
      await page.getByLabel(name).blur();
    }
    await page.getByRole("combobox", { name: "Pixels a side" }).selectOption("64");
  };
  /** Before its first epoch it would pause. */
  const stopForGood = async () => {
    await page.getByRole("button", { name: "Stop…" }).click();
    await page.getByRole("button", { name: /^End it for good/ }).click();
    await page.getByText(/was stopped/).waitFor();
  };
  const followed = () =>
    page
      .locator(".course b", { hasText: /% malignant/ })
      .first()
      .waitFor();
  const files = (folder: string) =>
    readdirSync(folder).filter((name) => !name.startsWith(".") && name !== "report.html");
  const downloaded = async (click: () => Promise<void>): Promise<{ name: string; bytes: Uint8Array }> => {
    const waiting = page.waitForEvent("download");
    await click();
    const download: Download = await waiting;
    return { name: download.suggestedFilename(), bytes: new Uint8Array(readFileSync(await download.path())) };
  };
  const records = (text: string) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as EpochRecord);

  test("a run of the command line that was paused goes on in a hidden tab, to the same end", async () => {
    const zip = zipSync(
      Object.fromEntries(
        files(paused).map((name) => [`paused/${name}`, new Uint8Array(readFileSync(path.join(paused, name)))]),
      ),
    );
    const tab = await openHidden(required(), `${app.url}#/train`);
    const until = (what: string) =>
      tab.evaluate<string>(`(async () => {
        const seen = new Set();
        for (;;) {
          seen.add(document.visibilityState);
          if (${what}) return [...seen].join();
          const fault = document.querySelector(".message");
          if (fault) throw new Error(fault.innerText);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      })()`);
    const button = (name: string) => `document.querySelector('button[aria-label="${name}"]')`;
    try {
      expect(await until(`document.querySelector('input[aria-label="Run\\'s file"]')`)).toBe("hidden");
      await tab.evaluate(`(async () => {
        const bytes = Uint8Array.from(atob(${JSON.stringify(Buffer.from(zip).toString("base64"))}), (c) => c.charCodeAt(0));
        const given = new DataTransfer();
        given.items.add(new File([bytes], "paused.zip"));
        const input = document.querySelector('input[aria-label="Run\\'s file"]');
        input.files = given.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
      })()`);
      expect(await until(button("Resume paused"))).toBe("hidden");
      await tab.evaluate(`${button("Resume paused")}.click()`);
      expect(await until(`document.body.innerText.includes("paused has finished")`)).toBe("hidden");
      const text = (file: string) =>
        tab.evaluate<string>(`(async () => {
          let folder = await navigator.storage.getDirectory();
          for (const part of ["runs", "paused"]) folder = await folder.getDirectoryHandle(part);
          return (await (await folder.getFileHandle("${file}")).getFile()).text();
        })()`);
      expect(await text("config.json")).toBe(readFileSync(path.join(whole, "config.json"), "utf8"));
      const [ours, nodes] = [
        records(await text("metrics.jsonl")),
        records(readFileSync(path.join(whole, "metrics.jsonl"), "utf8")),
      ];
      expect(ours.map(({ stage, epoch, step }) => [stage, epoch, step])).toEqual(
        nodes.map(({ stage, epoch, step }) => [stage, epoch, step]),
      );
      // Both are Chromium's SwiftShader, but not the same compiler of shaders.
      ours.forEach(({ loss }, i) => expect(Math.abs(loss / nodes[i]!.loss - 1)).toBeLessThan(1e-5));
    } finally {
      await tab.close();
    }
  });

  test("the report of a run of the command line is the one that the command line writes", async () => {
    await visit("train");
    const [chooser] = await Promise.all([
      page.waitForEvent("filechooser"),
      page.getByRole("button", { name: "Choose a run's folder…" }).click(),
    ]);
    await chooser.setFiles(whole);
    await page.getByText("Taken: whole run.").waitFor();
    await page.getByRole("link", { name: "Report of whole run" }).click();
    const shown = page.frameLocator("iframe.report");
    await shown.getByRole("heading", { level: 1, name: "whole run" }).waitFor();
    // Its own style holds in the frame, which the page's policy would forbid.
    expect(await shown.locator("main").evaluate((main) => getComputedStyle(main).maxWidth)).toBe("1060px");
    expect(await shown.locator("svg[aria-label='ROC curve'] path").count()).toBeGreaterThan(0);

    const { name, bytes } = await downloaded(() => page.getByRole("button", { name: "Save as a file" }).click());
    expect(name).toBe("whole run-report.html");
    const lacks = '<p class="dim small">Made without pictures of the images.</p>';
    const html = Buffer.from(bytes).toString();
    expect(html).toContain(lacks);
    expect((await mganet("report", whole, "--no-pictures")).code).toBe(0);
    expect(html.replace(lacks, "")).toBe(readFileSync(path.join(whole, "report.html"), "utf8"));

    await page.getByRole("button", { name: "Add pictures of images" }).click();
    await shown.locator(".cases svg image").first().waitFor();
    expect(await shown.locator(".cases figure").count()).toBe(await shown.locator(".cases svg").count());
    await shown.getByText("Made without the activations of the classifier.").waitFor();
  });

  test("an exported run is the command line's folder again, byte for byte, with a report", async () => {
    await visit("train");
    const { name, bytes } = await downloaded(() => page.getByRole("button", { name: "Export whole run" }).click());
    expect(name).toBe("whole run.zip");
    const found = unzipSync(bytes);
    const names = [...files(whole), "report.html"].sort();
    expect(Object.keys(found).sort()).toEqual(names.map((file) => `whole run/${file}`));
    for (const file of files(whole)) {
      expect(Buffer.compare(found[`whole run/${file}`]!, readFileSync(path.join(whole, file))), file).toBe(0);
    }
    const out = path.join(root, "unpacked");
    mkdirSync(out);
    for (const [file, content] of Object.entries(found)) writeFileSync(path.join(out, path.basename(file)), content);
    expect((await readRun(new FolderStore(out))).predictions.length).toBe(1);
  });

  test("a file that is no run is refused in one line, and nothing of it is kept", async () => {
    const evil = zipSync({
      "../evil/config.json": strToU8("{}"),
      "a/config.json": strToU8("<img src=x onerror=alert(1)>"),
    });
    await page
      .getByLabel("Run's file")
      .setInputFiles({ name: "evil.zip", mimeType: "application/zip", buffer: Buffer.from(evil) });
    await page.getByText("evil.zip: names a file outside itself: ../evil/config.json").waitFor();
    expect(await page.locator("table[aria-label], [aria-label='Table of runs'] tbody tr").count()).toBe(1);
    await page.getByRole("button", { name: /^Close/ }).click();
  });

  test("another network has settings of its own, and says that changes to the last one's are gone", async () => {
    await page.goto(`${app.url}#/train`);
    await setWidth("0.0625");
    await page.getByRole("combobox", { name: "Network" }).selectOption("resnet34");
    await page.getByLabel("Epochs, training").waitFor();
    await page.getByText("what was changed for another choice is not kept").waitFor();
    expect(await page.getByLabel("Width").inputValue()).toBe("0.25");
    await page.getByRole("combobox", { name: "Network" }).selectOption("mganet");
    await page.getByLabel("Epochs, joint stage").waitFor();
    expect(await page.getByText("what was changed for another choice is not kept").count()).toBe(0);
  });

  test("what is being typed outlives what is drawn meanwhile, such as the forecast of an earlier change", async () => {
    await page.goto(`${app.url}#/train`);
    await page.getByText("Needs about").waitFor();
    await page.getByRole("combobox", { name: "Pixels a side" }).selectOption("64");
    await page.getByLabel("Width").fill("0.0625");
    await page.getByText("Planning the memory").waitFor();
    await page.getByText("Needs about").waitFor();
    expect(await page.getByLabel("Width").inputValue()).toBe("0.0625");
    await page.getByLabel("Width").blur();
    await page.getByText("Planning the memory").waitFor();
    expect(await page.getByLabel("Width").inputValue()).toBe("0.0625");
    await page.getByRole("combobox", { name: "Pixels a side" }).selectOption("96");
    await setWidth("0.25");
  });

  test("a new run from another's weights: timed before, followed, reloaded, stopped for good, noted on and compared", async () => {
    await visit("images");
    await page.getByLabel("Images", { exact: true }).fill(String(IMAGES));
    await page.getByRole("button", { name: "Draw them" }).click();
    await page.getByText(`${IMAGES} images, ${IMAGES} with class and box`).waitFor();
    await page.goto(`${app.url}#/train`);
    await page.getByRole("combobox", { name: "Network" }).waitFor();
    await setWidth("0.0625");
    await setOthers();
    await page.getByLabel("Start from").selectOption("run:whole run");
    await page.getByText(/^Begins with \d+ tensors taken\.$/).waitFor();
    // Weights that do not fit are no beginning.
    const train = page.getByRole("button", { name: "Train", exact: true });
    await setWidth("0.125");
    await page.locator("form .fault").waitFor();
    await page.getByText("Needs about").waitFor();
    expect(await train.isDisabled()).toBe(true);
    await setWidth("0.0625");
    await page.getByText(/^Begins with \d+ tensors taken\.$/).waitFor();
    await page.getByRole("button", { name: "Time a few steps" }).click();
    await page.getByText(/^About .+, without reading images\.$/).waitFor();
    expect(await page.getByRole("region", { name: "Time by phase" }).locator("tbody tr").count()).toBe(2);
    await page.getByRole("button", { name: "Train", exact: true }).click();
    await page.getByRole("heading", { name: "Images followed" }).waitFor();
    await page.getByText(/^Begins from runs\/whole run\/best\.safetensors: \d+ tensors taken$/).waitFor();
    expect(await page.locator(".course").count()).toBe(4);
    await followed();
    await page.reload();
    // What earlier epochs said is there again.
    await page
      .getByRole("list", { name: /^Earlier masks/ })
      .first()
      .waitFor();
    await stopForGood();
    expect(await page.getByRole("button", { name: /^Resume/ }).count()).toBe(0);
    await page.getByText(/of 61, stopped/).waitFor();

    await page.getByRole("button", { name: /^Write a note on .*phantom/ }).click();
    await page.getByLabel(/^Note on/).fill("the first one");
    await page.keyboard.press("Enter");
    await page.getByText("the first one").waitFor();
    for (const box of await page.getByRole("checkbox", { name: /^Compare/ }).all()) await box.check();
    const compared = page.getByRole("region", { name: "Compared runs" });
    await compared.getByRole("row", { name: /^Pixels a side/ }).waitFor();
    await compared.getByRole("row", { name: /^Start from/ }).waitFor();
    expect(await compared.getByRole("row", { name: /^Width/ }).count()).toBe(0);

    await page.getByRole("link", { name: "its report" }).click();
    const shown = page.frameLocator("iframe.report");
    await shown.getByText(/This run was ended on request after epoch \d+ of 60 \(joint\)/).waitFor();
    await page.getByRole("heading", { name: "Images followed" }).waitFor();

    await page.goto(`${app.url}#/train`);
    const { bytes } = await downloaded(() => page.getByRole("button", { name: /^Export .*phantom/ }).click());
    const out = path.join(root, "stopped");
    mkdirSync(out);
    for (const [file, content] of Object.entries(unzipSync(bytes)))
      writeFileSync(path.join(out, path.basename(file)), content);
    expect((await readFollowed(new FolderStore(out)))!.images.length).toBe(4);
    const resumed = await mganet("train", "--resume", out);
    expect([resumed.code, resumed.err]).toEqual([2, [`Error: ${out}: this run has finished`]]);
    expect((await mganet("report", out, "--no-pictures")).code).toBe(0);
  });

  test("weights of PyTorch begin a training: what is taken is said, their reader is loaded for them, and they can be removed", async () => {
    const isReader = (url: string) => /\/assets\/weights-[^/]+\.js$/.test(url);
    expect(app.loaded.filter(isReader)).toEqual([]);
    await visit("train");
    const select = page.getByLabel("Start from");
    const open = (name: string, bytes: Uint8Array) =>
      page
        .getByLabel("File of weights")
        .setInputFiles({ name, mimeType: "application/octet-stream", buffer: Buffer.from(bytes) });
    await open("torn.pth", torchFile(smallResNet()).subarray(0, 5000));
    await page.locator(".message", { hasText: "torn.pth" }).first().waitFor();
    expect(await select.locator("option", { hasText: "torn" }).count()).toBe(0);
    await open("resnet34.pth", torchFile(smallResNet()));
    // The network is wider at first.
    await page.getByText(/^weights\/resnet34\.pth: does not fit .* is \[4, 3, 7, 7\], the network has \[/).waitFor();
    await setWidth("0.0625");
    await page
      .getByText(
        /^Begins with 180 tensors taken; left: 2 of fc; initial values: .*; the weights are of the classifier\.$/,
      )
      .waitFor();
    expect(app.loaded.some(isReader)).toBe(true);
    // What they have learned is not known.
    expect(await page.getByLabel(/^Leave the/).count()).toBe(0);
    await setOthers();
    await page.getByRole("button", { name: "Train", exact: true }).click();
    await page.getByText(/^Begins from weights\/resnet34\.pth: 180 tensors taken; left: 2 of fc; /).waitFor();
    await followed();
    await stopForGood();
    await page.reload();
    await select.selectOption("weights:resnet34.pth");
    await page.getByRole("button", { name: "Remove resnet34.pth" }).click();
    await select.locator("option", { hasText: "resnet34.pth" }).waitFor({ state: "detached" });
    expect(await select.inputValue()).toBe("");
  });

  test.each(["light", "dark"] as const)(
    "has no fault that axe-core finds, and fits 360 pixels, %s",
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      for (const view of ["train", "report"]) {
        await page.setViewportSize({ width: 1280, height: 800 });
        await visit(view);
        if (view === "report") await page.frameLocator("iframe.report").getByRole("heading", { level: 1 }).waitFor();
        expect(await faults(page), view).toEqual([]);
        await page.setViewportSize({ width: 360, height: 800 });
        const wide = await wider(page);
        expect(wide, view).toBe(false);
      }
    },
  );

  test("asked for nothing but its own files, and never complained", () => {
    const own = (url: string) =>
      url.startsWith(app.url) || url.startsWith(`blob:${app.origin}`) || url.startsWith("data:image/");
    expect(app.requests.filter((url) => !own(url))).toEqual([]);
    expect(app.errors).toEqual([]);
  });
});
