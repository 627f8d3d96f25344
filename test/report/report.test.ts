/** Reports are self-contained pages in which user-supplied names stay text. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { chromium, type Browser } from "playwright-core";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { plotDocument } from "../../src/cli/run-report.ts";
import { FolderStore } from "../../src/node/folder-store.ts";
import { readRun, REPORT, writeRunReport, writeStudyReport, type ReportPictures } from "../../src/runs/report.ts";
import type { CasePicture } from "../../src/report/cases.ts";
import { escape, html } from "../../src/report/html.ts";
import { rocPlot, wholeTicks } from "../../src/report/plots.ts";
import { rocBand } from "../../src/metrics/bands.ts";
import { temporaryFolder } from "../cli/support.ts";
import { chromiumFor } from "../support/chromium.ts";
import { drawnImages, HOSTILE, writeRun, writeStudy } from "./made-up.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const text = (file: string) => readFileSync(file, "utf8");

/** Writes the report of a run's folder. @returns its file */
async function reportOf(folder: string, pictures?: ReportPictures): Promise<string> {
  await writeRunReport(new FolderStore(folder), plotDocument(), pictures);
  return path.join(folder, REPORT);
}

async function reportOfStudy(folder: string): Promise<string> {
  await writeStudyReport(new FolderStore(folder), plotDocument());
  return path.join(folder, REPORT);
}

const picture: CasePicture = {
  ...{ width: 8, height: 8, boxes: [[1, 2, 6, 7]], rings: [[[1, 1], [5, 1], [5, 6]]] }, // prettier-ignore
  png: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==",
};

describe("html", () => {
  test("escapes what is put in, and leaves markup as it is", () => {
    expect(html`<b title="${'"><script>'}">${[html`<i>${"<&>"}</i>`, 3, null, undefined]}</b>`.text).toBe(
      '<b title="&quot;&gt;&lt;script&gt;"><i>&lt;&amp;&gt;</i>3</b>',
    );
    expect(escape("a\u0000\u001bb\n'")).toBe("a\ufffd\ufffdb\n&#39;");
  });
});

describe("plots", () => {
  test("draw a curve where it is: of a perfect one, through the upper left corner", () => {
    const points = [[0, 0], [0, 1], [1, 1]].map(([fpr, tpr]) => ({ threshold: null, fpr: fpr!, tpr: tpr! })); // prettier-ignore
    const { text } = rocPlot(plotDocument(), [{ name: "", colour: "var(--a)", points }]);
    const curve = /<path d="(M[^"]+)" ?\/?>(?=[^]*$)/.exec(text.slice(text.indexOf('stroke="var(--a)"')))![1]!;
    const [from, corner, to] = curve.slice(1).split("L").map((p) => p.split(",").map(Number)); // prettier-ignore
    expect([corner![0], corner![1]]).toEqual([from![0], to![1]]);
    expect(from![1]!).toBeGreaterThan(to![1]!);
  });

  test("mark whole epochs, a dozen at most", () => {
    expect(wholeTicks(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(wholeTicks(200)).toEqual([1, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200]);
  });

  test("have bands that hold the curve, and widen with fewer images", () => {
    const band = (count: number) => {
      const images = drawnImages(count, 1, 5);
      const cases = { score: images.map((p) => p.probabilities![1]!), label: images.map((p) => p.label!) };
      return rocBand(cases, images.map((p) => p.image)); // prettier-ignore
    };
    const width = (count: number) => band(count).reduce((sum, { low, high }) => sum + high - low, 0);
    expect(band(100).length).toBe(101);
    expect(band(100).at(-1)).toEqual({ x: 1, low: 1, high: 1 });
    expect(width(40)).toBeGreaterThan(1.5 * width(400));
  });
});

describe("a folder that is no run", () => {
  test.each([
    ["nothing", undefined, "no such folder"],
    ["empty", "", "not a run folder (there is no config.json)"],
    ["bad", "{", "config.json: is not JSON"],
    ["wrong", '{"preset":"slow"}', "config.json: preset: "],
  ])("%s is refused in one line", async (name, config, reason) => {
    if (config !== undefined) writeRun(at(name), {});
    if (config) writeFileSync(at(name, "config.json"), config);
    const target = config === "" ? dir : at(name);
    await expect(readRun(new FolderStore(target))).rejects.toThrow(reason);
  });
});

const { leftOut, required } = chromiumFor("Reports are not opened in a browser");

