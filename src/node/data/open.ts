/** Opens a folder of annotated images, whichever known layout it has. */
import { readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { labelFromNames } from "../../data/label-from.ts";
import { type Dataset, DataError } from "../../data/sample.ts";
import { describeFound, MANIFEST_HINT } from "./found.ts";
import { busBra } from "./layouts/bus-bra.ts";
import { busi } from "./layouts/busi.ts";
import { classFolders } from "./layouts/class-folders.ts";
import { coco } from "./layouts/coco.ts";
import { cvat } from "./layouts/cvat.ts";
import { ddti } from "./layouts/ddti.ts";
import { labelme } from "./layouts/labelme.ts";
import type { Layout, Listing, Look, Peek, ReadOptions } from "./layouts/layout.ts";
import { manifest, readManifest } from "./layouts/manifest.ts";
import { masks, tnScui } from "./layouts/mask-folders.ts";
import { FRAME } from "./layouts/paths.ts";
import { beginningOf } from "./layouts/text-file.ts";
import { tn3k } from "./layouts/tn3k.ts";
import { tn5000 } from "./layouts/tn5000.ts";
import { voc } from "./layouts/voc.ts";
import { yolo } from "./layouts/yolo.ts";

/** Layouts of which a folder has all the marks or none. A manifest says outright what the folder holds. */
const certain: readonly Layout[] = [manifest, ddti, tn5000, tn3k, busBra, busi];
/** Layouts that many sets have; a folder may fit several, for it was exported in more than one. */
const general: readonly Layout[] = [tnScui, coco, cvat, labelme, voc, yolo, masks, classFolders];

/** Every known layout; the first that recognises a folder reads it. */
export const layouts: readonly Layout[] = [...certain, ...general];

export interface OpenOptions extends ReadOptions {
  /** Read as this layout without looking for another. */
  format?: string;
}

/**
 * Reads a data set's annotations and lists its images; pixels are decoded later, by `prepareDataset`.
 *
 * @param dir a folder, or the file of a manifest
 * @throws DataError for a folder that is missing, empty, of no known layout, or without a single usable image
 */
export async function openDataset(dir: string, options: OpenOptions = {}): Promise<Dataset> {
  const { dataset, format } = await read(dir, options);
  leaveOutTwice(dataset);
  if (options.labelFrom === "name") labelFromNames(dataset);
  if (dataset.samples.length === 0) {
    const first = dataset.skipped[0];
    const why = first ? `, ${dataset.skipped.length} left out, the first: ${first.file}: ${first.reason}` : "";
    throw new DataError(`${dir}: there is no usable ${format} sample${why}`);
  }
  return dataset;
}

async function read(dir: string, options: OpenOptions): Promise<{ dataset: Dataset; format: string }> {
  const forced = options.format === undefined ? undefined : byFormat(options.format);
  if ((forced ?? manifest) === manifest && /\.(?:csv|jsonl)$/i.test(dir) && (await isFile(dir))) {
    const folder = path.dirname(dir);
    const dataset = await readManifest(folder, path.basename(dir), options, lookIn(folder));
    return { dataset, format: "manifest" };
  }
  const listing = await listFolder(dir);
  if (listing.files.length + listing.folders.length === 0) throw new DataError(`${dir}: the folder is empty`);
  const look = lookIn(dir);
  const { layout, others } = forced ? { layout: forced, others: [] } : await recognise(dir, listing);
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

/** Tells of images that lie elsewhere, behind symbolic links, so that nobody trains on a file without knowing where it is. */
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

/** Two samples of one name, or of one file, may contradict each other: neither is kept. */
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
 * The names in a folder, in code point order. Symbolic links are what they lead to, but for one to a folder in which it lies,
 * which would have no end.
 *
 * @throws DataError for a folder that is missing or cannot be read
 */
export async function listFolder(dir: string): Promise<Listing> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    const reasons: Record<string, string> = {
      ENOENT: "there is no such folder",
      ENOTDIR: "this is a file, not a folder",
      EACCES: "the folder may not be read",
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

function byFormat(format: string): Layout {
  const layout = layouts.find((l) => l.format === format);
  if (layout) return layout;
  throw new DataError(`unknown format "${format}"; known are ${layouts.map((l) => l.format).join(", ")}`);
}

interface Recognised {
  layout: Layout;
  /** Other general layouts that the folder fits. */
  others: Layout[];
}

async function recognise(dir: string, listing: Listing): Promise<Recognised> {
  const found = await whoKnows(dir, listing);
  if (found) return found;
  const below = await lookBelow(dir, listing);
  if (below.length > 0) {
    const places = below.slice(0, 3).map(({ inner, format }) => `${inner} looks like ${format}`);
    throw new DataError(`${dir}: no known layout here, but ${places.join(", ")}`);
  }
  const known = layouts.map((l) => `${l.format} (${l.shape})`).join(", ");
  const what = await describeFound(listing, lookIn(dir), peekIn(dir));
  throw new DataError(`${dir}: no known layout; known are ${known}; found: ${what}; ${MANIFEST_HINT}`);
}

/** A set may lie deeper: in a folder of the archive's name, or twice in it. */
const [DEEPEST, MOST_FOLDERS] = [3, 200] as const;

/** The sets in the folders below, the nearest first; not within another. */
async function lookBelow(dir: string, listing: Listing): Promise<{ inner: string; format: string }[]> {
  let level = listing.folders.map((folder) => path.join(dir, folder));
  for (let depth = 1; depth <= DEEPEST; depth++) {
    const found: { inner: string; format: string }[] = [];
    const next: string[] = [];
    for (const inner of level.slice(0, MOST_FOLDERS)) {
      const names = await listFolder(inner).catch(() => ({ files: [], folders: [] }));
      const known = await whoKnows(inner, names);
      if (known) found.push({ inner, format: known.layout.format });
      next.push(...names.folders.map((folder) => path.join(inner, folder)));
    }
    if (found.length > 0) return found;
    level = next;
  }
  return [];
}

async function whoKnows(dir: string, listing: Listing): Promise<Recognised | undefined> {
  const [look, peek] = [lookIn(dir), peekIn(dir)];
  for (const layout of certain) if (await layout.recognises(listing, look, peek)) return { layout, others: [] };
  const fits: Layout[] = [];
  for (const layout of general) {
    if (fits[0]?.implies?.includes(layout.format)) continue;
    if (await layout.recognises(listing, look, peek)) fits.push(layout);
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
