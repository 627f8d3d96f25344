/** The classes of a data set: ordered names, one of them the positive class of the binary metrics. */
import { type Classes, DataError } from "./sample.ts";

export type { Classes } from "./sample.ts";

/** Default classes, unless the data set or the user names others. */
export const benignMalignant: Classes = { names: ["benign", "malignant"], positive: 1 };

export const MIN_CLASSES = 2;
export const MAX_CLASSES = 100;
/** Longest name, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 60;

/** The label under which images without a class are counted. No class may have this name. */
export const UNLABELLED = "unlabelled";

/** What selects the predicted class where a class can be named. No class may have this name. */
export const PREDICTED = "predicted";

/** The form in which names are compared: lower case, one Unicode form, single spaces. */
export const classKey = (name: string): string => name.normalize("NFC").trim().replace(/\s+/g, " ").toLowerCase();

/**
 * Checks class names; surrounding spaces are ignored.
 *
 * @returns the names, trimmed and in Unicode's composed form
 * @throws DataError for fewer than 2 or more than 100, for two that differ only in case or spaces, and for a name that is
 *   empty, too long, contains a comma or an unprintable character, or begins with neither a letter nor a digit
 */
export function checkClassNames(names: readonly string[]): string[] {
  const checked = names.map((name) => name.normalize("NFC").trim());
  if (checked.length < MIN_CLASSES || checked.length > MAX_CLASSES) {
    throw new DataError(
      `${checked.length} class${checked.length === 1 ? " is" : "es are"} not possible: ` +
        `${MIN_CLASSES} to ${MAX_CLASSES} names are needed`,
    );
  }
  const seen = new Map<string, string>();
  for (const name of checked) {
    const fault = faultOf(name);
    if (fault !== undefined) throw new DataError(`the class "${shown(name)}" ${fault}`);
    const before = seen.get(classKey(name));
    if (before !== undefined) {
      throw new DataError(
        before === name
          ? `the class "${name}" is named twice`
          : `the classes "${before}" and "${name}" differ in nothing but case and blanks`,
      );
    }
    seen.set(classKey(name), name);
  }
  return checked;
}

function faultOf(name: string): string | undefined {
  if (name === "") return "has no name";
  if (name.length > MAX_NAME_LENGTH) return `has a name of more than ${MAX_NAME_LENGTH} characters`;
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(name)) return "has a character in its name that does not print";
  if (name.includes(",")) return "has a comma in its name";
  if (!/^[\p{L}\p{N}]/u.test(name)) return "has a name that begins with neither a letter nor a digit";
  if (classKey(name) === UNLABELLED) return "has the name of images without a class";
  if (classKey(name) === PREDICTED) return "cannot be told from the predicted class, which --class predicted selects";
  return undefined;
}

/** A name for messages, with unprintable characters replaced. */
const shown = (name: string): string => name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?").slice(0, MAX_NAME_LENGTH);

/**
 * Classes from their names.
 *
 * @param positive name of the positive class, case-insensitive; default "malignant" if present, else the last
 * @throws DataError for names that `checkClassNames` refuses, and a positive class that is not among them
 */
export function classesOf(names: readonly string[], positive?: string): Classes {
  const checked = checkClassNames(names);
  const find = (name: string) => checked.findIndex((other) => classKey(other) === classKey(name));
  if (positive === undefined) {
    const malignant = find("malignant");
    return { names: checked, positive: malignant === -1 ? checked.length - 1 : malignant };
  }
  const found = find(positive);
  if (found !== -1) return { names: checked, positive: found };
  throw new DataError(`the positive class "${shown(positive)}" is none of ${checked.join(", ")}`);
}

/** Whether these are benign and malignant, in this order, with malignant positive: what old files assume. */
export const isBenignMalignant = ({ names, positive }: Classes): boolean =>
  names.length === 2 && names.every((name, i) => name === benignMalignant.names[i]) && positive === 1;

/** Whether a model with one of these can be evaluated on images with the other. */
export const sameNames = (a: Classes, b: Classes): boolean =>
  a.names.length === b.names.length && a.names.every((name, i) => name === b.names[i]);

/** The displayed name of a class; "unlabelled" for none. */
export const className = (label: number | undefined, { names }: Classes = benignMalignant): string =>
  label === undefined ? UNLABELLED : names[label]!;

/** What the positive class is contrasted with, for sentences: the other of two classes, else "the rest". */
export const negativeName = ({ names, positive }: Classes): string =>
  names.length === 2 ? names[1 - positive]! : "the rest";

/** Whether a class means tissue without a nodule, "normal" or "normal thyroid": its empty masks are then complete. */
export function isNormalTissue(name: string): boolean {
  const words: readonly string[] = name.toLowerCase().match(/\p{L}+/gu) ?? [];
  return words.includes("normal") && !words.some((word) => ["not", "non", "no", "un"].includes(word));
}
