/** The runs of a study, and its tables from their predictions. */
import { describe, expect, test } from "vitest";
import { benignMalignant } from "../../src/data/classes.ts";
import { delong } from "../../src/metrics/delong.ts";
import { fromSecond, type ImagePrediction } from "../../src/metrics/predictions.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";
import { firstDifference } from "../../src/study/file.ts";
import type { SideName } from "../../src/study/figures.ts";
import { studyTable, studyTableSchema } from "../../src/study/results.ts";
import { planRuns, requireClasses, runConfig, runName, runTitle, startsShared } from "../../src/study/plan.ts";
import { inOrder, tableIds, tableName, tableOf, tables, type RowName } from "../../src/study/rows.ts";

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
    expect(groups[0]!.runs.map(runName)[0]).toBe("seed-0");
    expect(runTitle(groups[1]!.runs[0]!)).toBe("Base, seed 1");
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

  test("of another model start from its own preset, with what the study changed in its", () => {
    const quick = presetFor("quick", PHANTOM);
    const own = presetFor("quick", PHANTOM, "swin_t");
    expect(runConfig(quick, { row: "swin", seed: 3 })).toEqual({ ...own, seed: 3 });
    const changed = { ...quick, width: 0.5, lr: 0.002, size: [128, 96] as [number, number] };
    const swin = runConfig(changed, { row: "swin", seed: 3 });
    expect(swin).toEqual({ ...own, seed: 3, width: 0.5, lr: 0.002, size: [128, 96] });
    // Twice MGA-Net's epochs are twice Swin's.
    const longer = { ...quick, epochs: { segmentation: 6, joint: 10 } };
    const twice = own.epochs["training"]! * 2;
    expect(runConfig(longer, { row: "swin", seed: 0 }).epochs).toEqual({ training: twice });
    const paper = runConfig(presetFor("paper", PHANTOM), { row: "vgg", seed: 0 });
    expect(paper).toMatchObject({ model: "vgg16_bn", width: 1, lr: 1e-4, epochs: { training: 200 } });
  });

  test("cover every table: a row is a model that exists, and the reference is one of the table's rows", () => {
    for (const id of tableIds) {
      const { rows, reference } = tableOf(id);
      expect(rows).toContain(reference);
      for (const row of rows) expect(runConfig(presetFor("quick", PHANTOM), { row, seed: 1 }).seed).toBe(1);
    }
    expect(tableIds.map(tableName)).toEqual(expect.arrayContaining(["Table 2", "Table 6", "Study of classes"]));
    expect(inOrder(["classes", 5, 2, 5])).toEqual([2, 5, "classes"]);
  });

  test("start from the shared segmentation stage unless theirs is another", () => {
    const shared = presetFor("quick", PHANTOM);
    const starting = (row: RowName) => startsShared(shared, { row, seed: 2 });
    expect(["base", "se", "without-l0", "proposed"].map((row) => starting(row as RowName))).toEqual(
      Array(4).fill(true),
    );
    expect(["vgg", "resnet34", "mask-box", "mask-outline"].map((row) => starting(row as RowName))).toEqual(
      Array(4).fill(false),
    );
    const without = { ...shared, epochs: { segmentation: 0, joint: 5 } };
    expect(startsShared(without, { row: "base", seed: 2 })).toBe(false);
  });

  test("of a study that needs more than two classes are refused for two", () => {
    expect(() => requireClasses([3, "classes"], benignMalignant)).toThrow(/study of classes needs more than two/);
    expect(() => requireClasses([3], benignMalignant)).not.toThrow();
    expect(() => requireClasses(["classes"], { names: ["a", "b", "c"], positive: 2 })).not.toThrow();
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
    // Of the positive class, not of both: half of two malignant images found, one benign image taken for it.
    expect(base!.figures.f1!.values).toEqual([1, 0.5]);
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

  test("of classes compares F1 too, with its own paired test", () => {
    const classes = { names: ["a", "b", "c"], positive: 2 };
    const of = (row: string, seed: number) => [
      Array.from({ length: 9 }, (_, i): ImagePrediction => {
        const label = i % 3;
        const wrong = row === "base" && i < 3 + seed;
        const probabilities = [0, 1, 2].map((c) => (c === (label + (wrong ? 1 : 0)) % 3 ? 0.8 : 0.1));
        return { image: String(i), patient: null, label, probabilities, dice: null, iou: null };
      }),
    ];
    const found = studyTable({ table: "classes", on: "val", seeds, classes, of });
    expect(studyTableSchema.parse(found)).toEqual(found);
    const [, base, proposed] = found.rows;
    const { f1 } = proposed!.versusBase!.others!;
    expect(f1!.values).toEqual([0, 1].map((i) => 1 - base!.figures.f1!.values[i]!));
    expect(f1!.p).toBeGreaterThan(0);
    expect(proposed!.versusBase!.delong).toEqual([null, null]);
  });

  test("of mask targets compares Dice with the true outlines", () => {
    const of = (row: string, seed: number) => [
      said(right, { dice: 0.1 }).map((image) => ({
        ...image,
        outlineDice: row === "mask-outline" ? 0.9 : 0.7 + seed / 10,
      })),
    ];
    const found = studyTable({ table: "masks", on: "val", seeds, classes: benignMalignant, of });
    expect(studyTableSchema.parse(found)).toEqual(found);
    const outline = found.rows.find(({ row }) => row === "mask-outline")!;
    expect(outline.figures.outlineDice!.mean).toBeCloseTo(0.9, 12);
    const { values } = outline.versusBase!.others!.outlineDice!;
    expect(values[0]).toBeCloseTo(0.2, 12);
    expect(values[1]).toBeCloseTo(0.1, 12);
    expect(outline.versusBase!.others!.f1!.values).toEqual([0, 0]);
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
