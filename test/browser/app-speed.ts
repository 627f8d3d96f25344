/**
 * How the built page feels: `npm run app:speed [repeats]`. Times until it can be used, the longest frame while 2,000 images are scrolled,
 * how long the page is blocked while its worker trains, and its memory with 1,000 images of 1000×800 open. Prints medians and ranges.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { openApp } from "../support/app.ts";
import { chromiumFor } from "../support/chromium.ts";

const repeats = Number(process.argv[2] ?? 5);
if (!Number.isInteger(repeats) || repeats < 1) throw new Error(`repeats: ${process.argv[2]!} is no count`);
const [TILES, LARGE] = [2000, 1000];

const scratch = mkdtempSync(path.join(tmpdir(), "mganet-speed-"));
const app = await openApp(chromiumFor("Nothing is timed").required(), path.join(scratch, "built"));

function report(what: string, values: readonly number[], unit: string): void {
  const sorted = [...values].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  const figures = [median, sorted[0]!, sorted.at(-1)!].map((value) => value.toFixed(0));
  console.log(`${what}: ${figures[0]!} ${unit} (${figures[1]!} to ${figures[2]!}, ${values.length})`);
}

/** From the click on a link until another view was opened by a click: a page that shows, but does not answer, is not usable. */
async function usable(): Promise<void> {
  for (const [visit, contexts] of [
    ["first visit", true],
    ["later visit", false],
  ] as const) {
    const times: number[] = [];
    const shared = contexts ? undefined : await app.browser.newContext();
    if (shared) {
      const page = await shared.newPage();
      await page.goto(`${app.url}#/start`);
      await page.getByText("works without a network").waitFor({ timeout: 600_000 });
      await page.close();
    }
    for (let i = 0; i < repeats; i++) {
      const context = shared ?? (await app.browser.newContext());
      const page = await context.newPage();
      await page.goto("about:blank");
      const begun = performance.now();
      await page.goto(`${app.url}#/start`, { waitUntil: "commit" });
      await page.getByRole("link", { name: "Images", exact: true }).click();
      await page.getByRole("heading", { level: 1, name: "Images" }).waitFor();
      times.push(performance.now() - begun);
      await page.close();
      if (!shared) await context.close();
    }
    await shared?.close();
    report(`Another view opened by a click, ${visit}`, times, "ms");
  }
}

/** To be run in the page: notes every gap between frames and every long task from now on. */
const WATCH = `() => {
  const watch = { gaps: [], tasks: [] };
  let last = performance.now();
  const frame = (now) => {
    watch.gaps.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame((now) => {
    last = now;
    requestAnimationFrame(frame);
  });
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) watch.tasks.push(duration);
  }).observe({ type: "longtask" });
  globalThis.watch = watch;
}`;

interface Watched {
  gaps: number[];
  /** Tasks of the page that took over 50 ms. */
  tasks: number[];
}

const clear = (page: Page): Promise<void> =>
  page.evaluate("void (globalThis.watch.gaps.length = 0, globalThis.watch.tasks.length = 0)");
const read = (page: Page): Promise<Watched> => page.evaluate("globalThis.watch");

async function scrolling(): Promise<void> {
  const { page } = app;
  page.setDefaultTimeout(600_000);
  await app.visit("start");
  // The comparison with PyTorch keeps both cores busy.
  await page.getByText("Agrees with PyTorch").waitFor();
  await app.visit("images");
  await page.getByLabel("Images", { exact: true }).fill(String(TILES));
  await page.getByRole("button", { name: "Draw them" }).click();
  const grid = page.getByRole("grid");
  await grid.waitFor();
  await page.getByText(`${TILES} images, ${TILES} with class and box`).waitFor();
  await page.evaluate(`(${WATCH})()`);
  const [worst, tasks]: [number[], number[]] = [[], []];
  for (let i = 0; i < repeats; i++) {
    await grid.evaluate((box) => (box.scrollTop = 0));
    await page.waitForTimeout(2000);
    await grid.hover();
    await clear(page);
    for (let at = 0; at < 60; at++) {
      await page.mouse.wheel(0, 400);
      await page.waitForTimeout(30);
    }
    const seen = await read(page);
    worst.push(Math.max(...seen.gaps));
    tasks.push(Math.max(0, ...seen.tasks));
  }
  report(`Longest frame while ${TILES} images are scrolled`, worst, "ms");
  report("Longest task of the page meanwhile (over 50 ms, else 0)", tasks, "ms");
}

