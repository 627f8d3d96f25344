/** Settles a data set's classes from what the user requests and what the set has. */
import { checkClassNames, type Classes, classesOf, isBenignMalignant } from "./classes.ts";
import { BinaryWords, type ClassWords, inOrder, NamedWords, type Target } from "./readers/class-words.ts";
import { gradeOf, TiradsWords } from "./readers/tirads-words.ts";
import { DataError, type Dataset } from "./sample.ts";

/** The classes a user requests; a training's settings use the same names. */
export interface ClassRequest {
  /** What a label is; default the set's class. */
  target?: Target | undefined;
  /** Names in label order; default the set's own. */
  classes?: readonly string[] | undefined;
  /** The positive class; default malignant if present, else the last. */
  positive?: string | undefined;
}

/** How to read a set for a request. @throws DataError for invalid class names */
export function wordsFor({ target = "class", classes }: ClassRequest): ClassWords {
  const names = classes && checkClassNames(classes);
  if (target === "tirads") {
    const grades = (names ?? []).map((name) => {
      const grade = gradeOf(name);
      if (grade !== undefined) return grade;
      throw new DataError(
        `the class "${name}" is not a TI-RADS grade: with --target tirads these are 1 to 6, 4a, 4b and 4c`,
      );
    });
    return new TiradsWords(grades);
  }
  return names === undefined || isBenignMalignant(classesOf(names)) ? new BinaryWords() : new NamedWords(names);
}

/**
 * The requested classes, or else the data's own.
 * @throws DataError for invalid class names, and a positive class that is not among them
 */
export const resolveClasses = ({ classes, positive }: ClassRequest, own: Classes): Classes =>
  classes === undefined && positive === undefined ? own : classesOf(classes ?? own.names, positive);

export interface SettleOptions extends ClassRequest {
  /** How the set was read. */
  words: ClassWords;
  /** Whether the names are the set's own, not requested. */
  own: boolean;
  /** Default "refuse". */
  missingClasses?: "refuse" | "allow" | undefined;
}

/**
 * Assigns classes to a set that was read: leaves out images of other classes, with a reason each, and notes any classes that
 * were inferred rather than requested.
 *
 * @param dir what messages call the set
 * @throws DataError for a class without images, listing the set's names
 */
export function settleClasses(dir: string, dataset: Dataset, options: SettleOptions): void {
  const { words, own, classes: asked, positive, target = "class", missingClasses = "refuse" } = options;
  const counts = words.names.map((_, label) => dataset.samples.filter((sample) => sample.label === label).length);
  const open = asked === undefined && (own || target === "tirads");
  // Without a request, keep the names that have an image.
  const names = open ? inOrder(words.names.filter((_, label) => counts[label]! > 0)) : keptNames(words);
  if (open && names.length < 2) {
    const what = names.length === 0 ? "no image has one" : `all images have the grade ${names[0]!}`;
    throw new DataError(`${dir}: there are no TI-RADS grades to tell apart: ${what}`);
  }
  if (asked !== undefined && missingClasses === "refuse") requireEach(dir, words, names, counts);
  const place = words.names.map((name) => names.indexOf(name));
  dataset.samples = dataset.samples.filter((sample) => {
    if (sample.label === undefined) return true;
    const label = place[sample.label]!;
    if (label === -1) {
      const name = words.names[sample.label]!.slice(0, 60);
      const unknown = missingClasses === "allow" ? "which the model does not know" : "which --classes does not name";
      dataset.skipped.push({ file: sample.file, reason: `is of the class "${name}", ${unknown}` });
      return false;
    }
    sample.label = label;
    return true;
  });
  if (dataset.samples.length === 0 && missingClasses === "allow") {
    throw new DataError(`${dir}: ${noKnownClass(names)}; ${classesFound(words, counts)}`);
  }
  dataset.classes = settled(dir, names, positive);
  if (open) {
    const what = target === "tirads" ? "TI-RADS grades" : "the set's own, in alphabetical order";
    dataset.notes.unshift(`classes: ${names.join(", ")} (${what})${onPositive(dataset.classes, positive)}`);
  } else if (names.length > 2 && onPositive(dataset.classes, positive) !== "") {
    dataset.notes.unshift(`classes: ${names.join(", ")}${onPositive(dataset.classes, positive)}`);
  }
}

/** @throws DataError, naming the set */
function settled(dir: string, names: readonly string[], positive: string | undefined): Classes {
  try {
    return classesOf(names, positive);
  } catch (error) {
    throw error instanceof DataError ? new DataError(`${dir}: ${error.message}`) : error;
  }
}

/** Why a model with these classes can use none of a set's images. */
export const noKnownClass = (names: readonly string[]): string =>
  `no image is of a class that the model knows (${names.join(", ")})`;

const keptNames = (words: ClassWords): string[] => words.names.filter((_, label) => !words.isOther(label));

const onPositive = ({ names, positive }: Classes, asked: string | undefined): string =>
  asked !== undefined || names[positive] === "malignant"
    ? ""
    : `; the positive class is ${names[positive]!}: --positive chooses another`;

function requireEach(dir: string, words: ClassWords, names: readonly string[], counts: readonly number[]): void {
  const missing = names.filter((name) => counts[words.names.indexOf(name)]! === 0);
  if (missing.length === 0) return;
  throw new DataError(`${dir}: no image is ${missing.join(" or ")}: ${classesFound(words, counts)}`);
}

/** "it has cyst (3), solid (4)": the classes in a set. @param counts images by label */
export function classesFound(words: ClassWords, counts: readonly number[]): string {
  const there = inOrder(words.names.filter((_, label) => counts[label]! > 0)).map(
    (name) => `${name.slice(0, 60)} (${counts[words.names.indexOf(name)]!})`,
  );
  const heard = words instanceof BinaryWords ? [...words.heard].slice(0, 20).map((name) => name.slice(0, 60)) : [];
  const all = [...there.slice(0, 20), ...heard];
  return all.length === 0 ? "no image of it has a class" : `it has ${all.join(", ")}`;
}
