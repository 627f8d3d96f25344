/** Takes classes from file names, if the user says that they contain them. */
import type { ClassWords } from "./readers/class-words.ts";
import type { Dataset } from "./sample.ts";

/**
 * Gives each sample without a class the one that its file name contains as a word. A sample whose known class contradicts its
 * name loses it. Notes report both.
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
      notes.push(`${sample.id}: its name says another class than the set: it counts as unlabelled`);
      sample.label = undefined;
    }
  }
  notes.push(`--label-from name: ${taken} images take their class from a word in their name; ${bare} names have none`);
}
