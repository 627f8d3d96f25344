/** Reads images and masks with the same names, classes from folders or a table beside them; also TN-SCUI's form of it. */
import { groupOf } from "../patient.ts";
import { DataError, type Dataset, type Sample } from "../sample.ts";
import { readTables } from "./class-tables.ts";
import type { Layout, Listing, Look, ReadContext, SetFiles } from "./layout.ts";
import { agreed, begin, finish, NORMAL, sideOf } from "./marked-set.ts";
import { isNormal, nodulesOfMasks, outlineOf } from "./masks.ts";
import { findPairs } from "./pairs.ts";
import { ImageIndex, labelOf, readTree, type Tree } from "./tree.ts";

const hasPairs = (tree: Tree): boolean => findPairs(tree).pairs.some(({ masks }) => masks.length > 0);

export const masks: Layout = {
  format: "masks",
  shape: "images/ and masks/ with the same names, or <image>_mask beside <image>; classes in a .csv",
  targets: ["class", "tirads"],
  implies: ["classes"],
  recognises: async (listing, look, _peek, words) => hasPairs(await readTree(listing, look, words)),
  read: (set, listing, options, look) => readPairs("masks", set, listing, options, look),
};

/** The table of TN-SCUI 2020 (https://tn-scui2020.grand-challenge.org): ID,CATE. */
const TABLES = ["train.csv", "category.csv"];

export const tnScui: Layout = {
  format: "tn-scui",
  shape: "image/, mask/ and train.csv or category.csv with ID,CATE",
  targets: ["class", "tirads"],
  implies: ["masks", "classes"],
  async recognises({ files, folders }, _look, peek) {
    if (!folders.includes("image") || !folders.includes("mask")) return false;
    for (const name of TABLES.filter((table) => files.includes(table))) {
      if (/^\ufeff?\s*"?ID"?\s*[,;\t]\s*"?CATE"?\s*$/im.test((await peek(name)).split(/\r\n|\r|\n/, 1)[0]!))
        return true;
    }
    return false;
  },
  read: (set, listing, options, look) => readPairs("tn-scui", set, listing, options, look),
};

/**
 * DDTI was also published in this form, in a folder 1_or_data with a category.csv whose readme says that its categories are
 * made up.
 */
const isSecondDdti = ({ called }: SetFiles, files: readonly string[]): boolean =>
  files.includes("category.csv") && (/(?:^|[\\/])1_or_data[\\/]*$/i.test(called) || /ddti/i.test(called));

async function readPairs(
  format: string,
  set: SetFiles,
  listing: Listing,
  options: ReadContext,
  look: Look,
): Promise<Dataset> {
  const reading = await begin(format, set, listing, options, look);
  const { collect, tree } = reading;
  const gland = tree.folders.find(({ path }) => /(?:^|\/)thyroid[ _-]masks?$/i.test(path));
  if (gland)
    throw new DataError(`${collect.file(gland.path)}: marks the gland, as TG3K does: there is no nodule in it`);
  const { pairs, lost } = findPairs(tree);
  // Tables may refer only to these images.
  reading.index = new ImageIndex(pairs.map(({ image }) => image));
  if (isSecondDdti(set, listing.files)) {
    collect.note("category.csv of DDTI's second form is made up, as its readme says: no class is taken from it");
  } else reading.tables = await readTables(reading);
  const { tables } = reading;
  const dataset = await collect.each(
    pairs,
    ({ image }) => image.file,
    async ({ image, masks, reason }, remarks): Promise<Sample> => {
      if (image.folder.kindOfTissue === "normal") throw new DataError(NORMAL);
      if (image.folder.kindOfTissue === "several") throw new DataError("lies in folders of different classes");
      if (reason !== undefined) throw new DataError(reason);
      if (masks.length === 0) throw new DataError("its mask is missing");
      const { file: id, folder } = image;
      const file = collect.file(id);
      const files = masks.map(({ file: mask }) => ({ name: mask, file: collect.file(mask) }));
      const { label, patient } = tables?.of(image) ?? {};
      const group = groupOf(patient, id);
      const known = agreed(label, labelOf(folder), (text) => remarks.note(text), {
        marks: "table",
        folder: "folder",
      });
      const normal = isNormal(known, collect.words);
      const nodules = await nodulesOfMasks(files, await set.imageSize(file), remarks, { normal });
      return { id, file, group, label: known, ...nodules, ...outlineOf(nodules.boxes, normal), ...sideOf(folder.side) };
    },
  );
  for (const { file } of lost) collect.skip(file, "its image is missing");
  if (
    (tables?.files.length ?? 0) === 0 &&
    options.labelFrom === undefined &&
    dataset.samples.every((s) => s.label === undefined)
  ) {
    collect.note("there is no table of classes beside the images, and no --label-from name");
  }
  return finish(reading, dataset);
}
