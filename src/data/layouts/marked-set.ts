/** Shared by the layouts of labelling tools: turns an image's annotations into a sample. */
import { groupOf } from "../patient.ts";
import { MAX_FILE_BYTES } from "../file-sizes.ts";
import { parseImageSet } from "../readers/image-set.ts";
import { classOfObjects, type Marked } from "../readers/marked.ts";
import { type Box, DataError, type Dataset, type Label, reasonOf, type Sample, type Side } from "../sample.ts";
import { moved } from "../shape.ts";
import { readTables, type Tables } from "./class-tables.ts";
import { byNumber, Collector, type Remarks } from "./collect.ts";
import type { Listing, Look, ReadContext, SetFiles } from "./layout.ts";
import { bareOf, baseOf, nameIn } from "./names.ts";
import { placed, placedShape } from "./placed.ts";
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

/** The state while a set is being read. */
export interface Reading {
  collect: Collector;
  tree: Tree;
  index: ImageIndex;
  look: Look;
  /** The tables beside the images; undefined until they are read. */
  tables?: Tables;
  /** Object names that give no class. */
  nameless: Set<string>;
  /** Whether missing classes are looked up elsewhere afterwards. */
  more: boolean;
}

export async function begin(
  format: string,
  set: SetFiles,
  listing: Listing,
  options: ReadContext,
  look: Look,
): Promise<Reading> {
  const tree = await readTree(listing, look, options.words);
  return {
    collect: new Collector(format, set, options),
    tree,
    index: new Index(imagesOf(tree)),
    look,
    nameless: new Set(),
    more: options.labelFrom !== undefined,
  };
}

/** @throws DataError listing the candidate images unless there is exactly one */
export function single(found: readonly TreeImage[], what: string): TreeImage {
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new DataError(`${what}, which is missing`);
  const names = found.slice(0, 3).map(({ file }) => file);
  throw new DataError(`${what}, which may be any of ${found.length} images: ${names.join(", ")}`);
}

/**
 * The sample of an annotated image.
 *
 * @param numbers whether objects named 0 and 1 have these classes
 * @param outright whether `side` overrides a folder's name
 * @throws DataError for an image without an object, or with an unusable one
 */
export async function sampleOf(
  { collect, nameless, tables }: Reading,
  image: TreeImage,
  marked: Marked,
  remarks: Remarks,
  { numbers = true, side, outright = false }: { numbers?: boolean; side?: Side | undefined; outright?: boolean } = {},
): Promise<Sample> {
  const inFolder = image.folder.side;
  if (!outright && side !== undefined && inFolder !== undefined && side !== inFolder) {
    throw new DataError(`lies in a folder for ${inFolder}, but the set's own split has it for ${side}`);
  }
  if (marked.objects.length === 0) throw new DataError("no nodule is marked on it");
  const file = collect.file(image.file);
  const size = await collect.imageSize(file).catch((error: unknown) => {
    throw new DataError(`its image ${image.file} ${reasonOf(error)}`);
  });
  const all = marked.objects.map(({ box }) => box);
  const boxes = placed(all, size, marked.size, remarks);
  const shape = placedShape(marked.objects, size, marked.size);
  const note = (text: string) => remarks.note(text);
  const given = agreed(classOfObjects(marked, { numbers, note }, collect.words), labelOf(image.folder), note);
  const { label: listed, patient } = tables?.of(image) ?? {};
  const label = agreed(listed, given, note, { marks: "table", folder: "annotation" });
  for (const { name } of marked.objects) {
    if (name !== undefined && collect.words.object(name, { numbers })?.label === undefined) nameless.add(name);
  }
  marked.notes.forEach(note);
  const group = groupOf(patient, image.file);
  return { id: image.file, file, group, label, boxes, ...(shape ? { shape } : {}), ...sideOf(side ?? inFolder) };
}

/** Why an image of normal tissue is left out if that is not a class. */
export const NORMAL = "shows normal tissue, without a nodule: --classes benign,malignant,normal takes it as a class";

export const sideOf = (side: Side | undefined): { side?: Side } => (side === undefined ? {} : { side });

/** The class that two sources agree on; none if they contradict each other. */
export function agreed(
  marks: Label,
  folder: Label,
  note: (text: string) => void,
  what = { marks: "marks", folder: "folder" },
): Label {
  if (marks !== undefined && folder !== undefined && marks !== folder) {
    note(`its ${what.folder} has another class than its ${what.marks}: it counts as unlabelled`);
    return undefined;
  }
  return marks ?? folder;
}

export interface Beside {
  /** The extension of annotation files. */
  extension: RegExp;
  /** Files with that extension that are not annotations. */
  except?: RegExp;
  /** @throws DataError for text that is not an annotation of this format */
  parse: (text: string) => Marked;
  /** Whether coordinates are fractions of the image's width and height. */
  relative?: boolean;
  numbers?: boolean;
  /** The set's own split, if stated explicitly, whatever folders and lists are named. Default: by the lists' names. */
  sides?: ReadonlyMap<TreeImage, Side>;
  /** Whether a file with that name is a list of images. */
  isList?: (name: string) => boolean;
}

