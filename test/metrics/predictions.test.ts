/** predictions.json: what is written reads back, and anything invalid is refused. */
import { describe, expect, test } from "vitest";
import { benignMalignant, classesOf } from "../../src/data/classes.ts";
import { DataError } from "../../src/data/sample.ts";
import {
  casesOf,
  classified,
  groupsOf,
  parsePredictions,
  patientCount,
  writePredictions,
  type ImagePrediction,
  type Predictions,
} from "../../src/metrics/predictions.ts";

const image = (name: string, more: Partial<ImagePrediction> = {}): ImagePrediction => {
  return { image: name, patient: "7", label: 1, probabilities: [0.75, 0.25], dice: 0.5, iou: 1 / 3, ...more };
};
const record: Predictions = {
  checkpoint: "best.safetensors",
  data: "sæt",
  on: "val",
  threshold: 0.5,
  classes: benignMalignant,
  images: [
    image('<img src="x">.png'),
    image("b", { label: null, outlineDice: 0.75 }),
    image("c", { probabilities: null, dice: null, iou: null, patient: null }),
    image("d", { label: 0, probabilities: [0, 1] }),
  ],
};
const text = writePredictions(record);
const changed = (change: (json: Record<string, unknown> & { images: Record<string, unknown>[] }) => void) => {
  const json = JSON.parse(text) as Parameters<typeof change>[0];
  change(json);
  return JSON.stringify(json);
};

test("a record that was written is read again, with what else was put there left out", () => {
  expect(parsePredictions(text, "p.json")).toEqual(record);
  const more = writePredictions(record, { metrics: { images: 3 } });
  expect(JSON.parse(more)).toMatchObject({ metrics: { images: 3 } });
  expect(parsePredictions(more, "p.json")).toEqual(record);
  expect(text.split("\n").length).toBe(record.images.length + 10);
});

describe("a file is refused, by one line that names it and the reason,", () => {
  const no = "is not a record of the predictions of train or evaluate: ";
  test.each([
    ["that is not JSON", "{", "is not JSON: "],
    ["that is null", "null", no],
    ["of predict", JSON.stringify({ checkpoint: "c", predictions: [] }), `${no}format: `],
    ["without images", changed((j) => void (j.images = [])), `${no}images: `],
    ["with a threshold of 2", changed((j) => void (j["threshold"] = 2)), `${no}threshold: `],
    ["of another side", changed((j) => void (j["on"] = "train")), `${no}on: `],
    ["with a probability of 1.5", changed((j) => void (j.images[1]!["malignant"] = 1.5)), `${no}images.1.malignant: `],
    ["with a class of 2", changed((j) => void (j.images[0]!["label"] = 2)), `${no}images.0.label: `],
    ["with a Dice of 2", changed((j) => void (j.images[1]!["outlineDice"] = 2)), `${no}images.1.outlineDice: `],
    ["without a Dice", changed((j) => void delete j.images[0]!["dice"]), `${no}images.0.dice: `],
    ["with something unknown", changed((j) => void (j.images[0]!["x"] = 1)), `${no}images.0: `],
    ["with an image twice", changed((j) => void (j.images[1] = j.images[0]!)), "has the image <img"],
  ])("one %s", (_, given, reason) => {
    let error: unknown;
    try {
      parsePredictions(given, "run/p.json");
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(DataError);
    const { message } = error as Error;
    expect(message.slice(0, 12 + reason.length)).toBe(`run/p.json: ${reason}`);
    expect(message).not.toContain("\n");
  });
});

describe("a record of other classes", () => {
  const classes = classesOf(["2", "benign", "normal thyroid"], "benign");
  const named: Predictions = {
    ...record,
    classes,
    images: [
      image("a", { label: 2, probabilities: [0.2, 0.3, 0.5] }),
      image("b", { label: null, probabilities: [1, 0, 0] }),
      image("c", { label: 0, probabilities: null }),
    ],
  };
  const text = writePredictions(named);
  const json = () => JSON.parse(text) as { classes: string[]; positive: string; images: Record<string, unknown>[] };

  test("names them, has a probability by name, and is read again", () => {
    expect(parsePredictions(text, "p.json")).toEqual(named);
    expect(json()).toMatchObject({ classes: classes.names, positive: "benign" });
    expect(json().images[0]).toMatchObject({
      label: "normal thyroid",
      probabilities: { "2": 0.2, benign: 0.3, "normal thyroid": 0.5 },
    });
  });

  test("of benign and malignant in the other order, or with benign as the positive class, has this form", () => {
    for (const other of [classesOf(["malignant", "benign"]), classesOf(["benign", "malignant"], "benign")]) {
      const images = [image("a", { label: 1, probabilities: [0.25, 0.75] })];
      const text = writePredictions({ ...record, classes: other, images });
      expect(parsePredictions(text, "p.json")).toEqual({ ...record, classes: other, images });
      expect(text).toContain('"probabilities"');
    }
  });

  test.each([
    [
      "a label of no class",
      (j) => void (j.images[0]!["label"] = "cyst"),
      'the image a has the class "cyst", which is not one',
    ],
    [
      "a probability missing",
      (j) => void (j.images[0]!["probabilities"] = { benign: 1 }),
      "the image a does not have one prob",
    ],
    [
      "a probability too many",
      (j) => void (j.images[0]!["probabilities"] = { "2": 0.2, benign: 0.3, "normal thyroid": 0.5, x: 0 }),
      "the image a does not have one probability for each class",
    ],
    [
      "probabilities that are none",
      (j) => void (j.images[0]!["probabilities"] = { "2": 0.9, benign: 0.3, "normal thyroid": 0.5 }),
      "the image a has probabilities that do not add up to 1",
    ],
    ["one class", (j) => void (j.classes = ["2"]), "1 class is not possible"],
    ["another positive class", (j) => void (j.positive = "x"), 'the positive class "x" is none of 2, benign, normal'],
    ["an image twice", (j) => void (j.images[1] = j.images[0]!), "has the image a more than once"],
  ] satisfies [string, (j: ReturnType<typeof json>) => void, string][])("with %s is refused", (_, change, reason) => {
    const changed = json();
    change(changed);
    expect(() => parsePredictions(JSON.stringify(changed), "p.json")).toThrow(`p.json: ${reason}`);
  });

  test("has the positive class against the rest as its binary cases", () => {
    const { score, label, sides } = casesOf(classified(named.images), classes);
    expect([score, label, sides]).toEqual([
      [0.3],
      [0],
      { positive: "benign", negative: "of a class other than benign" },
    ]);
  });
});

test("what counts for classification has a class and a probability", () => {
  const known = classified(record.images);
  expect(known.map((p) => p.image)).toEqual(['<img src="x">.png', "d"]);
  expect(casesOf(known)).toEqual({ score: [0.25, 1], label: [1, 0] });
});

test("images without a patient are groups of their own, whatever patients are called", () => {
  const given = [image("a"), image("b"), image("c", { patient: null }), image("7", { patient: null })];
  const groups = groupsOf(given);
  expect(new Set(groups).size).toBe(3);
  expect(groups[0]).toBe(groups[1]);
  expect([patientCount(given), patientCount(given.slice(0, 2))]).toEqual([null, 1]);
});
