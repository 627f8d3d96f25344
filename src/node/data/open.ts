/** Opens a folder of annotated images in any known layout. */
import { readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { labelFromNames } from "../../data/label-from.ts";
import { BinaryWords, type ClassWords, NamedWords } from "../../data/readers/class-words.ts";
import { ownNames } from "../../data/readers/own-classes.ts";
import { type Dataset, DataError } from "../../data/sample.ts";
import { classesFound, type ClassRequest, noKnownClass, settleClasses, wordsFor } from "../../data/settle-classes.ts";
import { describeFound, MANIFEST_HINT } from "./found.ts";
import { classFolders, hasFoldersOfClasses } from "./layouts/class-folders.ts";
import type { Layout, Listing, Look, Peek, ReadContext, ReadOptions } from "./layouts/layout.ts";
import { manifest, readManifest } from "./layouts/manifest.ts";
import { FRAME } from "./layouts/paths.ts";
import { certainLayouts, formats, generalLayouts, layouts } from "./layouts/registry.ts";
import { beginningOf } from "./layouts/text-file.ts";

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
 * Reads a data set's annotations and lists its images; pixels are decoded later, by `prepareDataset`.
 *
 * The classes are those requested; else benign and malignant; else, for a set that uses neither word, its own, in alphabetical
 * order, with a note.
 *
 * @param dir a folder, or a manifest file
 * @throws DataError for a folder that is missing, empty, of no known layout, or without a usable image; for invalid classes, or
 *   ones without images; for TI-RADS grades from a set without any
 */
export async function openDataset(dir: string, options: OpenOptions = {}): Promise<Dataset> {
  let words = wordsFor(options);
  let { dataset, format } = await read(dir, { ...options, words });
  let own = false;
  if (words instanceof BinaryWords && options.classes === undefined && options.labelFrom === undefined) {
    const names = ownNames(words, dataset.samples.length + dataset.skipped.length);
    const other = names && new NamedWords(names);
    const again = other && (await read(dir, { ...options, words: other }));
    if (again && labelsOf(again.dataset).size >= 2) [{ dataset, format }, words, own] = [again, other, true];
  }
  dataset.dir = dir;
  leaveOutTwice(dataset);
  if (options.labelFrom === "name") labelFromNames(dataset, words);
  if (dataset.samples.length === 0) {
    const first = dataset.skipped[0];
    if (options.missingClasses === "allow" && words instanceof BinaryWords && words.heard.size > 0) {
      throw new DataError(`${dir}: ${noKnownClass(words.names)}; ${classesFound(words, [])}`);
    }
    const why = first ? `, ${dataset.skipped.length} left out, the first: ${first.file}: ${first.reason}` : "";
    throw new DataError(`${dir}: there is no usable ${format} sample${why}`);
  }
  settleClasses(dir, dataset, { ...options, words, own });
  return dataset;
}

const labelsOf = ({ samples }: Dataset) =>
  new Set(samples.flatMap(({ label }) => (label === undefined ? [] : [label])));

type OpenContext = OpenOptions & ReadContext;

async function read(dir: string, options: OpenContext): Promise<{ dataset: Dataset; format: string }> {
  const forced = options.format === undefined ? undefined : await byFormat(options.format);
  if ((forced ?? manifest) === manifest && /\.(?:csv|jsonl)$/i.test(dir) && (await isFile(dir))) {
    const folder = path.dirname(dir);
    const dataset = await readManifest(folder, path.basename(dir), options, lookIn(folder));
    return { dataset, format: "manifest" };
  }
  const listing = await listFolder(dir);
  if (listing.files.length + listing.folders.length === 0) throw new DataError(`${dir}: the folder is empty`);
  const look = lookIn(dir);
  const { layout, others } = forced ? { layout: forced, others: [] } : await recognise(dir, listing, options.words);
  const { target = "class" } = options;
  if (target !== "class" && layout.targets?.includes(target) !== true) {
    const what = target === "tirads" ? "TI-RADS grades" : "kinds of nodules, as the phantom has";
    throw new DataError(`${dir}: the ${layout.format} layout has no ${what}: --target ${target} does not apply`);
  }
  const dataset = await layout.read(dir, listing, options, look);
  if (layout !== manifest) await noteOutside(dataset, dir);
  if (others.length > 0) {
    const names = others.map(({ format }) => format);
    dataset.notes.unshift(
      `read as ${layout.format}; it may be ${names.join(" or ")} as well, which --format ${names[0]!} reads`,
    );
  }
  return { dataset, format: layout.format };
}

/** Notes images that lie elsewhere, behind symbolic links, so that nobody trains on a file without knowing where it is. */
async function noteOutside(dataset: Dataset, dir: string): Promise<void> {
  const home = await realpath(dir);
  const away: string[] = [];
  for (const { file } of dataset.samples) {
    const real = await realpath(file.replace(FRAME, "")).catch(() => undefined);
    if (real !== undefined && !isWithin(real, home)) away.push(file);
  }
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

async function isFile(name: string): Promise<boolean> {
  return (await stat(name).catch(() => undefined))?.isFile() ?? false;
}

/** Lists folders below `dir`, each once. */
function lookIn(dir: string): Look {
  const seen = new Map<string, Promise<Listing>>();
  return (folder) => {
    const known = seen.get(folder) ?? listFolder(path.join(dir, folder)).catch(() => ({ files: [], folders: [] }));
    seen.set(folder, known);
    return known;
  };
}

/**
 * The names in a folder, in code point order. Symbolic links count as their targets, except a link to a folder that contains
 * it, which would recurse forever.
 *
 * @throws DataError for a folder that is missing or cannot be read
 */
export async function listFolder(dir: string): Promise<Listing> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((thrown: unknown) => {
    const error = thrown as NodeJS.ErrnoException;
    const reasons: Record<string, string> = {
      ENOENT: "there is no such folder",
      ENOTDIR: "this is a file, not a folder",
      EACCES: "no permission to read the folder",
    };
    throw new DataError(`${dir}: ${reasons[error.code ?? ""] ?? error.message}`);
  });
  const listing: Listing = { files: [], folders: [] };
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const file = path.join(dir, entry.name);
    if (!entry.isSymbolicLink()) (entry.isDirectory() ? listing.folders : listing.files).push(entry.name);
    else if (!(await isFolder(file))) listing.files.push(entry.name);
    else if (!isWithin(await realpath(dir), await realpath(file))) listing.folders.push(entry.name);
  }
  return { files: listing.files.sort(), folders: listing.folders.sort() };
}

