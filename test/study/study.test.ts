/** The runs of a study, and its tables from their predictions. */
import { describe, expect, test } from "vitest";
import { benignMalignant } from "../../src/data/classes.ts";
import { delong } from "../../src/metrics/delong.ts";
import { fromSecond, type ImagePrediction } from "../../src/metrics/predictions.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";
import { firstDifference } from "../../src/study/file.ts";
import { studyTable, studyTableSchema, type SideName } from "../../src/study/results.ts";
import { planRuns, runConfig, runName, runTitle } from "../../src/study/plan.ts";
import { tables } from "../../src/study/rows.ts";

/** Predictions of images 0, 1, ... with these probabilities; the odd ones are malignant. */
const said = (malignant: readonly number[], { first = 0, dice = 0.5 } = {}): ImagePrediction[] =>
  malignant.map((p, i) => {
    return { image: String(first + i), patient: null, label: i % 2, probabilities: fromSecond(p), dice, iou: dice / 2 };
  });
const right = [0.1, 0.9, 0.2, 0.8];
/** Accuracy 1/2; two of four pairs in order. */
const half = [0.1, 0.3, 0.9, 0.8];

describe("the runs of a study", () => {
  test("are each there once, seed by seed, whichever tables share them", () => {
    const groups = planRuns([3, 4], [0, 1], 0);
    expect(groups.map(({ seed, fold }) => [seed, fold])).toEqual([
      [0, undefined],
      [1, undefined],
    ]);
    const names = groups[0]!.runs.map(({ row }) => row);
    expect(new Set(names)).toEqual(new Set([...tables[3].rows, ...tables[4].rows]));
    expect(names.length).toBe(5 + 8 - 2);
    const folded = planRuns([3], [7], 2);
    expect(folded.map(({ runs }) => runName(runs[0]!))).toEqual(["seed-7-fold-0", "seed-7-fold-1"]);
    expect(runTitle(folded[1]!.runs[1]!)).toBe("Channel-only, seed 7, fold 1");
  });

  test("differ in fusion, scales and seed alone", () => {
    const shared = { ...presetFor("paper", PHANTOM), splitSeed: 3, folds: 4 };
    const config = runConfig(shared, { row: "without-l2", seed: 5, fold: 3 });
    expect(config).toEqual({ ...shared, seed: 5, fold: 3, fusion: "parallel", at: [0, 1, 3, 4] });
    expect(runConfig(shared, { row: "every-block", seed: 0 })).toMatchObject({ at: "every-block" });
    expect(runConfig(shared, { row: "base", seed: 0 })).toMatchObject({ fusion: "none" });
  });

  test("belong to one study as long as no shared setting differs, however a folder is written", () => {
    const same = (a: string, b: string) => a.replace("./", "") === b.replace("./", "");
    const config = { ...presetFor("quick", PHANTOM), data: "set" };
    expect(firstDifference(config, { ...config, data: "./set" }, same)).toBeUndefined();
    const named = { ...config, classes: ["cyst", "solid"], positive: "cyst" };
    expect(firstDifference(named, { ...config, positive: "Cyst" }, same)).toBeUndefined();
    expect(firstDifference(named, { ...config, positive: "solid" }, same)).toMatchObject({ setting: "positive" });
    expect(firstDifference(config, { ...config, data: PHANTOM }, () => true)).toMatchObject({ setting: "data" });
    expect(firstDifference(config, { ...config, external: "set" }, () => true)).toMatchObject({ setting: "external" });
    const longer = { ...config, epochs: { ...config.epochs, joint: 99 } };
    expect(firstDifference(config, longer, same)).toEqual({ setting: "epochs.joint", before: 5, now: 99 });
  });
});

describe("a table", () => {
  const seeds = [0, 1];
  const table = (of: Parameters<typeof studyTable>[0]["of"], on: SideName = "val") =>
    studyTable({ table: 3, on, seeds, classes: benignMalignant, of });

  test("has the mean over the seeds and its interval, and the difference from Base seed by seed", () => {
    const found = table((row, seed) => [said(row === "base" && seed === 1 ? half : right, { dice: seed })]);
    expect(studyTableSchema.parse(found)).toEqual(found);
    expect(found).toMatchObject({ images: 4, seeds });
    const [base, channel] = found.rows;
    expect(base!.figures.accuracy!.values).toEqual([1, 0.5]);
    expect(base!.figures.dice!.values).toEqual([0, 1]);
    expect(base!.figures.auc!.mean).toBe(0.75);
    // Two values, 1 and 0.5: the standard error is 0.25, and t of one degree of freedom 12.706.
    expect(base!.figures.auc!.interval![1]).toBeCloseTo(0.75 + 12.7062 * 0.25, 3);
    expect(base!.versusBase).toBeNull();
    expect(channel!.versusBase!.auc.values).toEqual([0, 0.5]);
    const { p } = delong([0, 1, 0, 1], half, right);
    expect(channel!.versusBase!.delong).toEqual([null, p]);
    expect(p).toBeGreaterThan(0);
  });

  test("takes the held-out images of all folds together, but the mean of their verdicts on the same images", () => {
    const folds = [said(right, { first: 0 }), said([0.95, 0.97, 0.96, 0.98], { first: 4 })];
    const [val] = table(() => folds).rows;
    // The second fold ranks its own images rightly, but its benign ones above the first fold's malignant ones.
    expect(val!.figures.auc!.mean).toBeLessThan(0.8);
    expect(table(() => folds)).toMatchObject({ images: 8 });
    const external = table(() => [said(right), said(half)], "external");
    expect(external.images).toBe(4);
    expect(external.rows[0]!.figures.auc!.mean).toBe((1 + 0.5) / 2);
    expect(external.rows[1]!.versusBase!.delong).toEqual([null, null]);
  });

  test("leaves out what is not defined, and images without a class", () => {
    const one = said(right).map((p) => ({ ...p, label: 1 as const }));
    const [base, channel] = table(() => [one]).rows;
    expect(base!.figures.auc).toBeNull();
    expect(base!.figures.accuracy!.mean).toBe(0.5);
    expect(channel!.versusBase).toBeNull();
    const unknown = { ...said([0.5], { first: 9, dice: 1 })[0]!, label: null };
    const [with_] = table(() => [[...said(right), unknown]]).rows;
    expect(with_!.figures.accuracy!.mean).toBe(1);
    expect(with_!.figures.dice!.mean).toBeCloseTo(0.6, 12);
  });

  test("is not made of runs that were evaluated on different images", () => {
    expect(() => table((row) => [said(right, { first: row === "base" ? 0 : 1 })])).toThrow(
      /not evaluated on the same images/,
    );
  });
});