describe.skipIf(leftOut)("in Chromium", () => {
  let browser: Browser | undefined;
  beforeAll(async () => {
    const args = ["--no-sandbox"];
    browser = await chromium.launch({ executablePath: required(), args });
  });
  afterAll(() => browser?.close());

  /** Opens a report; nothing else may be asked for, and nothing complained of. */
  async function open(file: string, width = 1100) {
    const page = await browser!.newPage({ viewport: { width, height: 800 } });
    const [errors, requests]: [string[], string[]] = [[], []];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => errors.push(message.text()));
    page.on("request", (request) => request.url().startsWith("data:") || requests.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    const shown = await page.evaluate(() => ({
      text: document.body.innerText,
      hacked: "hacked" in globalThis,
      wide: document.documentElement.scrollWidth,
      strays: document.querySelectorAll("img[src=x], main i, script").length,
      plots: document.querySelectorAll("figure svg[aria-label]").length,
    }));
    await page.close();
    expect(errors).toEqual([]);
    expect(requests).toEqual([pathToFileURL(file).href]);
    expect(shown).toMatchObject({ hacked: false, strays: 0 });
    expect(shown.wide, "nothing sticks out to the side").toBeLessThanOrEqual(width);
    return shown;
  }

  test("a run's report shows all, asks for nothing, and takes names for text", async () => {
    writeRun(at("run <b>"), { val: drawnImages(90, 1, 1), test: drawnImages(40, 1, 2) });
    const file = await reportOf(at("run <b>"), {
      pictures: new Map([[HOSTILE, picture]]),
      explained: [{ image: HOSTILE, title: HOSTILE, picture: `data:image/png;base64,${picture.png}` }],
    });
    for (const width of [1100, 400]) {
      const { text, plots } = await open(file, width);
      for (const part of ["run <b>", "my <i>set</i>", HOSTILE, "Mesa 25.0.7", "1 h 6 min"]) {
        expect(text).toContain(part);
      }
      expect(text).toMatch(
        /Test images[^]*Held-out \(validation\) images[^]*Training[^]*Single images[^]*Where the network looks/,
      );
      expect(text).toMatch(/AUC\n0\.\d{3}\n0\.\d{3} to [01]\.\d{3}/);
      expect(text).toMatch(/malignant \(actual\)/);
      expect(text).toMatch(/chosen on these very images/);
      // ROC, precision-recall and reliability of both sides, two of the training, and a picture.
      expect(plots).toBe(3 + 3 + 2 + 1);
    }
  });

  test("a run that has only begun, and one of masks alone, have reports too", async () => {
    writeRun(at("begun"), {});
    writeFileSync(at("begun", "summary.json"), "{}");
    expect((await open(await reportOf(at("begun")))).text).toMatch(
      /not finished: .* after epoch 8 of 8 \(joint\); nothing has been evaluated/,
    );
    const masks = drawnImages(30, 1, 1).map((p) => ({ ...p, probabilities: null }));
    writeRun(at("masks"), { val: masks });
    const { text } = await open(await reportOf(at("masks")));
    expect(text).toMatch(/Dice of the mask\n0\.\d{3}/);
    expect(text).toMatch(/Best masks[^]*Worst masks/);
    expect(text).not.toMatch(/ROC curve|NaN|undefined|Confusion/);
  });

  test("a study's report has its tables, and links to those runs that have reports", async () => {
    writeStudy(at("study"), [0, 1, 2], true);
    await reportOf(at("study", "proposed/seed-1"));
    const file = await reportOfStudy(at("study"));
    const { text, plots } = await open(file);
    await open(file, 400);
    expect(text).toMatch(/Table 3: how the mask is used\. Held-out/);
    for (const label of ["Base", "Channel-only", "Spatial-only", "Serial fusion", "Proposed"]) {
      expect(text).toMatch(new RegExp(`${label}\\t0\\.\\d{3} ± 0\\.\\d{3}\\t0\\.\\d{3} ± `));
    }
    // The figures by row, the matrices and the ROC curves.
    expect(plots).toBe(4 + 1 + 1);
    expect(text).toMatch(/Figure 3: confusion matrices[^]*of Table 3 \(how the mask is used\)[^]*90 of known class/);
    expect(text).toMatch(/added up over the 3 seeds/);
    expect(text).not.toMatch(/Figure 4/);
    expect(text).toContain("my <i>set</i>");
    expect((readFileSync(file, "utf8").match(/<a\s+href="[^"]+"/g) ?? []).join()).toBe(
      '<a href="proposed/seed-1/report.html"',
    );
  });

  test("a study's Figure 4 is shown with its caption, or why there is none", async () => {
    writeStudy(at("fourth"), [0], true);
    const store = new FolderStore(at("fourth"));
    const figure4 = { picture: `data:image/png;base64,${picture.png}`, caption: `Of ${HOSTILE}` };
    await writeStudyReport(store, plotDocument(), { figure4 });
    expect((await open(path.join(at("fourth"), REPORT))).text).toMatch(/Figure 4[^]*Of <img src=x/);
    await writeStudyReport(store, plotDocument(), { figure4: { reason: "the images are gone" } });
    expect((await open(path.join(at("fourth"), REPORT))).text).toContain("There is no Figure 4: the images are gone.");
  });

  test("a study that is under way says so", async () => {
    writeStudy(at("part"), [0], false);
    const { text } = await open(await reportOfStudy(at("part")));
    expect(text).toMatch(/not finished: 4 of 5 runs are/);
    expect(text).not.toMatch(/Table 3|Figure|NaN|undefined/);
    expect(text).toMatch(/Confusion matrices[^]*of all runs of a row so far together/);
  });
});

test("a report of the same folder is the same page", async () => {
  writeRun(at("same"), { val: drawnImages(30, 1, 1) });
  const first = text(await reportOf(at("same")));
  expect(text(await reportOf(at("same")))).toBe(first);
});
