/** Reads sets whose annotation files list many images each. */
import { MAX_SET_BYTES } from "../file-sizes.ts";
import type { Marked } from "../readers/marked.ts";
import type { ClassWords } from "../readers/class-words.ts";
import { wordsOf } from "../readers/words.ts";
import { DataError, type Dataset, reasonOf, type Side } from "../sample.ts";
import { readTables } from "./class-tables.ts";
import { finish, type Reading, sampleOf, single } from "./marked-set.ts";
import { bareOf, folderOf } from "./names.ts";
import { join, type TreeImage } from "./tree.ts";

/** An image as an annotation file lists it. */
export type Entry = { name: string; side?: Side } & ({ marked: Marked } | { reason: string });

export interface Lists {
  extension: RegExp;
  /** @throws DataError if the text is not such a file */
  parse: (text: string, bad: (reason: string) => void, words: ClassWords) => Entry[];
  numbers: boolean;
}

/** What is known of one image. */
interface Found {
  list: string;
  image: TreeImage;
  side: Side | undefined;
  entry: Entry;
}

const SIDES = new Map<string, Side>([
  ["train", "train"],
  ["val", "val"],
  ["valid", "val"],
  ["test", "test"],
]);

export async function readLists(reading: Reading, { extension, parse, numbers }: Lists): Promise<Dataset> {
  const { collect, tree, index } = reading;
  reading.tables = await readTables(reading);
  const found = new Map<string, Found[]>();
  for (const folder of tree.folders) {
    for (const name of folder.files.filter((file) => extension.test(file))) {
      const list = join(folder, name);
      let entries: Entry[];
      try {
        const text = await collect.text(list, MAX_SET_BYTES);
        entries = parse(text, (reason) => collect.skip(list, reason), collect.words);
      } catch (error) {
        collect.skip(list, reasonOf(error));
        continue;
      }
      // instances_train2017.json lists the training images.
      const own = wordsOf(bareOf(name))
        .map((word) => SIDES.get(word))
        .filter((s) => s !== undefined);
      const side = folder.side ?? (own.length === 1 ? own[0] : undefined);
      for (const entry of entries) {
        try {
          const image = locate(reading, entry, { folder: folder.path, side });
          const known = { list, image, side: entry.side ?? side, entry };
          found.set(image.file, [...(found.get(image.file) ?? []), known]);
        } catch (error) {
          collect.skip(list, reasonOf(error));
        }
      }
    }
  }
  const dataset = await collect.each(
    [...found.values()],
    ([first]) => first!.image.file,
    async (all, remarks) => {
      const { image, entry, side } = merged(all);
      if ("reason" in entry) throw new DataError(entry.reason);
      return sampleOf(reading, image, entry.marked, remarks, { numbers, side });
    },
  );
  for (const { file } of index.all) if (!found.has(file)) collect.skip(file, "no annotation names it");
  return finish(reading, dataset);
}

/** The image that an entry names. Of several, the one below the list's folder or on its side is meant. */
function locate(
  { index }: Reading,
  { name }: Entry,
  { folder, side }: { folder: string; side: Side | undefined },
): TreeImage {
  let all = index.ofPath(name);
  for (const nearer of [
    ({ file }: TreeImage) => folderOf(file) === (folder === "" ? "." : folder),
    (image: TreeImage) => side !== undefined && image.folder.side === side,
  ]) {
    const some = all.length > 1 ? all.filter(nearer) : [];
    if (some.length > 0) all = some;
  }
  return single(all, `names the image ${name.slice(0, 80)}`);
}

/** What several lists say about one image. @throws DataError if they differ */
function merged(all: readonly Found[]): Found {
  const first = all[0]!;
  for (const other of all.slice(1)) {
    const same = says(other.entry) === says(first.entry);
    if (other.list === first.list || !same) {
      const lists = other.list === first.list ? first.list : `${first.list} and ${other.list}`;
      throw new DataError(`${lists} ${other.list === first.list ? "names it more than once" : "mark it differently"}`);
    }
  }
  const sides = new Set(all.flatMap(({ side }) => side ?? []));
  if (sides.size > 1) throw new DataError("is on several sides of the set's own split");
  return { ...first, side: [...sides][0] };
}

const says = (entry: Entry): string =>
  "marked" in entry ? JSON.stringify([entry.marked.objects, entry.marked.tags]) : entry.reason;
