/** Figures 3 and 4 of a study: in its folder and in its report, from the runs' own predictions. */
import { cpSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import type { Study } from "../../src/study/file.ts";
import { writeManifestSet } from "../node/data/sets.ts";
import { mganet, temporaryFolder, tiny, type Ended } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const text = (...names: string[]) => readFileSync(at(...names), "utf8");
const figures = [3, 4].flatMap((n) => [`figure-${n}.svg`, `figure-${n}.png`]);
/** A figure's words, in order. */
const words = (file: string) =>
  [...text("study", file).matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, said]) => said!);

/** Probabilities of the actual class by image. */
function certainties(row: string): Map<string, number> {
  const { images } = JSON.parse(text("study", row, "seed-0", "predictions.json")) as {
    images: { image: string; label: 0 | 1; malignant: number }[];
  };
  return new Map(images.map(({ image, label, malignant }) => [image, label === 1 ? malignant : 1 - malignant]));
}

let made: Ended;
beforeAll(async () => {
  await writeManifestSet(at("set"), 60);
  const own = tiny.filter((arg) => !["--phantom-images", "40"].includes(arg));
  const args = ["--data", at("set"), "--val", "0.4", "--table", "3", "--seeds", "1", "--out", at("study")];
  made = await mganet("reproduce", ...own, ...args);
});

describe("reproduce", () => {
  test("leaves both figures as SVG and PNG, and says where", async () => {
    expect([made.code, made.err]).toEqual([0, []]);
    expect(made.out).toContain(`Figure 3: ${at("study", "figure-3.svg")}, figure-3.png`);
    expect(made.out).toContain(`Figure 4: ${at("study", "figure-4.svg")}, figure-4.png`);
    for (const name of figures) expect(existsSync(at("study", name)), name).toBe(true);
    for (const n of [3, 4]) {
      const [width, height] = /width="(\d+)" height="(\d+)"/.exec(text("study", `figure-${n}.svg`))!.slice(1).map(Number); // prettier-ignore
      const png = await sharp(at("study", `figure-${n}.png`)).metadata();
      expect([png.width, png.height]).toEqual([2 * width!, 2 * height!]);
    }
  });

  test("has the matrices of the table's rows in Figure 3, with as many images as are held out", () => {
    const said = words("figure-3.svg");
    for (const title of ["(a) Base", "(b) Channel-only", "(c) Spatial-only", "(d) Serial fusion", "(e) Proposed"]) {
      expect(said).toContain(title);
    }
    const begin = said.indexOf("(e) Proposed");
    const counts = [2, 4, 6, 8].map((i) => Number(said[begin + i]));
    expect(counts.reduce((a, b) => a + b)).toBe(certainties("proposed").size);
    const right = [...certainties("proposed").values()].filter((p) => p > 0.5).length;
    expect(counts[0]! + counts[3]!).toBe(right);
  });

  test("has the cases in Figure 4 that the rule in its caption names", () => {
    const said = words("figure-4.svg");
    const [own, other] = [certainties("proposed"), certainties("base")];
    const order = [...own].sort(([a, p], [b, q]) => p - q || (a < b ? -1 : 1)).map(([image]) => image);
    const last = order.length - 1;
    const cases = [0, 0.25, 0.5, 0.75, 1].map((quantile) => order[Math.round(quantile * last)]!);
    const shares = (of: Map<string, number>) => cases.map((image) => `${(100 * of.get(image)!).toFixed(1)} %`);
    expect(said.filter((line) => order.includes(line))).toEqual(cases);
    const after = (start: string) => said.flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []));
    expect(after("Proposed: ")).toEqual(shares(own));
    expect(after("Base: ")).toEqual(shares(other));
    const caption = said.join(" ");
    expect(caption).toMatch(
      /Five of the \d+ held-out \(validation\) images of set .* the lowest, the quartiles and the/,
    );
    // Maps of 32 pixels' images have 16 values a side at the stem, 8 at L1 and 4 at L2.
    expect(caption).toMatch(/seed 0, last checkpoint.*Grad-CAM at L1 \(8×8 values.*share one colour scale/);
    expect(text("study", "figure-4.svg").match(/data:image\/png;base64,/g)).toHaveLength(20);
  });

  test("shows both in the report, whose page asks for nothing", () => {
    const page = text("study", "report.html");
    // Kept short where it fails: pictures are megabytes.
    const short = page.replaceAll(/data:image\/webp;base64,[^"]*/g, "");
    expect(short).toMatch(/Figure 3: confusion matrices[^]*Figure 4: where Base and Proposed look/);
    expect(short).toMatch(/<figcaption>\s*Five of the/);
    expect(short).not.toMatch(/src="[^"]|href="[^"]*figure/);
  });
});

describe("report", () => {
  test("draws the same figures again", async () => {
    const before = figures.map((name) => readFileSync(at("study", name)));
    const { code, out, err } = await mganet("report", at("study"));
    expect([code, err]).toEqual([0, []]);
    expect(out.at(-1)).toBe(`Report:   ${at("study", "report.html")}`);
    expect(figures.map((name, i) => readFileSync(at("study", name)).equals(before[i]!))).not.toContain(false);
    expect(text("study", "report.html")).toMatch(/Figure 4[^]*Where the network looks/);
  });

  test("leaves out Figure 4 with --no-pictures", async () => {
    const { out } = await mganet("report", at("study"), "--no-pictures");
    expect(out.filter((line) => line.includes("Figure"))).toEqual([expect.stringMatching(/^Figure 3: /)]);
    expect(text("study", "report.html")).not.toContain("Figure 4");
  });

  test("says why there is none: the images are gone, or a row is not trained", async () => {
    renameSync(at("set"), at("elsewhere"));
    const gone = await mganet("report", at("study"));
    const why = /^Without Figure 4: .*set: .*; figure-4\.svg and figure-4\.png are of an earlier time$/;
    expect(gone.code).toBe(0);
    expect(gone.out).toContainEqual(expect.stringMatching(why));
    cpSync(at("study", "study.json"), at("kept.json"));
    const study = JSON.parse(text("study", "study.json")) as Study;
    const runs = study.runs.filter(({ row }) => row !== "base");
    writeFileSync(at("study", "study.json"), JSON.stringify({ ...study, runs }));
    const { out } = await mganet("report", at("study"));
    expect(out).toContainEqual(expect.stringMatching(/^Without Figure 4: .*does not train Base; --table 3 or 4/));
    expect(text("study", "report.html")).toContain("There is no Figure 4: it compares Base with Proposed");
    expect(text("study", "report.html")).toContain("Without 1 of 5 runs, of which no predictions are kept.");
  });
});
