/** Finds the layout of a folder. */
import { BinaryWords, type ClassWords } from "../readers/class-words.ts";
import { DataError } from "../sample.ts";
import { classFolders, hasFoldersOfClasses } from "./class-folders.ts";
import { describeFound, MANIFEST_HINT } from "./found.ts";
import type { Layout, Listing, Look, Peek, SetFiles } from "./layout.ts";
import { nameIn } from "./names.ts";
import { certainLayouts, formats, generalLayouts, layouts } from "./registry.ts";

export interface Recognised {
  layout: Layout;
  /** Other general layouts that the folder fits. */
  others: Layout[];
}

/** The layout of that name. @throws DataError for an unknown one */
export function byFormat(format: string): Promise<Layout> {
  const entry = layouts.find((l) => l.format === format);
  if (entry) return entry.load();
  throw new DataError(`unknown format "${format}"; known are ${formats.join(", ")}`);
}

/** The layout of a set's folder. @throws DataError with what was found for a folder of no known layout */
export async function recognise(set: SetFiles, listing: Listing, words: ClassWords): Promise<Recognised> {
  const found = await whoKnows(set, "", listing, words);
  if (found) return found;
  const below = await lookBelow(set, listing, words);
  if (below.length > 0) {
    const places = below.slice(0, 3).map(({ inner, format }) => `${set.full(inner)} looks like ${format}`);
    throw new DataError(`${set.called}: no known layout here, but ${places.join(", ")}`);
  }
  if (words instanceof BinaryWords && (await hasFoldersOfClasses(listing, lookIn(set), words))) {
    return { layout: classFolders, others: [] };
  }
  const what = await describeFound(listing, lookIn(set), peekIn(set));
  throw new DataError(
    `${set.called}: no known layout; found: ${what}; known are ${formats.join(", ")} (docs/data.md describes them); ` +
      MANIFEST_HINT,
  );
}

/** How far below to look for a set: it may lie in a folder with the archive's name, or nested in that twice. */
const [DEEPEST, MOST_FOLDERS] = [3, 200] as const;

/** The sets in the folders below, nearest first; none within another. */
async function lookBelow(
  set: SetFiles,
  listing: Listing,
  words: ClassWords,
): Promise<{ inner: string; format: string }[]> {
  let level = listing.folders;
  for (let depth = 1; depth <= DEEPEST; depth++) {
    const found: { inner: string; format: string }[] = [];
    const next: string[] = [];
    for (const inner of level.slice(0, MOST_FOLDERS)) {
      const names = await set.list(inner).catch(() => ({ files: [], folders: [] }));
      const known = await whoKnows(set, inner, names, words);
      if (known) found.push({ inner, format: known.layout.format });
      next.push(...names.folders.map((folder) => nameIn(inner, folder)));
    }
    if (found.length > 0) return found;
    level = next;
  }
  return [];
}

/** The layouts that a folder of the set fits. */
async function whoKnows(
  set: SetFiles,
  folder: string,
  listing: Listing,
  words: ClassWords,
): Promise<Recognised | undefined> {
  const [look, peek] = [lookIn(set, folder), peekIn(set, folder)];
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

/** Lists folders below one of the set's, each once. */
export function lookIn(set: SetFiles, within = ""): Look {
  return once((folder) => set.list(nameIn(within, folder)).catch(() => ({ files: [], folders: [] })));
}

/** Reads the beginnings of files below a folder of the set, each once. */
const peekIn = (set: SetFiles, within = ""): Peek => once((file) => set.beginning(nameIn(within, file)));

function once<T>(find: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const seen = new Map<string, Promise<T>>();
  return (name) => {
    const known = seen.get(name) ?? find(name);
    seen.set(name, known);
    return known;
  };
}
