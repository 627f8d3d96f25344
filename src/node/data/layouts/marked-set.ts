/** What the layouts of labelling tools have in common: from what is marked on an image to a sample. */
import path from "node:path";
import { annotationFrame } from "../../../data/annotation-frame.ts";
import { parseImageSet } from "../../../data/readers/voc.ts";
import { classOfObjects, type Marked } from "../../../data/readers/marked.ts";
import { noduleOf } from "../../../data/readers/words.ts";
import { requireInside } from "../../../data/readers/values.ts";
import { DataError, type Dataset, type Label, reasonOf, type Sample, type Side } from "../../../data/sample.ts";
import { imageSize } from "../decode.ts";
import { byNumber, Collector, type Remarks } from "./collect.ts";
import type { Listing, Look, ReadOptions } from "./layout.ts";
import { boundedText, MOST_OF_ONE } from "./text-file.ts";
import {
  type ImageIndex,
  imagesOf,
  ImageIndex as Index,
  join,
  labelOf,
  readTree,
  type Tree,
  type TreeImage,
} from "./tree.ts";

/** The set while it is read. */
export interface Reading {
  collect: Collector;
  tree: Tree;
  index: ImageIndex;
  look: Look;
  /** Names of objects that tell no class. */
  nameless: Set<string>;
}

export async function begin(
  format: string,
  dir: string,
  listing: Listing,
  options: ReadOptions,
  look: Look,
): Promise<Reading> {
  const tree = await readTree(listing, look);
  return {
    collect: new Collector(format, dir, options),
    tree,
    index: new Index(imagesOf(tree)),
    look,
    nameless: new Set(),
  };
}

/** @throws DataError naming the images of a name, where it is not one */
export function single(found: readonly TreeImage[], what: string): TreeImage {
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new DataError(`${what}, which is missing`);
  const names = found.slice(0, 3).map(({ file }) => file);
  throw new DataError(`${what}, which may be any of ${found.length} images: ${names.join(", ")}`);
}

/**
 * The sample of an image with what is marked on it.
 *
 * @param numbers whether objects named 0 and 1 are of these classes
 * @throws DataError for an image without an object, or with one that cannot be used
 */
export async function sampleOf(
  { collect, nameless }: Reading,
  image: TreeImage,
  marked: Marked,
  remarks: Remarks,
  { numbers = true, side }: { numbers?: boolean; side?: Side | undefined } = {},
): Promise<Sample> {
  if (marked.objects.length === 0) throw new DataError("no nodule is marked on it");
  const file = collect.file(image.file);
  const size = await imageSize(file).catch((error: unknown) => {
    throw new DataError(`its image ${image.file} ${reasonOf(error)}`);
  });
  const frame = annotationFrame(size, marked.size);
  const placed = marked.objects.map(({ box }) => frame.place(box));
  const boxes = requireInside(placed, size.width, size.height);
  const note = (text: string) => remarks.note(text);
  const label = agreed(classOfObjects(marked, { numbers, note }), labelOf(image.folder), note);
  for (const { name } of marked.objects) {
    if (name !== undefined && noduleOf(name, { numbers })?.label === undefined) nameless.add(name);
  }
  if (frame.note !== undefined) note(frame.note);
  marked.notes.forEach(note);
  return { id: image.file, file, group: image.file, label, boxes, ...sideOf(image.folder.side ?? side) };
}

export const sideOf = (side: Side | undefined): { side?: Side } => (side === undefined ? {} : { side });

/** The class that an image's marks and its folder give; none where they contradict each other. */
export function agreed(marks: Label, folder: Label, note: (text: string) => void, what = "marks"): Label {
  if (marks !== undefined && folder !== undefined && marks !== folder) {
    note(`its folder is of another class than its ${what}: it counts as without a class`);
    return undefined;
  }
  return marks ?? folder;
}

export interface Beside {
  /** The files of annotations. */
  extension: RegExp;
  /** Those among them that are none. */
  except?: RegExp;
  /** @throws DataError for text that is no annotation of this format */
  parse: (text: string) => Marked;
  /** Shares of the image's width and height to pixels. */
  relative?: boolean;
  numbers?: boolean;
}