/** Reads a set with one file per image: with its stem, in its folder or in an annotation folder beside it. */
export async function readBeside(
  reading: Reading,
  { extension, except, parse, relative = false, numbers = true, sides: given, isList }: Beside,
): Promise<Dataset> {
  const { collect, tree, index } = reading;
  const marks = tree.folders.flatMap((folder) =>
    folder.files
      .filter((name) => extension.test(name) && !except?.test(name) && !isList?.(name))
      .sort(byNumber)
      .map((name) => ({ folder, name, file: join(folder, name) })),
  );
  reading.tables = await readTables(reading);
  const sides: ReadonlyMap<TreeImage, Side | "several"> = given ?? (await readSides(reading));
  const named = new Set<string>();
  const dataset = await collect.each(
    marks,
    ({ file }) => file,
    async ({ folder, name, file }, remarks) => {
      const stem = bareOf(name);
      const ofStem = index.ofStem(folder.place, stem);
      let marked: Marked;
      let image: TreeImage | undefined;
      try {
        marked = parse(await collect.text(file, MAX_FILE_BYTES));
        image = imageOf(reading, ofStem, stem, marked.image, remarks);
      } finally {
        // An unusable annotation belonged to one of these images.
        for (const { file } of image ? [image] : ofStem) named.add(file);
      }
      const side = sides.get(image);
      if (side === "several") throw new DataError("is on several sides of the set's own split");
      const scaled = relative ? await inPixels(collect, image, marked) : marked;
      return sampleOf(reading, image, scaled, remarks, { numbers, side, outright: given !== undefined });
    },
  );
  for (const { file } of index.all) if (!named.has(file)) collect.skip(file, "no annotation of it was found");
  return finish(reading, dataset);
}

/** The image of an annotation: the name it contains decides between images with the same stem, and must not contradict it. */
function imageOf(
  { index }: Reading,
  ofStem: readonly TreeImage[],
  stem: string,
  written: string | undefined,
  remarks: Remarks,
): TreeImage {
  if (written === undefined) return single(ofStem, `belongs to the image ${stem}`);
  const named = index.ofPath(written);
  const both = ofStem.filter((image) => named.includes(image));
  if (both.length === 1) return both[0]!;
  const short = written.slice(0, 80);
  // A name without extension.
  if (ofStem.length === 1 && baseOf(written.replaceAll("\\", "/").replace(/\/+$/, "")) === stem) return ofStem[0]!;
  if (ofStem.length === 0) return single(named, `names the image ${short}`);
  if (named.length > 0) throw new DataError(`names the image ${short}, but has the name of ${ofStem[0]!.file}`);
  const image = single(ofStem, `belongs to the image ${stem}`);
  remarks.note(`names the image ${short}, which is missing: used for ${image.file}, which has its name`);
  return image;
}

async function inPixels(collect: Collector, image: TreeImage, marked: Marked): Promise<Marked> {
  const { width, height } = await collect.imageSize(collect.file(image.file)).catch((error: unknown) => {
    throw new DataError(`its image ${reasonOf(error)}`);
  });
  const scaled = ({ x0, y0, x1, y1 }: Box): Box => ({
    x0: x0 * width,
    y0: y0 * height,
    x1: x1 * width,
    y1: y1 * height,
  });
  const objects = marked.objects.map(({ name, box, shape }) => ({
    name,
    box: scaled(box),
    ...(shape ? { shape: moved(shape, scaled) } : {}),
  }));
  return { ...marked, objects, size: { width, height } };
}

const LISTS: readonly (readonly [string, Side])[] = [
  ["train.txt", "train"],
  ["val.txt", "val"],
  ["valid.txt", "val"],
  ["test.txt", "test"],
];

/** The set's own split, from lists with the usual names. */
async function readSides(reading: Reading): Promise<Map<TreeImage, Side | "several">> {
  const sides = new Map<TreeImage, Side | "several">();
  for (const folder of ["", "ImageSets/Main", "ImageSets"]) {
    const { files } = await reading.look(folder);
    for (const [name, side] of LISTS.filter(([name]) => files.includes(name))) {
      for (const image of await imagesListed(reading, nameIn(folder, name))) {
        sides.set(image, (sides.get(image) ?? side) === side ? side : "several");
      }
    }
  }
  return sides;
}

/** The images that a list names. */
export async function imagesListed({ collect, index }: Reading, file: string): Promise<TreeImage[]> {
  const listed = await collect.parsed(file, (text) => parseImageSet(text, (name) => index.ofName(name)));
  return (listed ?? []).flatMap(({ line, name, found }) => {
    if (found.length === 1) return [...found];
    const what = found.length === 0 ? "which is missing" : `which may be any of ${found.length} images`;
    collect.skip(file, `line ${line} names ${name.slice(0, 80)}, ${what}`);
    return [];
  });
}

/** Adds the notes that concern the whole set. */
export function finish({ collect, tree, nameless, more }: Reading, dataset: Dataset): Dataset {
  for (const { path: folder, images } of tree.unread) {
    collect.note(`${folder}: ${images} images in a folder of unknown name: ignored`);
  }
  if (nameless.size > 0) {
    const names = [...nameless].sort().slice(0, 8);
    collect.note(`objects called ${names.map((name) => `"${name.slice(0, 40)}"`).join(", ")} do not name a class`);
  }
  const { samples } = dataset;
  const bare = samples.filter(({ label }) => label === undefined).length;
  if (bare > 0 && !more) {
    collect.note(`${bare} of ${samples.length} images have no class: only their outlines are used`);
  }
  if (samples.some(({ id, group }) => id === group)) {
    const alone = samples.filter(({ id, group }) => id === group).length;
    collect.note(`${alone} images without a patient count as one patient each`);
  }
  return dataset;
}
