/** Reads DDTI's folder: `<case>.xml` beside `<case>_<k>.jpg`, k from 1. */
import { benignMalignant } from "../classes.ts";
import { type DdtiCase, type DdtiMark, labelOfGrade, outlinesInImage, parseDdtiCase } from "../readers/ddti.ts";
import { rootOf } from "../readers/xml.ts";
import { type Dataset, DataError, reasonOf } from "../sample.ts";
import { groupBy } from "./collect.ts";
import type { Layout, Listing, ReadContext, SetFiles } from "./layout.ts";
import { bareOf } from "./names.ts";
import { firstTexts } from "./recognise.ts";

const CASE_FILE = /^(\d+)\.xml$/i;
const IMAGE_FILE = /^(\d+_\d+)\.(?:jpe?g|png)$/i;

export const ddti: Layout = {
  format: "ddti",
  shape: "<case>.xml beside <case>_<k>.jpg",
  targets: ["class", "tirads"],
  async recognises({ files }, look, peek) {
    if (!files.some((f) => CASE_FILE.test(f)) || !files.some((f) => IMAGE_FILE.test(f))) return false;
    // Other annotations may be numbered like cases.
    const roots = await firstTexts("", CASE_FILE, look, peek, (text) => rootOf(text) ?? []);
    return roots.length === 0 || roots.includes("case");
  },
  read,
};

async function read(set: SetFiles, listing: Listing, options: ReadContext): Promise<Dataset> {
  const dataset: Dataset = { name: "ddti", classes: benignMalignant, samples: [], skipped: [], notes: [] };
  const skip = (name: string, reason: string) => dataset.skipped.push({ file: set.full(name), reason });
  // Images by id; each leaves the map as soon as it is accounted for.
  const images = new Map<string, string>();
  const byId = groupBy(
    listing.files.filter((file) => IMAGE_FILE.test(file)),
    bareOf,
  );
  for (const [id, files] of byId) {
    if (files.length === 1) images.set(id, files[0]!);
    else for (const file of files) skip(file, `${files.length} images have this name: ${files.join(", ")}`);
  }

  for (const caseFile of listing.files.filter((f) => CASE_FILE.test(f)).sort(byCase)) {
    options.signal?.throwIfAborted();
    const number = bareOf(caseFile);
    let marked: DdtiCase;
    try {
      marked = parseDdtiCase(await set.text(caseFile));
      if (marked.number !== number) throw new DataError(`says that it is case ${marked.number}`);
    } catch (error) {
      skip(caseFile, reasonOf(error));
      for (const [id, file] of images) {
        if (id.startsWith(`${number}_`) && images.delete(id)) skip(file, `its annotation ${caseFile} cannot be used`);
      }
      continue;
    }
    for (const mark of marked.marks) {
      const id = `${number}_${mark.image}`;
      const file = images.get(id);
      images.delete(id);
      if ((byId.get(id) ?? []).length > 1) continue;
      if (file === undefined) skip(`${id}.jpg`, `${caseFile} has outlines on it, but the image is missing`);
      else await readMark(id, file, marked, mark);
    }
  }
  for (const [id, file] of images) skip(file, `no annotation: ${id.split("_")[0]}.xml is missing or does not name it`);
  return dataset;

  async function readMark(id: string, name: string, { number, grade }: DdtiCase, mark: DdtiMark): Promise<void> {
    if (mark.incomplete !== undefined) {
      if (mark.rings.length === 0 || options.incomplete !== "keep") return void skip(name, mark.incomplete);
      dataset.notes.push(`${name}: ${mark.incomplete}`);
    }
    const file = set.full(name);
    try {
      const { width, height } = await set.imageSize(file);
      const { boxes, shape, notes } = outlinesInImage(mark.rings, width, height);
      dataset.notes.push(...[...mark.notes, ...notes].map((note) => `${name}: ${note}`));
      if (boxes.length === 0) skip(name, "no outline of a nodule lies inside the image");
      else {
        const label = labelOfGrade(grade, options.words);
        dataset.samples.push({ id, file, group: number, label, boxes, shape });
      }
    } catch (error) {
      skip(name, reasonOf(error));
    }
  }
}

/** Orders cases by number: the order of the samples must not depend on the file system. */
function byCase(a: string, b: string): number {
  return Number.parseInt(a) - Number.parseInt(b);
}
