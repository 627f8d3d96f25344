/** Opens a folder of annotated images, whichever known layout it has. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { type Dataset, DataError } from "../../data/sample.ts";
import { ddti } from "./layouts/ddti.ts";
import type { Layout, Listing, ReadOptions } from "./layouts/layout.ts";

/** Every known layout; the first that recognises a folder reads it. */
export const layouts: readonly Layout[] = [ddti];

export interface OpenOptions extends ReadOptions {
  /** Read as this layout without looking for another. */
  format?: string;
}

/**
 * Reads a data set's annotations and lists its images; pixels are decoded later, by `prepareDataset`.
 *
 * @throws DataError for a folder that is missing, empty, of no known layout, or without a single usable image
 */
export async function openDataset(dir: string, options: OpenOptions = {}): Promise<Dataset> {
  const listing = await listFolder(dir);
  if (listing.files.length + listing.folders.length === 0) throw new DataError(`${dir}: the folder is empty`);
  const layout = options.format === undefined ? await recognise(dir, listing) : byFormat(options.format);
  const dataset = await layout.read(dir, listing, options);
  if (dataset.samples.length === 0) {
    const first = dataset.skipped[0];
    const why = first ? `, ${dataset.skipped.length} left out, the first: ${first.file}: ${first.reason}` : "";
    throw new DataError(`${dir}: there is no usable ${layout.format} sample${why}`);
  }
  return dataset;
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
  const layout = layouts.find((l) => l.recognises(listing));
  if (layout) return layout;
  for (const folder of listing.folders) {
    const inner = path.join(dir, folder);
    const names = await listFolder(inner).catch(() => ({ files: [], folders: [] }));
    const found = layouts.find((l) => l.recognises(names));
    if (found) throw new DataError(`${dir}: no known layout here, but ${inner} looks like ${found.format}`);
  }
  const known = layouts.map((l) => `${l.format} (${l.shape})`).join(", ");
  throw new DataError(`${dir}: no known layout; known are ${known}`);
}
