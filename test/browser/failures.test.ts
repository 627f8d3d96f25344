/** The built page where something fails: storage refused or full, the graphics card lost, another tab. Nothing is lost or half-made. */
import path from "node:path";
import type { CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { writePng } from "../../src/data/pictures/png-write.ts";
import { temporaryFolder } from "../cli/support.ts";
import { beforeWorkers, openApp, withoutParityCheck, type OpenApp } from "../support/app.ts";
import { chromiumFor } from "../support/chromium.ts";

const { leftOut, required } = chromiumFor("What the page does where something fails is not tested");

const IMAGES = 24;
const EPOCHS = 16;

const pictures = Array.from({ length: IMAGES }, (_, i) => {
  const { grey, ...size } = phantomImage(0, i);
  return { name: `picture-${i}.png`, mimeType: "image/png", buffer: Buffer.from(writePng(size, grey)) };
});
const BYTES = pictures.reduce((sum, { buffer }) => sum + buffer.length, 0);

/** To be run in the page: the paths of all that it keeps, below a folder, with hashes of the files' contents. */
const LIST = `async (below) => {
  const found = {};
  const walk = async (folder, path) => {
    for await (const [name, entry] of folder.entries()) {
      if (entry.kind === "directory") await walk(entry, path + name + "/");
      else {
        const hash = await crypto.subtle.digest("SHA-256", await (await entry.getFile()).arrayBuffer());
        found[path + name] = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
      }
    }
  };
  await walk(await (await navigator.storage.getDirectory()).getDirectoryHandle(below, { create: true }), "");
  return found;
}`;

/**
 * To be run in the workers first: the device that the page opens last is a global, and so is `hold(true)`, after which a compilation or
 * reading of a buffer begins only with `hold(false)`, or with the device lost.
 */
const HOLD_DEVICE = `{
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...options) {
    return (globalThis.device = await request.apply(this, options));
  };
  let held = Promise.resolve();
  let release = () => {};
  globalThis.hold = (on) => {
    release();
    if (on) held = new Promise((resolve) => (release = resolve));
  };
  for (const [prototype, name] of [[GPUDevice.prototype, "createComputePipelineAsync"], [GPUBuffer.prototype, "mapAsync"]]) {
    const begin = prototype[name];
    prototype[name] = async function (...options) {
      await Promise.race([held, globalThis.device.lost]);
      return begin.apply(this, options);
    };
  }
}`;
interface Held {
  device?: GPUDevice;
  hold(on: boolean): void;
}

const filesOf = (page: Page, folder: string): Promise<Record<string, string>> =>
  page.evaluate(`(${LIST})(${JSON.stringify(folder)})`);

/** The only message, which is then closed. */
async function said(page: Page): Promise<string> {
  const message = page.locator(".message");
  await message.waitFor();
  const text = await message.locator("span").innerText();
  await message.getByRole("button").click();
  await message.waitFor({ state: "detached" });
  return text;
}

const FULL = "the browser's storage is full: delete what is no longer needed, or free space on the disk";

describe.skipIf(leftOut)("the page, where", () => {
  let app: OpenApp;
  let page: Page;
  let cdp: CDPSession;
  /** @param bytes that the browser keeps for the page; undefined: as many as usual */
  const limit = (bytes?: number) =>
    cdp.send("Storage.overrideQuotaForOrigin", {
      origin: app.origin,
      ...(bytes === undefined ? {} : { quotaSize: bytes }),
    });
  const visit = (to: Page, view: string) => to.goto(`${app.url}#/${view}`);
  const openFiles = (to: Page) => to.locator('input[type="file"][aria-label="Files"]').setInputFiles(pictures);

  beforeAll(async () => {
    app = await openApp(required(), path.join(temporaryFolder(), "built"));
    ({ page } = app);
    await withoutParityCheck(app.context);
    page.setDefaultTimeout(800_000);
    await beforeWorkers(app.context, HOLD_DEVICE);
    cdp = await app.context.newCDPSession(page);
  });
  afterAll(async () => (app as typeof app | undefined)?.close());

  test("the browser refuses to store anything: says so in one line, and goes on", async () => {
    const context = await app.browser.newContext({ serviceWorkers: "block" });
    const errors: Error[] = [];
    context.on("weberror", (error) => errors.push(error.error()));
    await withoutParityCheck(context);
    await beforeWorkers(
      context,
      'navigator.storage.getDirectory = () => Promise.reject(new DOMException("no", "SecurityError"));',
    );
    await context.addInitScript(() => {
      for (const name of ["localStorage", "sessionStorage"]) {
        Object.defineProperty(window, name, {
          get() {
            throw new DOMException("no", "SecurityError");
          },
        });
      }
    });
    const refused = await context.newPage();
    refused.setDefaultTimeout(800_000);
    const reason =
      "the browser refuses to store files for this page: a private window, or stored data of this site are blocked";
    await visit(refused, "images");
    expect(await said(refused)).toBe(reason);
    await openFiles(refused);
    expect(await said(refused)).toBe(reason);
    await visit(refused, "train");
    expect(await said(refused)).toBe(reason);
    await refused.getByRole("button", { name: "Train", exact: true }).click();
    await refused.getByText(`The training has ended: ${reason}`).waitFor();
    expect(errors).toEqual([]);
    await context.close();
  });

  test("the storage is full while images are opened: none is kept", async () => {
    await visit(page, "images");
    await limit(BYTES / 2);
    await openFiles(page);
    expect(await said(page)).toMatch(new RegExp(`^projects/images/files/\\d{6}\\.png: cannot be written: ${FULL}$`));
    expect(await filesOf(page, "projects")).toEqual({});
    await limit();
    await openFiles(page);
    await page.getByText(`${IMAGES} images, 0 with class and box`).waitFor();
  });

  test("the storage is full while an image is annotated: it is said, and saved once there is room", async () => {
    await page.getByRole("gridcell").first().click();
    await page.getByRole("application").focus();
    await limit(1);
    await page.keyboard.press("b");
    expect(await said(page)).toBe(
      `The annotations are not saved: projects/images/project.json: cannot be written: ${FULL}`,
    );
    await limit();
    await page.getByText("1 of 24, saved").waitFor();
    await page.reload();
    await visit(page, "images");
    await page.locator("ul.plain button.main").click();
    await page.getByRole("gridcell", { name: /, 1 box$/ }).waitFor();
  });

  test("a project is open in another tab: neither opens nor deletes it there", async () => {
    const other = await app.context.newPage();
    other.setDefaultTimeout(800_000);
    const reason = "projects/images: another tab or window of this page is at work there; wait for it, or close it";
    const before = await filesOf(page, "projects");
    await visit(other, "images");
    await other.locator("ul.plain button.main").click();
    expect(await said(other)).toBe(reason);
    await other.getByRole("button", { name: "Delete images" }).click();
    await other.getByRole("button", { name: /^Delete it/ }).click();
    expect(await said(other)).toBe(reason);
    expect(await filesOf(page, "projects")).toEqual(before);
    await page.getByRole("button", { name: "Other images…" }).click();
    await page.locator("ul.plain button.main").waitFor();
    await other.locator("ul.plain button.main").click();
    await other.getByRole("grid").waitFor();
    await other.close();
  });

  test("an import was cut short by the tab's end: nothing of it stays", async () => {
    await page.evaluate(async () => {
      const top = await navigator.storage.getDirectory();
      const projects = await top.getDirectoryHandle("projects");
      const half = await projects.getDirectoryHandle("half", { create: true });
      await (await half.getDirectoryHandle("files", { create: true })).getFileHandle("000000.png", { create: true });
    });
    await page.reload();
    await page.locator("ul.plain button.main").waitFor();
    const names = Object.keys(await filesOf(page, "projects"));
    expect(names.filter((name) => name.startsWith("half"))).toEqual([]);
    expect(names.length).toBeGreaterThan(IMAGES);
  });

  describe("a training is interrupted", () => {
    const begin = async ({ held = false } = {}) => {
      await visit(page, "train");
      await page.getByRole("combobox", { name: "Network" }).selectOption("resnet34");
      // The network's own settings have arrived.
      await page.getByLabel("Epochs, training").waitFor();
      await page.getByRole("combobox", { name: "Pixels a side" }).selectOption("64");
      for (const [name, value] of [
        ["Width", "0.0625"],
        ["Epochs, training", String(EPOCHS)],
        ["Images a step", "4"],
        ["Epochs between evaluations", "1"],
      ] as const) {
        const field = page.getByLabel(name);
        if (!(await field.isVisible())) await page.getByText("More settings").click();
        await field.fill(value);
        await field.blur();
      }
      await page.getByText("Needs about").waitFor();
      await hold(held);
      await page.getByRole("button", { name: "Train", exact: true }).click();
    };
    /** That epoch, or a later one: nobody waits for the page to be looked at. */
    const epoch = (least: number) => {
      const later = Array.from({ length: EPOCHS - least + 1 }, (_, i) => least + i).join("|");
      return page.getByText(new RegExp(`epoch (?:${later}) of ${EPOCHS}`)).waitFor();
    };
    /** The training stands still from here on, or goes on: what it is made to meet cannot come too late. */
    const hold = (on: boolean) =>
      Promise.all(
        page.workers().map((worker) => worker.evaluate((on) => (globalThis as unknown as Held).hold(on), on)),
      );
    const resume = () => page.getByRole("button", { name: /^Resume/ }).click();
    const finished = async () => {
      await page.getByRole("button", { name: "Train", exact: true }).waitFor();
      await page
        .getByRole("cell", { name: `${EPOCHS} of ${EPOCHS}`, exact: true })
        .first()
        .waitFor();
    };
    const lost =
      /^The training has ended: the GPU device was lost \(.+\); unsaved work is lost; the run can be resumed$/;

    test("by a lost graphics card, one without memory, a full storage and a reload: resumed, it ends with the same bits", async () => {
      await visit(page, "images");
      await page.getByLabel("Images", { exact: true }).fill(String(IMAGES));
      await page.getByRole("button", { name: "Draw them" }).click();
      await page.getByRole("grid").waitFor();

      await begin();
      await finished();
      const whole = await filesOf(page, "runs");

      await begin({ held: true });
      await page.getByText("Training: compiling").waitFor();
      await app.endGpuProcess();
      expect(await said(page)).toMatch(lost);
      await hold(false);
      await resume();
      await epoch(2);
      await hold(true);
      // As the driver says it: software adapters have the host's memory, which no test should fill.
      const computing = page.workers().map((worker) =>
        worker.evaluate(() => {
          const { device } = globalThis as unknown as Held;
          const error = new GPUOutOfMemoryError("no memory");
          device?.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
        }),
      );
      await Promise.all(computing);
      await hold(false);
      expect(await said(page)).toMatch(/^The training has ended: out of GPU memory: .*; the run can be resumed$/);
      await resume();
      await epoch(5);
      await hold(true);
      await limit(1);
      await hold(false);
      expect(await said(page)).toMatch(
        new RegExp(`^The training has ended: runs/.+: cannot be written: ${FULL}; the run can be resumed$`),
      );
      await limit();
      await resume();
      await epoch(8);
      await hold(true);

      const other = await app.context.newPage();
      other.setDefaultTimeout(800_000);
      await visit(other, "train");
      await other.getByRole("button", { name: /^Resume/ }).click();
      expect(await said(other)).toMatch(
        /^The training has ended: runs\/.+: another tab or window of this page is at work there/,
      );
      await other.close();

      await page.reload();
      const summaries = async () =>
        Object.keys(await filesOf(page, "runs")).filter((name) => name.endsWith("summary.json"));
      await expect.poll(async () => (await summaries()).length, { timeout: 800_000 }).toBe(2);
      const both = await filesOf(page, "runs");
      const [first, second] = [...new Set(Object.keys(both).map((name) => name.split("/")[0]!))].sort();
      for (const name of ["config.json", "last.safetensors", "best.safetensors"]) {
        expect(both[`${second!}/${name}`], name).toBe(whole[`${first!}/${name}`]);
        expect(both[`${second!}/${name}`]).toBeDefined();
      }
    });
  });
});
