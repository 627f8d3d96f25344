/**
 * Reads TN3K's folder: images and masks of trainval and test, folds of trainval, and classes if the csv files of a later release
 * lie beside them. No patients are given: each image counts as its own.
 */
import { parseFold, parseLabels } from "../readers/tn3k.ts";
import { type Dataset, DataError, type Sample } from "../sample.ts";
import { byNumber, Collector, IMAGE_FILE, imagesByStem } from "./collect.ts";
import type { Layout, Listing, Look, ReadContext, SetFiles } from "./layout.ts";
import { nodulesOfMasks } from "./masks.ts";
import { bareOf } from "./names.ts";
import type { Stems } from "./stems.ts";

const PARTS = ["trainval", "test"] as const;
type Part = (typeof PARTS)[number];

interface Entry {
  part: Part;
  image: string;
}

export const tn3k: Layout = {
  format: "tn3k",
  shape: "trainval-image/ and trainval-mask/, test-image/ and test-mask/",
  recognises: ({ folders }) => PARTS.some((p) => folders.includes(`${p}-image`) && folders.includes(`${p}-mask`)),
  read,
};

async function read(set: SetFiles, listing: Listing, options: ReadContext, look: Look): Promise<Dataset> {
  const collect = new Collector("tn3k", set, options);
  const folds = await readFolds(collect, listing.files);
  const entries: Entry[] = [];
  const masks = new Map<Part, Stems>();
  const labels = new Map<Part, Map<string, number> | undefined>();
  for (const part of PARTS) {
    const images = (await look(`${part}-image`)).files.filter((f) => IMAGE_FILE.test(f)).sort(byNumber);
    masks.set(part, imagesByStem((await look(`${part}-mask`)).files));
    const csv = `label4${part}.csv`;
    const known = listing.files.includes(csv);
    labels.set(
      part,
      known ? await collect.parsed(csv, (t) => parseLabels(t, collect.badLine(csv), collect.words)) : undefined,
    );
    if (!known && images.length > 0) collect.note(`there is no ${csv}: the ${part} images have no class`);
    entries.push(...images.map((image) => ({ part, image })));
    const names = new Set(images);
    for (const name of labels.get(part)?.keys() ?? []) {
      if (!names.has(name)) collect.skip(`${part}-image/${name.slice(0, 40)}`, `${csv} names it, but it is missing`);
    }
  }
  return collect.each(
    entries,
    ({ part, image }) => `${part}-image/${image}`,
    async ({ part, image }, remarks): Promise<Sample> => {
      const stem = bareOf(image);
      const mask = masks.get(part)!.get(stem);
      if (mask === undefined) throw new DataError("its mask is missing");
      const classes = labels.get(part);
      if (listing.files.includes(`label4${part}.csv`) && !classes?.has(image)) {
        throw new DataError(`label4${part}.csv has no class of it`);
      }
      const file = collect.file(`${part}-image/${image}`);
      const name = `${part}-mask/${mask}`;
      const nodules = await nodulesOfMasks([{ name, file: collect.file(name) }], await set.imageSize(file), remarks);
      const id = `${part}/${stem}`;
      const fold = part === "trainval" ? folds?.get(Number(stem)) : undefined;
      const side = part === "test" ? "test" : "train";
      return {
        id,
        file,
        group: id,
        label: classes?.get(image),
        ...nodules,
        side,
        ...(fold === undefined ? {} : { fold }),
      };
    },
  );
}

/** The fold that holds each trainval image out, by image number. Incomplete or overlapping folds are not used. */
async function readFolds(collect: Collector, files: readonly string[]): Promise<Map<number, number> | undefined> {
  const named = files.flatMap((file) => {
    const match = /^tn3k-trainval-fold(\d+)\.json$/.exec(file);
    return match ? [{ file, fold: Number(match[1]) }] : [];
  });
  const folds = new Map<number, number>();
  for (const { file, fold } of named) {
    const held = await collect.parsed(file, parseFold);
    if (held === undefined) return undefined;
    for (const image of held) {
      if (folds.has(image)) {
        collect.skip(file, `holds out image ${image}, as fold ${folds.get(image)} does: the set's folds are not used`);
        return undefined;
      }
      folds.set(image, fold);
    }
  }
  return folds;
}
