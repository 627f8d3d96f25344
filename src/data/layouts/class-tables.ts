/** Reads classes and patients of images from tables beside them. */
import { parseClassTable } from "../readers/class-table.ts";
import { MAX_FILE_BYTES } from "../file-sizes.ts";
import { type Label, reasonOf } from "../sample.ts";
import type { Collector } from "./collect.ts";
import { type ImageIndex, join, key, type Tree, type TreeImage } from "./tree.ts";

interface Known {
  label: Label;
  patient: string | undefined;
  /** The place in the table. */
  at: string;
}

export interface Tables {
  /** What they say about an image. */
  of(image: TreeImage): Pick<Known, "label" | "patient">;
  /** The tables read. */
  files: string[];
}

/** The set whose tables are being read. */
interface TableSet {
  collect: Collector;
  tree: Tree;
  index: ImageIndex;
}

/** Reads every .csv and .tsv of the set that names images and classes. */
export async function readTables({ collect, tree, index }: TableSet): Promise<Tables> {
  const known = new Map<string, Known>();
  const torn = new Set<string>();
  const files: string[] = [];
  for (const folder of tree.folders) {
    for (const name of folder.files) {
      const file = join(folder, name);
      if (/\.(?:xlsx?|ods)$/i.test(name)) collect.note(`${file} is not read: save it as .csv`);
      if (!/\.(?:csv|tsv)$/i.test(name)) continue;
      let table;
      try {
        table = parseClassTable(await collect.text(file, MAX_FILE_BYTES), collect.badLine(file), collect.words);
      } catch (error) {
        collect.skip(file, `${reasonOf(error)}: no class is taken from it`);
        continue;
      }
      files.push(file);
      for (const note of table.notes) collect.note(`${file}: ${note}`);
      const below = index.all.filter((image) => folder.path === "" || image.file.startsWith(`${folder.path}/`));
      const find = finder(below);
      for (const { line, image: written, label, patient } of table.rows) {
        const found = find(written);
        const at = `${file} line ${line}`;
        if (found.length !== 1) {
          const what = found.length === 0 ? "which is missing" : `which may be any of ${found.length} images`;
          collect.skip(file, `line ${line} names ${written.slice(0, 80)}, ${what}`);
          continue;
        }
        const { file: image } = found[0]!;
        const before = known.get(image);
        if (before && (before.label !== label || before.patient !== patient)) {
          torn.add(image);
          collect.skip(file, `line ${line} contradicts ${before.at} on ${image}, which now has no class`);
        }
        known.set(image, { label, patient, at });
      }
    }
  }
  return {
    files,
    of({ file }) {
      const { label, patient } = known.get(file) ?? {};
      return { label: torn.has(file) ? undefined : label, patient };
    },
  };
}

/** Finds images by name, with or without folder and extension. */
function finder(images: readonly TreeImage[]): (written: string) => readonly TreeImage[] {
  const names = new Map<string, Set<TreeImage>>();
  for (const image of images) {
    for (const file of [image.file, image.file.slice(0, image.file.length - image.name.length) + image.stem]) {
      // Each ending of its path: c.png, b/c.png, a/b/c.png.
      const parts = key(file).split("/");
      for (let i = 0; i < parts.length; i++) {
        const name = parts.slice(i).join("/");
        const known = names.get(name);
        if (known) known.add(image);
        else names.set(name, new Set([image]));
      }
    }
  }
  return (written) => {
    const parts = key(written.replaceAll("\\", "/"))
      .split("/")
      .filter((part) => part !== "" && part !== ".");
    // Skip folders outside this set, such as another machine's.
    for (let i = 0; i < parts.length; i++) {
      const found = names.get(parts.slice(i).join("/"));
      if (found) return [...found];
    }
    return [];
  };
}
