/** A run goes on, and is evaluated, only on images with the classes that its network was trained for. */
import { expect, test } from "vitest";
import { DataError } from "../../src/data/sample.ts";
import { loadImages, requireClassesOf } from "../../src/runs/load-data.ts";
import type { ImageSource } from "../../src/runs/images.ts";
import { tinyConfig } from "../cli/support.ts";

const asTrained = { names: ["benign", "malignant"], positive: 1 };
const kinds = ["benign", "cyst", "malignant"];

test("the same classes in the same order pass, named in the settings or not", () => {
  requireClassesOf(tinyConfig, asTrained);
  requireClassesOf({ ...tinyConfig, classes: kinds, positive: "malignant" }, { names: kinds, positive: 2 });
});

test.each([
  ["in another order", { names: ["malignant", "benign"], positive: 0 }],
  ["with another positive one", { names: ["benign", "malignant"], positive: 0 }],
  ["with other names", { names: ["cyst", "tumour"], positive: 1 }],
  ["with one more", { names: ["benign", "malignant", "x"], positive: 1 }],
])("classes %s are refused, with both lists", (_, changed) => {
  expect(() => requireClassesOf(tinyConfig, changed)).toThrow(DataError);
  expect(() => requireClassesOf(tinyConfig, changed)).toThrow(
    `phantom: has the classes ${changed.names.join(", ")} (positive: ${changed.names[changed.positive]!}), and this run was trained on benign, malignant (positive: malignant)`,
  );
});

test("a run that is resumed refuses them before anything is trained; a new one takes them", async () => {
  const classes = { names: ["malignant", "benign"], positive: 0 };
  const reached = new Error("the split is drawn");
  const source = {
    prepare: () => Promise.resolve({ name: "set", prepared: [], skipped: [], notes: [], classes }),
    split: () => {
      throw reached;
    },
  } as unknown as ImageSource;
  const load = (resumes: boolean) => loadImages(source, tinyConfig, undefined, { emit: () => {}, resumes });
  await expect(load(true)).rejects.toThrow(/has the classes malignant, benign .* trained on benign, malignant/);
  await expect(load(false)).rejects.toBe(reached);
});