async function training(): Promise<void> {
  const { page } = app;
  await app.visit("images");
  await page.getByRole("button", { name: "Other images…" }).click();
  await page.getByLabel("Images", { exact: true }).fill("80");
  await page.getByRole("button", { name: "Draw them" }).click();
  await page.getByText("80 images, 80 with class and box").waitFor();
  await app.visit("train");
  for (const [name, value] of [
    ["Epochs, segmentation stage", "1"],
    ["Epochs, joint stage", String(1 + repeats)],
    ["Width", "0.125"],
  ] as const) {
    await page.getByLabel(name).fill(value);
  }
  await page.getByRole("combobox", { name: "Pixels a side" }).selectOption("96");
  await page.getByText("Needs about").waitFor();
  await clear(page);
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await page.getByText(/images\/s/).waitFor();
  const compiling = await read(page);
  report("Longest gap between frames while images are read and kernels compiled", [Math.max(...compiling.gaps)], "ms");
  report("Longest task of the page meanwhile (over 50 ms, else 0)", [Math.max(0, ...compiling.tasks)], "ms");
  await clear(page);
  await page.getByText(/has finished/).waitFor();
  const { gaps, tasks } = await read(page);
  const sorted = [...gaps].sort((a, b) => a - b);
  report("Longest gap between frames while it trains", [sorted.at(-1)!], "ms");
  report("99 of 100 gaps are shorter than", [sorted[Math.floor(0.99 * sorted.length)]!], "ms");
  report("Longest task of the page meanwhile (over 50 ms, else 0)", [Math.max(0, ...tasks)], "ms");
}

/** Megabytes that a process alone occupies, with its share of what several have. */
function megabytes(pid: number): number {
  const found = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
  return Number(found![1]) / 1000;
}

async function memory(): Promise<void> {
  const folder = path.join(scratch, "large");
  mkdirSync(folder);
  const rows = ["image,label,boxes"];
  for (let i = 0; i < LARGE; i++) {
    const { grey, width, height } = phantomImage(0, i);
    const raw = { width, height, channels: 1 } as const;
    const picture = sharp(Buffer.from(grey), { raw }).resize(1000, 800, { fit: "fill" });
    writeFileSync(path.join(folder, `${i}.png`), await picture.png({ compressionLevel: 6 }).toBuffer());
    rows.push(`${i}.png,${i % 2 ? "malignant" : "benign"},100 100 300 250`);
  }
  writeFileSync(path.join(folder, "manifest.csv"), `${rows.join("\n")}\n`);

  const { page } = app;
  const session = await app.browser.newBrowserCDPSession();
  const processes = async () => (await session.send("SystemInfo.getProcessInfo")).processInfo;
  const pageProcess = async () => {
    const renderers = (await processes()).filter(({ type }) => type === "renderer");
    return Math.max(...renderers.map(({ id }) => megabytes(id)));
  };
  const all = async () => (await processes()).reduce((sum, { id }) => sum + megabytes(id), 0);
  await app.visit("images");
  await page.getByRole("button", { name: "Other images…" }).click();
  await page.reload();
  await page.getByRole("heading", { name: "Your images" }).waitFor();
  await page.waitForTimeout(3000);
  report("Memory of the page's process before", [await pageProcess()], "MB");
  const begun = performance.now();
  await page.locator('input[type="file"][aria-label="Folder"]').setInputFiles(folder);
  const peaks: number[] = [];
  const looked = new AbortController();
  const watching = (async () => {
    while (!looked.signal.aborted) {
      peaks.push(await pageProcess());
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  })();
  const grid = page.getByRole("grid");
  await page.getByText(`${LARGE} images, ${LARGE} with class and box`).waitFor();
  report(`Until ${LARGE} images of 1000x800 were open`, [performance.now() - begun], "ms");
  await grid.hover();
  for (let at = 0; at < 120; at++) {
    await page.mouse.wheel(0, 400);
    await page.waitForTimeout(50);
  }
  await page.getByRole("gridcell").first().click();
  await page.getByRole("application").waitFor();
  for (let i = 0; i < 50; i++) {
    await page.keyboard.press("n");
    await page.waitForTimeout(100);
  }
  looked.abort();
  await watching;
  report("Most memory of the page's process, opened, scrolled and 50 looked at", [Math.max(...peaks)], "MB");
  report("All of the browser's processes at the end", [await all()], "MB");
  await session.detach();
}

try {
  await usable();
  await scrolling();
  await training();
  await memory();
} finally {
  await app.close();
  rmSync(scratch, { recursive: true });
}
