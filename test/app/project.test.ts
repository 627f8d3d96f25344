import { describe, expect, test } from "vitest";
import { filtered, statusOf, type Project, type ProjectImage } from "../../app/project/project.ts";
import { dataOf, projectOf } from "../../app/project/data-name.ts";
import { parseProject } from "../../app/project/schema.ts";
import { DataError } from "../../src/data/sample.ts";

const box = { x0: 1, y0: 2, x1: 30, y1: 40 };
const image = (id: string, more: Partial<ProjectImage> = {}): ProjectImage => ({
  ...{ id, file: `${id}.png`, width: 100, height: 80, cropped: false, notes: [] },
  ...{ label: 0, boxes: [box], empty: false, patient: "", side: null },
  ...more,
});

const project: Project = {
  ...{ format: "mganet-project-1", name: "mine", source: { kind: "files" }, left: [], notes: [] },
  classes: { names: ["benign", "malignant"], positive: 1 },
  images: [
    image("a1", { label: 1, patient: "Müller" }),
    image("a2", { label: null }),
    image("b1", { boxes: [] }),
    image("b2", { boxes: [], empty: true, notes: ["a box is the whole image"] }),
  ],
  twins: [["a1", "a2"]],
};

describe("an image's state", () => {
  test("is what is missing first, and nothing is missing of a picture that shows no nodule", () => {
    expect(project.images.map(statusOf)).toEqual(["annotated", "no class", "no box", "annotated"]);
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

  test("keeps a class, images without one, a state, or what should be looked at; and all of them together", () => {
    expect(ids({ text: "", label: 1 })).toEqual(["a1"]);
    expect(ids({ text: "", label: null })).toEqual(["a2"]);
    expect(ids({ text: "", status: "no box" })).toEqual(["b1"]);
    expect(ids({ text: "", problems: true })).toEqual(["a1", "a2", "b2"]);
    expect(ids({ text: "a", label: 0, problems: true })).toEqual(["b2"]);
  });
});

describe("project.json", () => {
  const changed = (change: object) => JSON.stringify({ ...project, ...change });

  test("is read as it was written", () => {
    expect(parseProject(JSON.stringify(project), "project.json")).toEqual(project);
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
