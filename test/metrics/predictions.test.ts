/** predictions.json: what is written is read again, and nothing else is believed. */
import { describe, expect, test } from "vitest";
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
  return { image: name, patient: "7", label: 1, malignant: 0.25, dice: 0.5, iou: 1 / 3, ...more };
};
const record: Predictions = {
  checkpoint: "best.safetensors",
  data: "sæt",
  on: "val",
  threshold: 0.5,
  images: [
    image('<img src="x">.png'),
    image("b", { label: null }),
    image("c", { malignant: null, dice: null, iou: null, patient: null }),
    image("d", { label: 0, malignant: 1 }),
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
  const no = "is no record of train's or evaluate's predictions: ";
  test.each([
    ["that is not JSON", "{", "is not JSON: "],
    ["that is null", "null", no],
    ["of predict", JSON.stringify({ checkpoint: "c", predictions: [] }), `${no}format: `],
    ["without images", changed((j) => void (j.images = [])), `${no}images: `],
    ["with a threshold of 2", changed((j) => void (j["threshold"] = 2)), `${no}threshold: `],
    ["of another side", changed((j) => void (j["on"] = "train")), `${no}on: `],
    ["with a probability of 1.5", changed((j) => void (j.images[1]!["malignant"] = 1.5)), `${no}images.1.malignant: `],
    ["with a class of 2", changed((j) => void (j.images[0]!["label"] = 2)), `${no}images.0.label: `],
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
