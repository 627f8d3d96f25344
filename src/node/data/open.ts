/** Opens a folder of annotated images, whichever known layout it has. */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { type Dataset, DataError } from "../../data/sample.ts";
import { busBra } from "./layouts/bus-bra.ts";
import { busi } from "./layouts/busi.ts";
import { ddti } from "./layouts/ddti.ts";
import type { Layout, Listing, Look, ReadOptions } from "./layouts/layout.ts";
import { manifest, readManifest } from "./layouts/manifest.ts";
import { tn3k } from "./layouts/tn3k.ts";
import { tn5000 } from "./layouts/tn5000.ts";

/** Every known layout; the first that recognises a folder reads it. A manifest says outright what the folder holds. */
export const layouts: readonly Layout[] = [manifest, ddti, tn5000, tn3k, busBra, busi];

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
  const layout = forced ?? (await recognise(dir, listing));
  return { dataset: await layout.read(dir, listing, options, look), format: layout.format };
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
 * The names in a folder, in code point order.
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
  const names = (folders: boolean) =>
    entries.flatMap((e) => (e.isDirectory() === folders && !e.name.startsWith(".") ? [e.name] : [])).sort();
  return { files: names(false), folders: names(true) };
}

function byFormat(format: string): Layout {
  const layout = layouts.find((l) => l.format === format);
  if (layout) return layout;
  throw new DataError(`unknown format "${format}"; known are ${layouts.map((l) => l.format).join(", ")}`);
}

async function recognise(dir: string, listing: Listing): Promise<Layout> {
  const layout = await whoKnows(listing, lookIn(dir));
  if (layout) return layout;
  for (const folder of listing.folders) {
    const inner = path.join(dir, folder);
    const names = await listFolder(inner).catch(() => ({ files: [], folders: [] }));
    const found = await whoKnows(names, lookIn(inner));
    if (found) throw new DataError(`${dir}: no known layout here, but ${inner} looks like ${found.format}`);
  }
  const known = layouts.map((l) => `${l.format} (${l.shape})`).join(", ");
  throw new DataError(`${dir}: no known layout; known are ${known}`);
}

async function whoKnows(listing: Listing, look: Look): Promise<Layout | undefined> {
  for (const layout of layouts) if (await layout.recognises(listing, look)) return layout;
  return undefined;
}
