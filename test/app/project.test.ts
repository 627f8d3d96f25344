import { describe, expect, test } from "vitest";
import { filtered, hasState, states } from "../../app/project/filter.ts";
import { framesAt } from "../../app/project/frames.ts";
import type { Project, ProjectImage } from "../../app/project/project.ts";
import { dataOf, projectOf } from "../../app/project/data-name.ts";
import { parseProject } from "../../app/project/schema.ts";
import { DataError } from "../../src/data/sample.ts";

const box = { x0: 1, y0: 2, x1: 30, y1: 40 };
const image = (id: string, more: Partial<ProjectImage> = {}): ProjectImage => ({
  ...{ id, file: `${id}.png`, path: `${id}.png`, width: 100, height: 80, cropped: false, fold: null, notes: [] },
  ...{ label: 0, boxes: [box], empty: false, patient: "", side: null, outlined: false },
  ...more,
});

const project: Project = {
  ...{ format: "mganet-project-1", name: "mine", source: { kind: "files" }, left: [], notes: [] },
  classes: { names: ["benign", "malignant"], positive: 1 },
  images: [
    image("a1", { label: 1, patient: "Müller" }),
    image("a2", { label: null }),
    image("b1", { label: null, boxes: [], side: "val" }),
    image("b2", { boxes: [], empty: true, notes: ["a box is the whole image"] }),
  ],
  twins: [["a1", "a2"]],
};

describe("an image's state", () => {
  test("is all that is missing, and no box is missing of a picture that shows no nodule", () => {
    const found = project.images.map((one) => states.filter((state) => hasState(one, state)).join());
    expect(found).toEqual(["annotated", "no class", "no class,no box", "annotated"]);
  });
});

describe("a filter", () => {
  const ids = (filter: Parameters<typeof filtered>[1]) => filtered(project, filter).map((i) => project.images[i]!.id);

  test("finds text in ids, patients and notes, whatever its case", () => {
    expect(ids({ text: " A" })).toEqual(["a1", "a2", "b2"]);
    expect(ids({ text: "müLLER" })).toEqual(["a1"]);
    expect(ids({ text: "whole" })).toEqual(["b2"]);
    expect(ids({ text: "zz" })).toEqual([]);
  });

  test("keeps a class, images without one, a state, a side, or what should be looked at; and all of them together", () => {
    expect(ids({ text: "", label: 1 })).toEqual(["a1"]);
    expect(ids({ text: "", label: null })).toEqual(["a2", "b1"]);
    expect(ids({ text: "", state: "no box" })).toEqual(["b1"]);
    expect(ids({ text: "", state: "no class" })).toEqual(["a2", "b1"]);
    expect(ids({ text: "", side: "val" })).toEqual(["b1"]);
    expect(ids({ text: "", side: null })).toEqual(["a1", "a2", "b2"]);
    expect(ids({ text: "", problem: "notes or near-duplicates" })).toEqual(["a1", "a2", "b2"]);
    expect(ids({ text: "", problem: "notes" })).toEqual(["b2"]);
    expect(ids({ text: "", problem: "near-duplicates" })).toEqual(["a1", "a2"]);
    expect(ids({ text: "a", label: 0, problem: "notes or near-duplicates" })).toEqual(["b2"]);
  });
});

test("the frames of a loop are browsed among those that are shown, and single pictures are no loop", () => {
  const images = [image("a"), ...[1, 2, 3].map((n) => image(`l#${n}`, { file: `1.dcm#${n}` })), image("b")];
  expect(framesAt(images, [0, 1, 2, 3, 4], 3)).toEqual({ of: [1, 2, 3], at: 2 });
  expect(framesAt(images, [0, 1, 3, 4], 3)).toEqual({ of: [1, 3], at: 1 });
  expect(framesAt(images, [0, 3], 3)).toBeUndefined();
  expect(framesAt(images, [0, 1, 2, 3, 4], 4)).toBeUndefined();
});

describe("project.json", () => {
  const changed = (change: object) => JSON.stringify({ ...project, ...change });

  test("is read as it was written", () => {
    expect(parseProject(JSON.stringify(project), "project.json")).toEqual(project);
    // One from before there were outlines, folds and paths.
    const { path, fold, outlined, ...old } = project.images[0]!;
    expect(path).not.toBe("");
    const [read] = parseProject(changed({ images: [old] }), "project.json").images;
    expect(read).toEqual({ ...old, path: "", fold, outlined });
  });

  test.each<[string, string, RegExp]>([
    ["text", "{", /^p: is not JSON$/],
    ["another format", changed({ format: "x" }), /^p: is not a project: format/],
    ["a box of words", changed({ images: [{ ...project.images[0], boxes: [{ ...box, x0: "1" }] }] }), /boxes/],
    ["an endless coordinate", changed({ images: [{ ...project.images[0], boxes: [{ ...box, x0: 1e300 }] }] }), /x0/],
    ["a class that there is not", changed({ images: [image("a", { label: 2 })] }), /a class beyond the 2/],
    ["one class", changed({ classes: { names: ["benign"], positive: 0 } }), /classes/],
    ["no images", changed({ images: null }), /images/],
  ])("of %s is refused in one line", (_, content, message) => {
    const parse = () => parseProject(content, "p");
    expect(parse).toThrow(DataError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow("\n");
  });

  test("is named by a configuration, which names nothing else so", () => {
    expect(projectOf(dataOf("my images"))).toBe("my images");
    expect(() => projectOf("some/folder")).toThrow("this page has no such images");
  });
});
