/** In what runs differ, and how times are written. */
import { expect, test } from "vitest";
import { differences } from "../../app/train/differences.ts";
import { labelOf } from "../../app/train/labels.ts";
import { duration } from "../../app/train/words.ts";
import { PHANTOM, presetFor } from "../../src/train/config.ts";

test("only settings that differ are named, those of phases and of other networks among them", () => {
  const one = presetFor("quick", PHANTOM);
  expect(differences([one, { ...one }])).toEqual([]);
  const two = { ...one, size: [64, 96] as [number, number], flip: false, epochs: { ...one.epochs, joint: 7 } };
  expect(differences([one, two])).toEqual(
    [
      { name: "epochs.joint", values: [String(one.epochs["joint"]), "7"] },
      { name: "size", values: ["96×96", "64×96"] },
      { name: "flip", values: ["yes", "no"] },
    ].sort((a, b) => order(one, a.name) - order(one, b.name)),
  );
  const other = differences([one, presetFor("quick", PHANTOM, "resnet34")]);
  expect(other.find(({ name }) => name === "model")!.values).toEqual(["mganet", "resnet34"]);
  expect(other.find(({ name }) => name === "epochs.segmentation")!.values[1]).toBe("");
});

const order = (config: object, name: string) => Object.keys(config).indexOf(name.split(".")[0]!);

test("settings have names that people read", () => {
  expect([labelOf("lr"), labelOf("epochs.joint"), labelOf("phantomImages")]).toEqual([
    "Learning rate",
    "Epochs, joint",
    "Phantom images",
  ]);
});

test.each([
  [0.0123, "0.012 s"],
  [0.25, "0.25 s"],
  [4.2, "4.2 s"],
  [9.97, "10 s"],
  [59.2, "59 s"],
  [61, "1:01"],
  [3725, "1:02:05"],
])("%d seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));