const isFolder = async (file: string): Promise<boolean> =>
  (await stat(file).catch(() => undefined))?.isDirectory() ?? false;

const isWithin = (inner: string, outer: string): boolean => {
  const way = path.relative(outer, inner);
  return way !== ".." && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way);
};

function byFormat(format: string): Promise<Layout> {
  const entry = layouts.find((l) => l.format === format);
  if (entry) return entry.load();
  throw new DataError(`unknown format "${format}"; known are ${formats.join(", ")}`);
}

interface Recognised {
  layout: Layout;
  /** Other general layouts that the folder fits. */
  others: Layout[];
}

async function recognise(dir: string, listing: Listing, words: ClassWords): Promise<Recognised> {
  const found = await whoKnows(dir, listing, words);
  if (found) return found;
  const below = await lookBelow(dir, listing, words);
  if (below.length > 0) {
    const places = below.slice(0, 3).map(({ inner, format }) => `${inner} looks like ${format}`);
    throw new DataError(`${dir}: no known layout here, but ${places.join(", ")}`);
  }
  if (words instanceof BinaryWords && (await hasFoldersOfClasses(listing, lookIn(dir), words))) {
    return { layout: classFolders, others: [] };
  }
  const what = await describeFound(listing, lookIn(dir), peekIn(dir));
  throw new DataError(
    `${dir}: no known layout; found: ${what}; known are ${formats.join(", ")} (docs/data.md describes them); ${MANIFEST_HINT}`,
  );
}

/** How far below to look for a set: it may lie in a folder with the archive's name, or nested in that twice. */
const [DEEPEST, MOST_FOLDERS] = [3, 200] as const;

/** The sets in the folders below, nearest first; none within another. */
async function lookBelow(
  dir: string,
  listing: Listing,
  words: ClassWords,
): Promise<{ inner: string; format: string }[]> {
  let level = listing.folders.map((folder) => path.join(dir, folder));
  for (let depth = 1; depth <= DEEPEST; depth++) {
    const found: { inner: string; format: string }[] = [];
    const next: string[] = [];
    for (const inner of level.slice(0, MOST_FOLDERS)) {
      const names = await listFolder(inner).catch(() => ({ files: [], folders: [] }));
      const known = await whoKnows(inner, names, words);
      if (known) found.push({ inner, format: known.layout.format });
      next.push(...names.folders.map((folder) => path.join(inner, folder)));
    }
    if (found.length > 0) return found;
    level = next;
  }
  return [];
}

async function whoKnows(dir: string, listing: Listing, words: ClassWords): Promise<Recognised | undefined> {
  const [look, peek] = [lookIn(dir), peekIn(dir)];
  for (const entry of certainLayouts) {
    const layout = await entry.load();
    if (await layout.recognises(listing, look, peek, words)) return { layout, others: [] };
  }
  const fits: Layout[] = [];
  for (const entry of generalLayouts) {
    const layout = await entry.load();
    if (fits[0]?.implies?.includes(layout.format)) continue;
    if (await layout.recognises(listing, look, peek, words)) fits.push(layout);
  }
  const [layout, ...others] = fits;
  return layout && { layout, others };
}

/** Reads the beginnings of files below `dir`, each once. */
function peekIn(dir: string): Peek {
  const seen = new Map<string, Promise<string>>();
  return (file) => {
    const known = seen.get(file) ?? beginningOf(path.join(dir, file));
    seen.set(file, known);
    return known;
  };
}
