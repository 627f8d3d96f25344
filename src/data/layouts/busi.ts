/**
 * Reads BUSI's folder (Al-Dhabyani et al. 2020, doi:10.1016/j.dib.2019.104863): a folder per class, masks beside the images or,
 * in another layout, in `images` and `mask` below it. No patients are given: each image counts as its own.
 */
import { type Dataset, DataError, type Sample } from "../sample.ts";
import { byNumber, Collector, groupBy } from "./collect.ts";
import type { Layout, Listing, Look, ReadContext, SetFiles } from "./layout.ts";
import { NORMAL } from "./marked-set.ts";
import { isNormal, nodulesOfMasks, outlineOf } from "./masks.ts";
import { bareOf, baseOf } from "./names.ts";

const CLASSES = ["benign", "malignant", "normal"];

const FILE = /^(benign|malignant|normal) \((\d+)\)(?:_mask(?:_\d+)?)?\.png$/i;
const MASK = /_mask(?:_\d+)?\.png$/i;

interface Entry {
  /** The class of the folder. */
  kind: string;
  image: string;
  masks: string[];
}

export const busi: Layout = {
  format: "busi",
  shape: "benign/ and malignant/ with <class> (<n>).png and <class> (<n>)_mask.png",
  async recognises({ folders }, look) {
    for (const { folder } of classFolders(folders)) {
      const { files, images } = await namesIn(folder, look);
      if ([...files, ...images].some((f) => FILE.test(baseOf(f)))) return true;
    }
    return false;
  },
  read,
};

/** The folders named like a class, case-insensitive. */
function classFolders(folders: readonly string[]): { folder: string; kind: string }[] {
  return folders.flatMap((folder) => {
    const kind = folder.toLowerCase();
    return CLASSES.includes(kind) ? [{ folder, kind }] : [];
  });
}

/** The files of a class: all in one folder, or images and masks separate. */
async function namesIn(folder: string, look: Look): Promise<{ files: string[]; images: string[] }> {
  const at = async (below: string) => (await look(below)).files.map((file) => `${below}/${file}`);
  return { files: await at(folder), images: [...(await at(`${folder}/images`)), ...(await at(`${folder}/mask`))] };
}

async function read(set: SetFiles, { folders }: Listing, options: ReadContext, look: Look): Promise<Dataset> {
  const collect = new Collector("busi", set, options);
  const entries: Entry[] = [];
  for (const { folder, kind } of classFolders(folders)) {
    const { files, images } = await namesIn(folder, look);
    const names = [...files, ...images].filter((f) => /\.png$/i.test(f)).sort(byNumber);
    const masks = groupBy(
      names.filter((f) => MASK.test(f)),
      (f) => baseOf(f).replace(MASK, "").toLowerCase(),
    );
    for (const image of names.filter((f) => !MASK.test(f))) {
      const stem = bareOf(image).toLowerCase();
      entries.push({ kind, image, masks: masks.get(stem) ?? [] });
      masks.delete(stem);
    }
    for (const lost of [...masks.values()].flat()) collect.skip(lost, "its image is missing");
  }
  return collect.each(
    entries,
    ({ image }) => image,
    async ({ kind, image, masks }, remarks): Promise<Sample> => {
      const match = FILE.exec(baseOf(image));
      if (!match) throw new DataError("is not named like an image of this set");
      if (match[1]!.toLowerCase() !== kind) throw new DataError(`lies in the folder of ${kind} images`);
      const tissue = collect.words.folder([kind])?.tissue;
      if (tissue === "normal") throw new DataError(NORMAL);
      if (masks.length === 0) throw new DataError("its mask is missing");
      const file = collect.file(image);
      const named = masks.map((name) => ({ name: baseOf(name), file: collect.file(name) }));
      const normal = isNormal(tissue, collect.words);
      const nodules = await nodulesOfMasks(named, await set.imageSize(file), remarks, { normal });
      const id = `${kind} (${match[2]})`;
      return { id, file, group: id, label: tissue, ...nodules, ...outlineOf(nodules.boxes, normal) };
    },
  );
}
