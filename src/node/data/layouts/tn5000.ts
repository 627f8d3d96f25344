/** TN5000's folder, Pascal VOC: JPEGImages, Annotations, ImageSets/Main. No patients are named: each image is its own. */
import { type Dataset, DataError, reasonOf, type Side } from "../../../data/sample.ts";
import { parseImageSet, parseVoc, type VocAnnotation } from "../../../data/readers/voc.ts";
import { imageSize } from "../decode.ts";
import { byNumber, Collector, imagesByStem } from "./collect.ts";
import type { Layout, Listing, Look, ReadOptions } from "./layout.ts";
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
    // Other sets have these folders too, with objects that are called otherwise: ./voc.ts.
    const names = await firstTexts("Annotations", /\.xml$/i, look, peek, (text) =>
      [...text.matchAll(/<object>\s*<name>\s*([^<]*?)\s*<\/name>/g)].map(([, name]) => name!),
    );
    return names.length === 0 || names.some((name) => /^(?:[01]|benign|malignant)$/i.test(name));
  },
  read,
};

async function read(dir: string, _: Listing, options: ReadOptions, look: Look): Promise<Dataset> {
  const collect = new Collector("tn5000", dir, options);
  const images = imagesByStem((await look("JPEGImages")).files);
  const annotations = (await look("Annotations")).files.filter((f) => /\.xml$/i.test(f)).sort(byNumber);
  /** The images that an annotation is of, and those of which it cannot be known. */
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
        const { filename, size: drawnOn, objects } = parseVoc(await collect.text(name));
        image = imageOf(images, id, filename);
        if (objects.length === 0) throw new DataError("has no object: no nodule is marked");
        const side = sides.get(id);
        if (side === "several") throw new DataError("is on several sides of the set's own split");
        const file = collect.file(`JPEGImages/${image}`);
        const size = await imageSize(file).catch((error: unknown) => {
          throw new DataError(`its image ${reasonOf(error)}`);
        });
        const all = objects.map(({ box }) => box);
        const boxes = placed(all, size, drawnOn, remarks);
        const label = classOf(objects);
        if (label === undefined) remarks.note("its objects are of both classes: it counts as without a class");
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
  for (const id of sides.keys()) {
    if (!known.has(id)) collect.skip(SETS, `names ${id.slice(0, 40)}, of which there is no annotation`);
  }
  return dataset;
}

/** The class that all objects have; undefined when they differ. */
function classOf(objects: VocAnnotation["objects"]): 0 | 1 | undefined {
  const [first] = objects;
  return objects.every(({ label }) => label === first!.label) ? first!.label : undefined;
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
    const ids = await collect.parsed(`${SETS}/${side}.txt`, (text) => parseImageSet(text, known));
    for (const id of ids ?? []) {
      sides.set(id, (sides.get(id) ?? side) === side ? side : "several");
    }
  }
  return sides;
}
