/**
 * Reads TN5000's folder (doi:10.6084/m9.figshare.28455641), Pascal VOC: JPEGImages, Annotations, ImageSets/Main; one object per
 * nodule, whose name is its class. No patients are given: each image counts as its own.
 */
import { type Dataset, DataError, reasonOf, type Side } from "../sample.ts";
import { parseImageSet } from "../readers/image-set.ts";
import { parseVoc } from "../readers/voc.ts";
import { byNumber, Collector, imagesByStem } from "./collect.ts";
import type { Layout, Listing, Look, ReadContext, SetFiles } from "./layout.ts";
import { placed } from "./placed.ts";
import { imageOf, stemOf } from "./stems.ts";
import { firstTexts } from "./recognise.ts";

const SETS = "ImageSets/Main";
const SIDES: readonly Side[] = ["train", "val", "test"];

export const tn5000: Layout = {
  format: "tn5000",
  shape: "Pascal VOC: JPEGImages/ and Annotations/",
  async recognises({ folders }, look, peek) {
    if (!folders.includes("JPEGImages") || !folders.includes("Annotations")) return false;
    // Other sets have these folders too, with other object names: ./voc.ts.
    const names = await firstTexts("Annotations", /\.xml$/i, look, peek, (text) =>
      [...text.matchAll(/<object>\s*<name>\s*([^<]*?)\s*<\/name>/gi)].map(([, name]) => name!),
    );
    return names.length === 0 || names.some((name) => /^(?:[01](?:\.0*)?|benign|malignant)$/i.test(name));
  },
  read,
};

async function read(set: SetFiles, _: Listing, options: ReadContext, look: Look): Promise<Dataset> {
  const collect = new Collector("tn5000", set, options);
  const images = imagesByStem((await look("JPEGImages")).files);
  const annotations = (await look("Annotations")).files.filter((f) => /\.xml$/i.test(f)).sort(byNumber);
  /** The images that have an annotation, and those that may have one. */
  const used = new Set<string>();
  const listed = annotations.map((file) => ({ id: stemOf(file), file: `Annotations/${file}` }));
  const known = new Set(listed.map(({ id }) => id));
  const sides = await readSides(collect, (await look(SETS)).files, known);
  const dataset = await collect.each(
    listed,
    ({ file }) => file,
    async ({ id, file: name }, remarks) => {
      let image: string | undefined;
      try {
        const { image: named, size: drawnOn, objects, notes } = parseVoc(await collect.text(name));
        image = imageOf(images, id, named);
        if (!isNamed(image, id, named)) {
          remarks.note(
            `names the image ${named!.slice(0, 80)}, which is missing: used for ${image}, which has its name`,
          );
        }
        if (objects.length === 0) throw new DataError("has no object: no nodule is marked");
        const labels = new Set(objects.map(({ name }) => collect.words.cell(name ?? "")));
        const side = sides.get(id);
        if (side === "several") throw new DataError("is on several sides of the set's own split");
        const file = collect.file(`JPEGImages/${image}`);
        const size = await set.imageSize(file).catch((error: unknown) => {
          throw new DataError(`its image ${reasonOf(error)}`);
        });
        const all = objects.map(({ box }) => box);
        const boxes = placed(all, size, drawnOn, remarks);
        for (const note of notes) remarks.note(note);
        const other = [...labels].find((l) => collect.words.isOther(l));
        const label = other ?? (labels.size === 1 ? [...labels][0] : undefined);
        if (label === undefined) remarks.note("its objects are of different classes: it counts as unlabelled");
        return { id, file, group: id, label, boxes, ...(side ? { side } : {}) };
      } finally {
        for (const file of image === undefined ? images.all(id) : [image]) used.add(file);
      }
    },
  );
  for (const [id, file] of images) {
    if (used.has(file)) continue;
    const why = known.has(id) ? `${id}.xml is of another image of this name` : `no annotation: ${id}.xml is missing`;
    collect.skip(`JPEGImages/${file}`, why);
  }
  return dataset;
}

/** Whether the name in an annotation, if any, matches the image: with or without folders and extension, case-insensitive. */
function isNamed(image: string, id: string, named = ""): boolean {
  const base = named.split(/[\\/]/).at(-1)!.trim();
  const same = (a: string, b: string) => a.normalize("NFC").toLowerCase() === b.normalize("NFC").toLowerCase();
  return base === "" || same(base, image) || same(base, id) || same(stemOf(base), id);
}

/** The side of each id in the set's own split. */
async function readSides(
  collect: Collector,
  files: readonly string[],
  known: ReadonlySet<string>,
): Promise<Map<string, Side | "several">> {
  const sides = new Map<string, Side | "several">();
  for (const side of SIDES) {
    if (!files.includes(`${side}.txt`)) continue;
    const listed = await collect.parsed(`${SETS}/${side}.txt`, (text) =>
      parseImageSet(text, (name) => (known.has(name) ? [name] : [])),
    );
    for (const { name, found } of listed ?? []) {
      if (found.length === 0) collect.skip(SETS, `names ${name.slice(0, 40)}, which has no annotation`);
      for (const id of found) sides.set(id, (sides.get(id) ?? side) === side ? side : "several");
    }
  }
  return sides;
}
