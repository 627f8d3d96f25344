/** Classes from the names of files, where a user says that they are in them. */
import type { ClassWords } from "./readers/class-words.ts";
import type { Dataset } from "./sample.ts";

/**
 * Gives the samples without a class the one that their file's name has as a word. A sample whose class is
 * known by another way and contradicted by its name has none afterwards. Both are noted.
 */
export function labelFromNames(dataset: Dataset, words: ClassWords): void {
  const { samples, notes } = dataset;
  let [taken, bare] = [0, 0];
  for (const sample of samples) {
    // A frame of a file is named file.dcm#12.
    const name = sample.file
      .split(/[\\/]/)
      .at(-1)!
      .replace(/(?:\.[a-z]{3,5})?(?:#\d+)?$/i, "");
    const label = words.inText(name);
    if (sample.label === undefined) {
      if (label === undefined) bare++;
      else taken++;
      sample.label = label;
    } else if (label !== undefined && label !== sample.label) {
      notes.push(`${sample.id}: its name is of another class than the set says: it counts as unlabelled`);
      sample.label = undefined;
    }
  }
  notes.push(`--label-from name: the class of ${taken} images is a word of their names; ${bare} names have none`);
}