/** Reads a set with a file for each image: of its stem, in its folder or in one of annotations beside it. */
export async function readBeside(
  reading: Reading,
  { extension, except, parse, relative = false, numbers = true }: Beside,
): Promise<Dataset> {
  const { collect, tree, index } = reading;
  const marks = tree.folders.flatMap((folder) =>
    folder.files
      .filter((name) => extension.test(name) && !except?.test(name))
      .sort(byNumber)
      .map((name) => ({ folder, name, file: join(folder, name) })),
  );
  const sides = await readSides(reading);
  const named = new Set<string>();
  const dataset = await collect.each(
    marks,
    ({ file }) => file,
    async ({ folder, name, file }, remarks) => {
      const stem = path.parse(name).name;
      const ofStem = index.ofStem(folder.place, stem);
      let [marked, image]: [Marked?, TreeImage?] = [];
      try {
        marked = parse(await boundedText(collect.file(file), MOST_OF_ONE));
        image = imageOf(reading, ofStem, stem, marked.image, remarks);
      } finally {
        // An annotation that cannot be used was one of these images'.
        for (const { file } of image ? [image] : ofStem) named.add(file);
      }
      const side = sides.get(image.stem) ?? sides.get(image.name);
      if (side === "several") throw new DataError("is on several sides of the set's own split");
      const scaled = relative ? await inPixels(collect.file(image.file), marked) : marked;
      return sampleOf(reading, image, scaled, remarks, { numbers, side });
    },
  );
  for (const { file } of index.all) if (!named.has(file)) collect.skip(file, "no annotation of it was found");
  return finish(reading, dataset);
}

/** The image that an annotation is of: its own word decides between images of one stem, and must not contradict the stem. */
function imageOf(
  { index }: Reading,
  ofStem: readonly TreeImage[],
  stem: string,
  written: string | undefined,
  remarks: Remarks,
): TreeImage {
  if (written === undefined) return single(ofStem, `is of the image ${stem}`);
  const named = index.ofPath(written);
  const both = ofStem.filter((image) => named.includes(image));
  if (both.length === 1) return both[0]!;
  const short = written.slice(0, 80);
  // A name without extension.
  if (ofStem.length === 1 && path.parse(written.replaceAll("\\", "/")).base === stem) return ofStem[0]!;
  if (ofStem.length === 0) return single(named, `names the image ${short}`);
  if (named.length > 0) throw new DataError(`names the image ${short}, but has the name of ${ofStem[0]!.file}`);
  const image = single(ofStem, `is of the image ${stem}`);
  remarks.note(`names the image ${short}, which is missing: taken for ${image.file}, which has its name`);
  return image;
}

async function inPixels(file: string, marked: Marked): Promise<Marked> {
  const { width, height } = await imageSize(file).catch((error: unknown) => {
    throw new DataError(`its image ${reasonOf(error)}`);
  });
  const objects = marked.objects.map(({ name, box }) => ({
    name,
    box: { x0: box.x0 * width, y0: box.y0 * height, x1: box.x1 * width, y1: box.y1 * height },
  }));
  return { ...marked, objects, size: { width, height } };
}

/** Lists of a set's own split: a name a line, with or without folder and extension. */
async function readSides({ collect, look }: Reading): Promise<Map<string, Side | "several">> {
  const sides = new Map<string, Side | "several">();
  for (const folder of ["", "ImageSets/Main", "ImageSets"]) {
    const { files } = await look(folder);
    for (const [name, side] of [
      ["train.txt", "train"],
      ["val.txt", "val"],
      ["valid.txt", "val"],
      ["test.txt", "test"],
    ] as const) {
      if (!files.includes(name)) continue;
      for (const line of (await collect.parsed(path.posix.join(folder, name), parseImageSet)) ?? []) {
        const { base, name: stem } = path.posix.parse(line.replaceAll("\\", "/"));
        for (const known of new Set([base, stem])) {
          sides.set(known, (sides.get(known) ?? side) === side ? side : "several");
        }
      }
    }
  }
  return sides;
}

/** Says of the whole set what concerns it. */
export function finish({ collect, tree, nameless }: Omit<Reading, "index" | "look">, dataset: Dataset): Dataset {
  for (const { path: folder, images } of tree.unread) {
    collect.note(`${folder}: ${images} images in a folder of this name are not read`);
  }
  if (nameless.size > 0) {
    const names = [...nameless].sort().slice(0, 8);
    collect.note(`objects called ${names.map((name) => `"${name.slice(0, 40)}"`).join(", ")} tell no class`);
  }
  const { samples } = dataset;
  const bare = samples.filter(({ label }) => label === undefined).length;
  if (bare > 0)
    collect.note(`${bare} of ${samples.length} images have no class: they serve the segmentation stage only`);
  if (samples.some(({ id, group }) => id === group)) {
    const alone = samples.filter(({ id, group }) => id === group).length;
    collect.note(`${alone} images without a patient count as one patient each`);
  }
  return dataset;
}
