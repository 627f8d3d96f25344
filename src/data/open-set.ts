/** Opens a set of annotated images in any known layout, wherever its files lie. */
import { labelFromNames } from "./label-from.ts";
import { byFormat, lookIn, recognise } from "./layouts/find-layout.ts";
import type { ReadContext, ReadOptions } from "./layouts/layout.ts";
import { manifest, readManifest } from "./layouts/manifest.ts";
import type { SetFiles } from "./layouts/set-files.ts";
import { BinaryWords, NamedWords } from "./readers/class-words.ts";
import { ownNames } from "./readers/own-classes.ts";
import { type Dataset, DataError } from "./sample.ts";
import { classesFound, type ClassRequest, noKnownClass, settleClasses, wordsFor } from "./settle-classes.ts";

export interface OpenOptions extends ReadOptions, ClassRequest {
  /** Read as this layout, without detection. */
  format?: string;
  /**
   * What to do with a class of `classes` without images: "refuse" (default), or "allow", for evaluating a model trained with
   * these classes.
   */
  missingClasses?: "refuse" | "allow";
}

/**
 * Reads a data set's annotations and lists its images; pixels are decoded later.
 *
 * The classes are those requested; else benign and malignant; else, for a set that uses neither word, its own, in alphabetical
 * order, with a note.
 *
 * @throws DataError for a folder that is missing, empty, of no known layout, or without a usable image; for invalid classes, or
 *   ones without images; for TI-RADS grades from a set without any
 */
export async function openSet(set: SetFiles, options: OpenOptions = {}): Promise<Dataset> {
  let words = wordsFor(options);
  let { dataset, format } = await read(set, { ...options, words });
  let own = false;
  if (words instanceof BinaryWords && options.classes === undefined && options.labelFrom === undefined) {
    const names = ownNames(words, dataset.samples.length + dataset.skipped.length);
    const other = names && new NamedWords(names);
    const again = other && (await read(set, { ...options, words: other }));
    if (again && labelsOf(again.dataset).size >= 2) [{ dataset, format }, words, own] = [again, other, true];
  }
  const { called } = set;
  dataset.dir = called;
  leaveOutTwice(dataset);
  if (options.labelFrom === "name") labelFromNames(dataset, words);
  if (dataset.samples.length === 0) {
    const first = dataset.skipped[0];
    if (options.missingClasses === "allow" && words instanceof BinaryWords && words.heard.size > 0) {
      throw new DataError(`${called}: ${noKnownClass(words.names)}; ${classesFound(words, [])}`);
    }
    const why = first ? `, ${dataset.skipped.length} left out, the first: ${first.file}: ${first.reason}` : "";
    throw new DataError(`${called}: there is no usable ${format} sample${why}`);
  }
  settleClasses(called, dataset, { ...options, words, own });
  return dataset;
}

const labelsOf = ({ samples }: Dataset) =>
  new Set(samples.flatMap(({ label }) => (label === undefined ? [] : [label])));

async function read(set: SetFiles, options: OpenOptions & ReadContext): Promise<{ dataset: Dataset; format: string }> {
  const { called } = set;
  const forced = options.format === undefined ? undefined : await byFormat(options.format);
  const look = lookIn(set);
  if (set.manifest !== undefined) {
    return { dataset: await readManifest(set, set.manifest, options, look), format: "manifest" };
  }
  const listing = await set.list("");
  if (listing.files.length + listing.folders.length === 0) throw new DataError(`${called}: the folder is empty`);
  const { layout, others } = forced ? { layout: forced, others: [] } : await recognise(set, listing, options.words);
  const { target = "class" } = options;
  if (target !== "class" && layout.targets?.includes(target) !== true) {
    const what = target === "tirads" ? "TI-RADS grades" : "kinds of nodules, as the phantom has";
    throw new DataError(`${called}: the ${layout.format} layout has no ${what}: --target ${target} does not apply`);
  }
  const dataset = await layout.read(set, listing, options, look);
  if (layout !== manifest) await noteElsewhere(dataset, set);
  if (others.length > 0) {
    const names = others.map(({ format }) => format);
    dataset.notes.unshift(
      `read as ${layout.format}; it may be ${names.join(" or ")} as well, which --format ${names[0]!} reads`,
    );
  }
  return { dataset, format: layout.format };
}

/** Notes images that lie elsewhere, behind symbolic links, so that nobody trains on a file without knowing where it is. */
async function noteElsewhere(dataset: Dataset, set: SetFiles): Promise<void> {
  const away = await set.elsewhere(dataset.samples.map(({ file }) => file));
  if (away.length > 0) {
    dataset.notes.unshift(
      `files are read wherever they lie: ${away.length} behind symbolic links, the first ${away[0]!}`,
    );
  }
}

/** Drops samples with the same name or file: they may contradict each other. */
function leaveOutTwice(dataset: Dataset): void {
  for (const key of ["id", "file"] as const) {
    const count = new Map<string, number>();
    for (const sample of dataset.samples) count.set(sample[key], (count.get(sample[key]) ?? 0) + 1);
    const twice = dataset.samples.filter((sample) => count.get(sample[key])! > 1);
    if (twice.length === 0) continue;
    dataset.samples = dataset.samples.filter((sample) => count.get(sample[key]) === 1);
    dataset.skipped.push(...twice.map(({ file }) => ({ file, reason: "is named more than once" })));
  }
}
