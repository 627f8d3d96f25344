/** Interprets names of folders, files and labelling tools' classes. Only whole words count; nothing is guessed. */
import type { Label } from "../sample.ts";

const CLASS_WORDS = new Map<string, 0 | 1>([
  ["benign", 0],
  ["malignant", 1],
]);

/** Words that negate the next one, or make it meaningless. */
const NEGATIONS = new Set(["non", "not", "no", "without", "never", "un"]);

/** Words for the boxed object that give no class. */
const NODULE_WORDS = new Set([
  ...["nodule", "nodules", "lesion", "lesions", "tumor", "tumors", "tumour", "tumours", "mass", "masses"],
  ...["object", "target", "roi"],
]);

const SCORE = /^(?:ti-?rads|tr|eu-?ti-?rads|acr-?ti-?rads)[ _-]?\d[abc]?$/i;

/** The words of a text, as runs of letters in lower case: "Benign_Case-12 (2)" -> benign, case. */
export const wordsOf = (text: string): string[] => text.toLowerCase().match(/\p{L}+/gu) ?? [];

/** Whether a text has benign or malignant as a whole word, negated or not. */
export const hasClassWord = (text: string): boolean => wordsOf(text).some((word) => CLASS_WORDS.has(word));

/** Whether the word at a position is negated by the one before it. */
export const isDenied = (words: readonly string[], at: number): boolean => NEGATIONS.has(words[at - 1] ?? "");

/**
 * The class that a text names: benign or malignant as a whole word. Undefined for both, neither, or a negation such as
 * "non-malignant".
 */
export function classInWords(text: string): 0 | 1 | undefined {
  const words = wordsOf(text);
  const found = new Set<0 | 1>();
  for (const [i, word] of words.entries()) {
    const label = CLASS_WORDS.get(word);
    if (label === undefined) continue;
    if (isDenied(words, i)) return undefined;
    found.add(label);
  }
  return found.size === 1 ? [...found][0] : undefined;
}

/**
 * What a labelling tool's class says about the object it marks: a nodule of a class, a nodule of unknown class, or
 * (undefined) something not known to be a nodule.
 *
 * @param numbers whether the names 0 and 1 mean benign and malignant: not if they may be mere positions in a list
 */
export function noduleOf(name: string, { numbers }: { numbers: boolean }): { label: Label } | undefined {
  const text = name.trim();
  if (/^\d+(?:\.0*)?$/.test(text)) {
    if (!numbers) return { label: undefined };
    // 1.0 is 1: number columns with gaps are saved that way.
    const [, digit] = /^([01])(?:\.0*)?$/.exec(text) ?? [];
    return digit === undefined ? undefined : { label: digit === "1" ? 1 : 0 };
  }
  const words = wordsOf(text);
  if (hasClassWord(text)) return { label: classInWords(text) };
  if (words.some((word) => NODULE_WORDS.has(word)) && !words.some((word) => NEGATIONS.has(word))) {
    return { label: undefined };
  }
  return SCORE.test(text) ? { label: undefined } : undefined;
}
