/** A model's proposals: what is shown of them, and what they become when they are confirmed. */
import { describe, expect, test } from "vitest";
import { confirmed, proposalFor } from "../../app/annotate/proposal.ts";
import type { ProjectImage } from "../../app/project/project.ts";
import { benignMalignant, classesOf } from "../../src/data/classes.ts";

const image = (changes: Partial<ProjectImage> = {}) =>
  ({ id: "a", width: 100, height: 80, boxes: [], label: null, empty: false, ...changes }) as unknown as ProjectImage;
const box = (x0: number, y0: number, x1: number, y1: number) => ({ x0, y0, x1, y1 });
const model = { name: "m", classes: benignMalignant };
const { classes } = model;

describe("what is proposed", () => {
  test("lies within the image in whole pixels, and is large enough to be taken hold of", () => {
    const boxes = [box(-3, 10.4, 20.6, 30), box(90, 70, 120, 99), box(50, 50, 52, 70)];
    const proposal = proposalFor(image(), { boxes, probabilities: null }, { classes, model });
    expect(proposal).toEqual({
      ...{ id: "a", by: "m", label: undefined, verdict: undefined },
      boxes: [box(0, 10, 21, 30), box(90, 70, 100, 80)],
    });
  });

  test("is not what somebody has marked already", () => {
    const drawn = image({ boxes: [box(10, 10, 30, 30)] });
    const boxes = [box(11, 11, 31, 31), box(25, 25, 45, 45)];
    const { boxes: left } = proposalFor(drawn, { boxes, probabilities: null }, { classes, model });
    expect(left).toEqual([box(25, 25, 45, 45)]);
  });

  test("has the project's class of the same name, if there is one", () => {
    const proposed = { boxes: [], probabilities: [0.168, 0.832] };
    const of = (names: string[]) => proposalFor(image(), proposed, { classes: classesOf(names), model });
    expect(of(["Malignant", "normal", "benign"])).toMatchObject({ label: 0, verdict: "83.2 % malignant" });
    expect(of(["suspicious", "benign"]).label).toBeUndefined();
  });
});

describe("what is confirmed", () => {
  test("is added to what is there, and never takes a person's class away", () => {
    const added = [box(1, 2, 30, 40)];
    expect(confirmed(image(), added, { label: 1 })).toEqual({ boxes: added, empty: false, label: 1 });
    expect(confirmed(image({ label: 0, boxes: [box(50, 50, 60, 60)] }), added, { label: 1 })).toEqual({
      ...{ boxes: [box(50, 50, 60, 60), ...added], empty: false },
    });
    expect(confirmed(image(), added, { label: undefined })).toEqual({ boxes: added, empty: false });
  });
});
