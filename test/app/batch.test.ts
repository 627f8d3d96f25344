import { describe, expect, test } from "vitest";
import { batchOf, relabelled, takenBack } from "../../app/annotate/batch.ts";
import { added, deleted, positiveIs, renamed } from "../../app/annotate/classes.ts";
import type { ProjectImage } from "../../app/project/project.ts";
import { benignMalignant } from "../../src/data/classes.ts";

const image = (label: number | null, patient = ""): ProjectImage => ({
  ...{ id: "a", file: "a.png", path: "a.png", width: 9, height: 9, cropped: false, fold: null, notes: [] },
  ...{ label, boxes: [], empty: false, patient, side: null, outlined: false },
});

describe("one change of many images", () => {
  const images = [image(0, "1"), image(null), image(1, "2")];

  test("keeps what it replaces, and only of those that it changes", () => {
    const batch = batchOf({ images }, [0, 1, 2], { label: 0 })!;
    expect([...batch.before]).toEqual([
      [1, { label: null }],
      [2, { label: 1 }],
    ]);
    expect(batchOf({ images }, [0], { label: 0, patient: "1" })).toBeUndefined();
    expect(batchOf({ images }, [], { side: "val" })).toBeUndefined();
  });

  test("is taken back, but for images that were changed since, which are counted", () => {
    const batch = batchOf({ images }, [1, 2], { patient: "7" })!;
    const after = [images[0]!, image(null, "7"), image(1, "8")];
    const { changes, kept } = takenBack({ images: after }, batch);
    expect([...changes]).toEqual([[1, { patient: "" }]]);
    expect(kept).toBe(1);
  });

  test("follows classes that are deleted", () => {
    const batch = batchOf({ images }, [0, 1, 2], { label: 1 })!;
    const { places } = deleted({ names: ["a", "b", "c"], positive: 2 }, 0);
    const moved = relabelled(batch, (label) => (label === null ? null : places[label]!));
    expect(moved.change).toEqual({ label: 0 });
    expect([...moved.before.values()]).toEqual([{ label: null }, { label: null }]);
    const sides = batchOf({ images }, [0], { side: "val" })!;
    expect(relabelled(sides, () => null)).toEqual(sides);
  });
});

describe("classes", () => {
  const three = added(benignMalignant, " Zyste ").classes;

  test("are added, renamed and made positive without moving a label", () => {
    expect(three).toEqual({ names: ["benign", "malignant", "Zyste"], positive: 1 });
    expect(renamed(three, 0, "gutartig")).toEqual({
      ...{ classes: { names: ["gutartig", "malignant", "Zyste"], positive: 1 }, places: [0, 1, 2] },
    });
    expect(positiveIs(three, 2).classes.positive).toBe(2);
  });

  test("are deleted with their labels, the others moving up; not the positive one, nor one of two", () => {
    expect(deleted(three, 0)).toEqual({
      ...{ classes: { names: ["malignant", "Zyste"], positive: 0 }, places: [null, 0, 1] },
    });
    expect(deleted(three, 2).places).toEqual([0, 1, null]);
    expect(() => deleted(three, 1)).toThrow("malignant is the positive class: choose another one first");
    expect(() => deleted(benignMalignant, 0)).toThrow("2 classes are needed: rename it instead");
  });

  test.each(["", "Benign", "a, b", "-x", "unlabelled", "x".repeat(61)])("are not called %j", (name) => {
    expect(() => added(three, name)).toThrow(/^the class/);
    expect(() => renamed(three, 1, name)).toThrow(/^the class/);
  });
});
