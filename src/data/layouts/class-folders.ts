/**
 * Reads a folder per class without any outlines: `benign/`, `train/Malignant/`. Such images can be evaluated, or train a network
 * without masks.
 */
import { groupOf } from "../patient.ts";
import type { BinaryWords, ClassWords } from "../readers/class-words.ts";
import { ownNames } from "../readers/own-classes.ts";
import { DataError, type Dataset, type Sample } from "../sample.ts";
import { IMAGE_FILE } from "./collect.ts";
import type { Layout, Listing, Look, ReadContext, SetFiles } from "./layout.ts";
import { readTables } from "./class-tables.ts";
import { agreed, begin, finish, NORMAL, sideOf } from "./marked-set.ts";
import { baseOf } from "./names.ts";
import { isNamedAsMask } from "./pairs.ts";
import { imagesOf, labelOf, readTree, type Tree } from "./tree.ts";

export const classFolders: Layout = {
  format: "classes",
  shape: "benign/ and malignant/, or train/benign/ .., with images only: no outlines",
  async recognises(listing, look, _peek, words) {
    const tree = await readTree(listing, look, words);
    return imagesOf(tree).some(({ folder, name }) => labelOf(folder) !== undefined && !isNamedAsMask(name));
  },
  read,
};

/** Files that operating systems create, and texts for people. */
const BESIDE = /^(?:thumbs\.db|desktop\.ini|readme.*|license.*)$/i;

/**
 * Whether a folder that no layout recognises contains class folders with other names: several, with only images in them, and
 * plausible class names.
 */
export async function hasFoldersOfClasses(listing: Listing, look: Look, words: BinaryWords): Promise<boolean> {
  const tree = await readTree(listing, look, words);
  if (tree.unread.length < 2 || imagesOf(tree).length > 0) return false;
  for (const { path: folder } of tree.unread) {
    const { files, folders } = await look(folder);
    if (folders.length > 0) return false;
    if (!files.every((name) => (IMAGE_FILE.test(name) && !isNamedAsMask(name)) || BESIDE.test(name))) return false;
  }
  hearFolders(tree, words);
  return ownNames(words, 0) !== undefined;
}

function hearFolders({ unread }: Tree, words: ClassWords): void {
  for (const { path: folder, images } of unread) words.hearFolder(baseOf(folder), images);
}

async function read(set: SetFiles, listing: Listing, options: ReadContext, look: Look): Promise<Dataset> {
  const reading = await begin("classes", set, listing, options, look);
  const { collect, tree } = reading;
  const tables = await readTables(reading);
  hearFolders(tree, collect.words);
  const dataset = await collect.each(
    imagesOf(tree),
    ({ file }) => file,
    async (image, remarks): Promise<Sample> => {
      const { file: id, name, folder } = image;
      if (folder.kindOfTissue === "normal") throw new DataError(NORMAL);
      if (folder.kindOfTissue === "several") throw new DataError("lies in folders of different classes");
      const inFolder = labelOf(folder);
      if (inFolder === undefined) throw new DataError("is not in a class folder");
      if (isNamedAsMask(name)) throw new DataError("is named like a mask");
      const file = collect.file(id);
      await set.imageSize(file);
      const { label: listed, patient } = tables.of(image);
      const what = { marks: "table", folder: "folder" };
      const label = agreed(listed, inFolder, (text) => remarks.note(text), what);
      const group = groupOf(patient, id);
      return { id, file, group, label, boxes: [], ...sideOf(folder.side) };
    },
  );
  collect.note("no outlines: these images can be evaluated, or train a network without masks");
  return finish(reading, dataset);
}
