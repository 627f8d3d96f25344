/** Finds a set's own classes, if it uses neither benign and malignant nor 0 and 1. */
import { MAX_CLASSES } from "../classes.ts";
import { type BinaryWords, inOrder, keyOf } from "./class-words.ts";
import { wordsOf } from "./words.ts";

/** Anatomy that is annotated beside nodules: in a set with such boxes, object names are not classes. */
const ANATOMY = new Set([
  ...["thyroid", "gland", "trachea", "carotid", "artery", "vein", "jugular", "vessel", "muscle", "cartilage"],
  ...["isthmus", "lobe", "oesophagus", "esophagus", "node", "background", "other", "others", "unknown", "undefined"],
]);

/**
 * The classes of a set that calls nothing benign or malignant, from the names it uses instead; undefined if these are not
 * classes, or may be misspelt: nothing is guessed.
 *
 * @param images number of images in the set, besides those in folders of unknown names
 */
export function ownNames({ heard, heardOwn, inFolders }: BinaryWords, images: number): string[] | undefined {
  // Of several spellings of a name, the first in the set.
  const byKey = new Map([...heard].reverse().map((name) => [keyOf(name), name]));
  const names = inOrder(byKey.values());
  if (heardOwn || names.length < 2 || names.length > MAX_CLASSES || 2 * names.length > images + inFolders)
    return undefined;
  if (names.some((name) => /^\d+$/.test(keyOf(name)) || mayBeMisspelt(name))) return undefined;
  if (names.some((name) => wordsOf(name).some((word) => ANATOMY.has(word)))) return undefined;
  // Names that differ only in their numbers are cases: patient1, patient2.
  if (new Set(names.map((name) => name.replace(/\d+/g, "#"))).size < names.length) return undefined;
  return names;
}

/** Whether a word looks like benign or malignant: "malignat", "benigno", "malign". */
export const mayBeMisspelt = (name: string): boolean =>
  wordsOf(name).some((word) => {
    return /^(?:pre)?(?:mali|beni|belign)/.test(word) || ["benign", "malignant"].some((is) => distance(word, is) <= 2);
  });

/** Insertions, deletions and replacements of letters from one word to another (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
