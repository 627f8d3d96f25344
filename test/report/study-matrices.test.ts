/** Which table Figure 3 is of, and what its matrices are of. */
import { describe, expect, test } from "vitest";
import { fromSecond, type ImagePrediction, type Predictions } from "../../src/metrics/predictions.ts";
import { figure3Table, tablePanel, type EvaluatedRun } from "../../src/report/study-matrices.ts";
import type { Study } from "../../src/study/file.ts";
import type { SideName } from "../../src/study/figures.ts";
import type { StudyTable } from "../../src/study/results.ts";
import type { RowName } from "../../src/study/rows.ts";
import { runConfig } from "./made-up.ts";

const table = (number: number, on: SideName, seeds = [0]): StudyTable => ({
  ...{ table: number as StudyTable["table"], on, images: 4, seeds },
  rows: (["base", "proposed"] as const).map((row) => ({
    ...{ row, label: row, versusBase: null },
    figures: { accuracy: null, auc: null, f1: null, dice: null, outlineDice: null },
  })),
});

describe("Figure 3", () => {
  test.each<[string, [number, SideName][], [number, SideName]]>([
    ["Table 2 on held-out images", [[5, "external"], [3, "val"], [2, "test"], [2, "val"]], [2, "val"]],
    ["else Table 5 on external ones", [[3, "val"], [5, "val"], [5, "external"]], [5, "external"]],
    ["else the first table, whatever was made last", [[4, "val"], [3, "external"], [3, "val"]], [3, "val"]],
  ])("is of %s", (_, results, wanted) => {
    const found = figure3Table(results.map(([number, on]) => table(number, on)))!;
    expect([found.table, found.on]).toEqual(wanted);
  }); // prettier-ignore

  test("is of none before one is finished", () => expect(figure3Table([])).toBeUndefined());
});

const image = (name: string, label: number | null, second: number): ImagePrediction => {
  return { image: name, patient: null, label, probabilities: fromSecond(second), dice: null, iou: null };
};
const predictions = (images: ImagePrediction[], more: Partial<Predictions> = {}): Predictions => {
  return { checkpoint: "last.safetensors", data: "set", on: "val", threshold: 0.5, images, ...more };
};
const run = (row: RowName, seed: number, side: SideName, of: Predictions): EvaluatedRun => {
  return { row, seed, predictions: { [side]: of } };
};
const study = (folds = 0): Study => ({
  ...{ format: "mganet-study-1", config: { ...runConfig, folds }, data: "set", external: "other", sides: ["val"] },
  ...{ adapter: "", checkpoint: "last", tables: [3], seeds: [0, 1, 2], runs: [], results: [] },
});

describe("the matrices of a table", () => {
  const images = [image("a", 0, 0.1), image("b", 0, 0.7), image("c", 1, 0.5), image("d", null, 0.9)];
  const all = (side: SideName) =>
    (["base", "proposed"] as const).flatMap((row) =>
      [0, 1, 2].map((seed) => run(row, seed, side, predictions(images))),
    );

  test("add up its own seeds' runs on its side, of images with a class", () => {
    const { matrices, names, caption } = tablePanel(table(3, "val", [0, 1]), study(), [...all("val"), ...all("external")])!;
    expect(names).toEqual(["benign", "malignant"]);
    // At the threshold itself an image is positive.
    expect(matrices).toEqual(["Base", "Proposed"].map((label) => ({ label, matrix: [[2, 2], [0, 2]] })));
    expect(caption).toBe(
      "Confusion matrices of Table 3 (how the mask is used) in percent of the actual class: held-out (validation) images of set, 4 of known class; " +
        "last checkpoint, threshold 0.5. Small: the number of images, added up over the 2 seeds.",
    );
  }); // prettier-ignore

  test("say of which images they are, and that those of an external set are of all folds", () => {
    const twice = [...all("external"), ...all("external")];
    const { caption, matrices } = tablePanel(table(3, "external", [0, 1, 2]), study(2), twice)!;
    expect(caption).toMatch(/external images of other, .* added up over the 3 seeds and 2 folds\.$/);
    expect(matrices[0]!.matrix.flat().reduce((a, b) => a + b)).toBe(3 * 2 * 3);
  });

  test("say so if runs have no predictions, and are not drawn if none has", () => {
    const { caption } = tablePanel(table(3, "val", [0, 1, 2]), study(), all("val").slice(1))!;
    expect(caption).toMatch(/ Without 1 of 6 runs, of which no predictions are kept\.$/);
    expect(tablePanel(table(3, "test"), study(), all("val"))).toBeUndefined();
  });

  test("of three classes count the most probable one", () => {
    const three = { names: ["benign", "malignant", "normal"], positive: 1 };
    const of = (name: string, label: number, probabilities: number[]) => ({ ...image(name, label, 0), probabilities });
    const found = predictions([of("a", 2, [0.4, 0.25, 0.35]), of("b", 1, [0.3, 0.36, 0.34])], { classes: three });
    const { matrices, names, caption } = tablePanel(table(3, "val"), study(), [run("base", 0, "val", found)])!;
    expect(names).toEqual(three.names);
    expect(matrices).toEqual([{ label: "Base", matrix: [[0, 0, 0], [0, 1, 0], [1, 0, 0]] }]);
    expect(caption).toMatch(/the most probable class is the predicted one\. Small: the number of images\. Without 1 of 2/);
  }); // prettier-ignore
});
