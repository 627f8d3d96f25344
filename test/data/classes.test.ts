import { expect, test } from "vitest";
import {
  benignMalignant,
  checkClassNames,
  className,
  classesOf,
  isBenignMalignant,
  isNormalTissue,
  MAX_CLASSES,
  negativeName,
  sameNames,
} from "../../src/data/classes.ts";

test("the positive class is the one that is asked for, else malignant, else the last", () => {
  expect(classesOf(["benign", "malignant"])).toEqual(benignMalignant);
  expect(classesOf(["Malignant", "benign", "normal"]).positive).toBe(0);
  expect(classesOf(["2", "3", "4a", "5"]).positive).toBe(3);
  expect(classesOf(["benign", "malignant", "normal"], " NORMAL").positive).toBe(2);
  expect(() => classesOf(["a", "b"], "c")).toThrow('the positive class "c" is none of a, b');
});

test("names are trimmed, keep their case, and are in composed form", () => {
  expect(checkClassNames([" Zyste ", "bo\u0308sartig", "4a"])).toEqual(["Zyste", "b\u00f6sartig", "4a"]);
});

test.each([
  [[], "0 classes are not possible: 2 to 100 names are needed"],
  [["a"], "1 class is not possible: 2 to 100 names are needed"],
  [
    Array.from({ length: MAX_CLASSES + 1 }, (_, i) => `${i}`),
    "101 classes are not possible: 2 to 100 names are needed",
  ],
  [["a", "a"], 'the class "a" is named twice'],
  [["cyst", "Cyst"], 'the classes "cyst" and "Cyst" differ in nothing but case and blanks'],
  [["a b", "a  b"], 'the classes "a b" and "a  b" differ in nothing but case and blanks'],
  [["a", " "], 'the class "" has no name'],
  [["a", "b,c"], 'the class "b,c" has a comma in its name'],
  [["a", "b\nc"], 'the class "b?c" has a character in its name that does not print'],
  [["a", "b\u200bc"], 'the class "b?c" has a character in its name that does not print'],
  [["a", "__proto__"], 'the class "__proto__" has a name that begins with neither a letter nor a digit'],
  [["a", "Unlabelled"], 'the class "Unlabelled" has the name of images without a class'],
  [
    ["a", "Predicted"],
    'the class "Predicted" cannot be told from the predicted class, which --class predicted selects',
  ],
  [["a", "x".repeat(61)], `the class "${"x".repeat(60)}" has a name of more than 60 characters`],
] as const)("of %j: %s", (names, message) => expect(() => checkClassNames(names)).toThrow(message));

test("what classes are called in sentences", () => {
  const three = classesOf(["benign", "malignant", "normal"]);
  expect([0, 2, undefined].map((label) => className(label, three))).toEqual(["benign", "normal", "unlabelled"]);
  expect([className(1), negativeName(benignMalignant), negativeName(three)]).toEqual([
    "malignant",
    "benign",
    "the rest",
  ]);
  expect(["normal", "Normal thyroid", "abnormal", "not_normal", "benign"].map(isNormalTissue)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("which classes are those of old files, and which fit each other", () => {
  expect(isBenignMalignant(classesOf(["benign", "malignant"]))).toBe(true);
  expect(isBenignMalignant(classesOf(["benign", "malignant"], "benign"))).toBe(false);
  expect(isBenignMalignant(classesOf(["malignant", "benign"]))).toBe(false);
  expect(sameNames(benignMalignant, classesOf(["benign", "malignant"], "benign"))).toBe(true);
  expect(sameNames(benignMalignant, classesOf(["benign", "malignant", "normal"]))).toBe(false);
});
