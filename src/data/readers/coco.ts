/**
 * Parses COCO's detection format (https://cocodataset.org/#format-data), which most labelling tools export: one JSON file for
 * many images.
 *
 *     { "images": [{ "id": 1, "file_name": "a.png", "width": 320, "height": 240 }],
 *       "annotations": [{ "image_id": 1, "category_id": 2, "bbox": [x, y, width, height], "segmentation": ... }],
 *       "categories": [{ "id": 2, "name": "malignant" }] }
 *
 * A segmentation is a list of polygons (x y x y ..), or run lengths down the columns, as numbers or compressed. If there is one,
 * its box is used, as the tighter of the two, and it is the outline.
 */
import * as z from "zod";
import { agreement } from "../boxes.ts";
import { components, runsOf, withoutSpecks } from "../components.ts";
import { type Box, DataError, reasonOf, type Shape } from "../sample.ts";
import { parseJson } from "./json.ts";
import { around, boxesOfOutlines, type Marked } from "./marked.ts";
import { decompressCounts, maskOfRuns } from "./rle.ts";
import { explain } from "./values.ts";

/** A box and an outline with a lower intersection over union do not mark the same thing. */
const MIN_OVERLAP = 0.5;

const id = z.union([z.number(), z.string().max(200)]).transform(String);
const FILE = z.object({
  images: z.array(z.unknown()),
  annotations: z.array(z.unknown()),
  categories: z.array(z.object({ id, name: z.string().max(200) })),
});
const IMAGE = z.object({
  id,
  file_name: z.string().min(1).max(4096),
  width: z.number().nonnegative().optional(),
  height: z.number().nonnegative().optional(),
});
const OWNER = z.object({ image_id: id });
const RUNS = z.object({
  counts: z.union([z.string(), z.array(z.int().nonnegative())]),
  size: z.tuple([z.int().positive(), z.int().positive()]),
});
const ANNOTATION = z.object({
  category_id: id,
  bbox: z.union([z.tuple([z.number(), z.number(), z.number(), z.number()]), z.tuple([])]).nullish(),
  segmentation: z.union([z.array(z.array(z.number())), RUNS]).nullish(),
});

/** An image of the file, or why its annotations cannot be used. */
export type CocoImage = { name: string } & ({ marked: Marked } | { reason: string });

/**
 * The images of a COCO file, in its order.
 *
 * @param bad called for each image or annotation that cannot be assigned
 * @throws DataError if the text is not such a file, or two categories share an id
 */
export function parseCoco(text: string, bad: (reason: string) => void): CocoImage[] {
  const { images, annotations, categories } = parseJson(text, FILE, "a COCO detection file");
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  if (names.size < categories.length) throw new DataError("has two categories with the same id");
  const known = new Map<string, CocoImage & { size?: { width: number; height: number } }>();
  for (const [i, value] of images.entries()) {
    const image = IMAGE.safeParse(value);
    if (!image.success) {
      bad(`images[${i}] cannot be used: ${explain(image.error)}`);
      continue;
    }
    const { id, file_name: name, width, height } = image.data;
    if (known.has(id)) {
      // It is unknown which of the two an annotation belongs to.
      const first = known.get(id)!;
      known.set(id, { name: first.name, reason: `has the id ${id}, as ${name} has` });
      bad(`images[${i}] ${name.slice(0, 80)} has the id of ${first.name.slice(0, 80)}: both are left out`);
      continue;
    }
    const size = width === undefined || height === undefined ? undefined : { width, height };
    known.set(id, { name, marked: { objects: [], notes: [], ...(size ? { size } : {}) } });
  }
  const strangers = new Map<string, number>();
  for (const [i, value] of annotations.entries()) {
    const owner = OWNER.safeParse(value);
    if (!owner.success) {
      bad(`annotations[${i}] is of no image: ${explain(owner.error)}`);
      continue;
    }
    const image = known.get(owner.data.image_id);
    if (!image) strangers.set(owner.data.image_id, (strangers.get(owner.data.image_id) ?? 0) + 1);
    else if ("marked" in image) {
      try {
        addAnnotation(image.marked, value, names);
      } catch (error) {
        known.set(owner.data.image_id, { name: image.name, reason: `annotations[${i}] ${reasonOf(error)}` });
      }
    }
  }
  for (const [id, count] of strangers) bad(`has ${count} annotations of image ${id}, which it does not list`);
  return [...known.values()];
}

function addAnnotation(marked: Marked, value: unknown, names: ReadonlyMap<string, string>): void {
  const result = ANNOTATION.safeParse(value);
  if (!result.success) throw new DataError(`cannot be used: ${explain(result.error)}`);
  const { category_id: category, bbox, segmentation } = result.data;
  const name = names.get(category);
  if (name === undefined) throw new DataError(`is of category ${category}, which is not listed`);
  const drawn = bbox?.length === 4 ? { x0: bbox[0], y0: bbox[1], x1: bbox[0] + bbox[2], y1: bbox[1] + bbox[3] } : null;
  const { boxes: outlined, shape } = segmentation ? outlinesOf(segmentation, marked) : { boxes: [], shape: [] };
  if (outlined.length === 0 && !drawn) throw new DataError("has neither bbox nor segmentation");
  if (outlined.length > 0 && drawn) {
    const share = agreement(outlined.reduce(around), drawn);
    if (!(share >= MIN_OVERLAP)) {
      marked.notes.push(
        `bbox and segmentation of a ${name.slice(0, 40)} overlap by only ${(100 * share).toFixed(0)} %: the segmentation's box is used`,
      );
    }
  }
  if (outlined.length === 0) marked.objects.push({ name, box: drawn! });
  for (const box of outlined) marked.objects.push({ name, box, shape });
}

function outlinesOf(segmentation: number[][] | z.infer<typeof RUNS>, marked: Marked): { boxes: Box[]; shape: Shape } {
  const note = (specks: number) => {
    if (specks > 0) marked.notes.push(`${specks} speck${specks === 1 ? "" : "s"} of its segmentation: left out`);
  };
  if (Array.isArray(segmentation)) {
    const outlines = segmentation.map((numbers) => {
      if (numbers.length % 2 === 1) throw new DataError("has a polygon of an odd number of coordinates");
      return Array.from({ length: numbers.length / 2 }, (_, i) => ({ x: numbers[2 * i]!, y: numbers[2 * i + 1]! }));
    });
    const { boxes, shape, specks } = boxesOfOutlines(outlines);
    note(specks);
    return { boxes, shape };
  }
  const [height, width] = segmentation.size;
  const { size } = marked;
  if (size && size.width + size.height > 0 && (size.width !== width || size.height !== height)) {
    throw new DataError(`has a mask of ${width}x${height} on an image of ${size.width}x${size.height}`);
  }
  marked.size = { width, height };
  const { counts } = segmentation;
  const runs = typeof counts === "string" ? decompressCounts(counts) : counts;
  const { kept, specks } = withoutSpecks(components(maskOfRuns(runs, { width, height }, "columns"), width, height));
  note(specks);
  return { boxes: kept.map(({ box }) => box), shape: [{ runs: runsOf(kept) }] };
}
