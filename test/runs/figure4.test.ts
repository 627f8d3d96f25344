/** Figure 4's cases: chosen by rank from saved predictions, or a reason why there are none. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { FolderStore } from "../../src/node/folder-store.ts";
import { ofActual } from "../../src/metrics/quantile-cases.ts";
import { figure4Lines, planFigure4, type Figure4Plan } from "../../src/runs/figure4.ts";
import { readStudy } from "../../src/runs/study-folder.ts";
import type { Study } from "../../src/study/file.ts";
import { temporaryFolder } from "../cli/support.ts";
import { HOSTILE, writeStudy } from "../report/made-up.ts";

const dir = temporaryFolder();

/** The plan of a made-up study of table 3, after a change to its record. */
async function planOf(name: string, change: (study: Study) => void = () => {}, whole = true) {
  const folder = path.join(dir, name);
  writeStudy(folder, [0, 1], whole);
  const store = new FolderStore(folder);
  const study = structuredClone(await readStudy(store));
  // The figure is drawn with the runs' networks; planning it looks only whether they are there.
  for (const { row, seed } of study.runs) {
    if (row === null) continue;
    const run = path.join(folder, row, `seed-${seed}`);
    for (const file of ["last", "best"]) if (existsSync(run)) writeFileSync(path.join(run, `${file}.safetensors`), "");
  }
  change(study);
  return { folder, plan: () => planFigure4(store, study) };
}

describe("the cases of Figure 4", () => {
  test("are at the quantiles of Proposed's probability of the actual class, of the first seed, with Base's beside", async () => {
    const { folder, plan } = await planOf("study", ({ runs }) => void runs.reverse());
    const { cases, images, run, proposed, base } = (await plan()) as Figure4Plan;
    expect([run.seed, proposed.name, base.name]).toEqual([
      0,
      path.join(folder, "proposed", "seed-0"),
      path.join(folder, "base", "seed-0"),
    ]);
    expect(images).toBe(90);
    const read = (row: string) => {
      const text = readFileSync(path.join(folder, row, "seed-0", "predictions.json"), "utf8");
      const { images } = JSON.parse(text) as { images: { image: string; label: number; malignant: number }[] };
      return new Map(images.map((p) => [p.image, p.label === 1 ? p.malignant : 1 - p.malignant]));
    };
    const [own, other] = [read("proposed"), read("base")];
    const sorted = [...own.values()].sort((a, b) => a - b);
    expect(cases.map(({ image }) => ofActual(image))).toEqual([0, 22, 45, 67, 89].map((rank) => sorted[rank]));
    for (const { image, base } of cases) expect(base).toBe(other.get(image.image));
    // The made-up predictions are furthest off on this image.
    expect(cases[0]!.image.image).toBe(HOSTILE);
  });

  test("are described by class, prediction and both probabilities", async () => {
    const { plan } = await planOf("lines");
    const { cases, classes } = (await plan()) as Figure4Plan;
    expect(figure4Lines(cases[0]!, 1, classes)).toEqual([
      ...["1: lowest", "actual: benign", "predicted: malignant", "Proposed: 0.1 %", "Base: 0.1 %"],
      HOSTILE,
    ]);
    expect(figure4Lines(cases[4]!, 5, classes)[0]).toBe("5: highest");
  });

  test("are of the first seed of which both runs are finished", async () => {
    const { plan } = await planOf("later", ({ runs }) => {
      runs.find(({ row, seed }) => row === "base" && seed === 0)!.state = "begun";
    });
    expect(await plan()).toMatchObject({ run: { seed: 1 } });
  });
});

describe("there is no Figure 4", () => {
  test("of rows that do not include Base: the tables that do are named", async () => {
    const { plan } = await planOf("without", ({ runs }) => {
      runs.splice(0, runs.length, ...runs.filter(({ row }) => row !== "base"));
    });
    expect(await plan()).toEqual({
      reason: expect.stringMatching(
        /^it compares Base with Proposed, and this study does not train Base; --table 3 or 4( or \d)* does$/,
      ) as string,
    });
  });

  test("before both are finished, of one seed and fold", async () => {
    const { plan } = await planOf("unfinished", ({ runs }) => {
      for (const run of runs) if (run.row === (run.seed === 0 ? "base" : "proposed")) run.state = "begun";
    });
    expect(await plan()).toEqual({
      reason: "it compares Base with Proposed, and no seed has finished runs of both",
    });
  });

  test("of runs whose weights are gone, as in an archive", async () => {
    const { folder, plan } = await planOf("weightless");
    for (const seed of [0, 1]) rmSync(path.join(folder, "base", `seed-${seed}`, "last.safetensors"));
    expect(await plan()).toEqual({
      reason: "it compares Base with Proposed, and no seed has finished runs of both with their weights",
    });
  });

  test("of another checkpoint's predictions, of lost ones, and of images without a class", async () => {
    const other = await planOf("best", (study) => void (study.checkpoint = "best"));
    expect(await other.plan()).toEqual({
      reason: expect.stringMatching(/seed-0 have no predictions of the best checkpoint/) as string,
    });
    const lost = await planOf("lost");
    rmSync(path.join(lost.folder, "base", "seed-0", "predictions.json"));
    expect(await lost.plan()).toEqual({ reason: expect.stringMatching(/base.seed-0 have no predictions/) as string });
    const bare = await planOf("bare");
    for (const row of ["base", "proposed"]) {
      const file = path.join(bare.folder, row, "seed-0", "predictions.json");
      writeFileSync(file, readFileSync(file, "utf8").replaceAll(/"label":\d/g, '"label":null'));
    }
    expect(await bare.plan()).toEqual({ reason: "no held-out image has a known class" });
  });
});
