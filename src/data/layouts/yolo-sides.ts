/** Finds each image's side from the folders and lists that YOLO's data.yaml names. */
import type { Side } from "../sample.ts";
import type { YoloData } from "../readers/yolo.ts";
import { imagesListed, type Reading } from "./marked-set.ts";
import { join, key, type TreeImage } from "./tree.ts";

/**
 * The sides of the images that data.yaml names, which override the folders' own names; none if it names no image of this set,
 * or trains on images that it also holds out. Surprises are noted.
 *
 * @param file the name of data.yaml
 */
export async function sidesOfYaml(reading: Reading, file: string, data: YoloData): Promise<Map<TreeImage, Side>> {
  const { collect, tree, index } = reading;
  const places = new Map(tree.folders.flatMap(({ path }) => prefixes(path)).map((path) => [key(path), path]));
  const lists = new Map(
    tree.folders
      .flatMap((folder) => folder.files.filter((n) => /\.txt$/i.test(n)).map((n) => join(folder, n)))
      .map((list) => [key(list), list]),
  );
  const sides = new Map<TreeImage, Set<Side>>();
  for (const [side, written] of data.sides) {
    for (const place of written) {
      const found = await imagesOf(place);
      if (found === undefined) collect.note(`${file}: ${side}: ${place.slice(0, 80)} is not in this set`);
      for (const image of found ?? []) sides.set(image, (sides.get(image) ?? new Set()).add(side));
    }
  }
  const both = [...sides].find(([, on]) => on.has("train") && on.size > 1);
  if (both) {
    collect.note(
      `${file} has ${both[0].file} both for train and ${[...both[1]].find((s) => s !== "train")!}: its split is not used`,
    );
    return new Map();
  }
  if ([...sides.values()].some((on) => on.size > 1))
    collect.note(`${file} has the same images for val and test: they are val`);
  const result = new Map(
    [...sides].map(([image, on]): [TreeImage, Side] => [image, on.has("val") ? "val" : [...on][0]!]),
  );
  const other = [...result].find(([{ folder }, side]) => folder.side !== undefined && folder.side !== side);
  if (other) collect.note(`${file} has ${other[0].folder.path}/ for ${other[1]}, whatever the folder is called`);
  return result;

  /** The images below a folder, or in a list; undefined if neither exists. */
  async function imagesOf(written: string): Promise<readonly TreeImage[] | undefined> {
    const parts = key(written.replaceAll("\\", "/"))
      .split("/")
      .filter((part) => !["", ".", ".."].includes(part));
    // Skip leading folders outside this set, such as another machine's.
    for (let i = 0; i <= parts.length; i++) {
      const end = parts.slice(i).join("/");
      const list = lists.get(end);
      if (list !== undefined) return imagesListed(reading, list);
      const place = i === parts.length && parts.length > 0 ? undefined : places.get(end);
      if (place !== undefined) return index.all.filter(({ file: f }) => place === "" || f.startsWith(`${place}/`));
    }
    return undefined;
  }
}

/** "a/b" -> "", "a", "a/b". */
function prefixes(path: string): string[] {
  const parts = path === "" ? [] : path.split("/");
  return Array.from({ length: parts.length + 1 }, (_, i) => parts.slice(0, i).join("/"));
}
