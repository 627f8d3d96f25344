/** Annotations in COCO's detection format, which src/data/readers/coco.ts reads: a list for each side of the split. */
import { components, withoutSpecks } from "../../../src/data/components.ts";
import { boxesOfOutlines } from "../../../src/data/readers/marked.ts";
import type { Box, Point } from "../../../src/data/sample.ts";
import { toJson } from "../../../src/runs/store.ts";
import {
  type ExportedFiles,
  type ExportedImage,
  isUnmarked,
  maskOf,
  noduleWord,
  patientTable,
  short,
  type Writer,
} from "./image.ts";

type Segmentation = number[][] | { counts: number[]; size: [height: number, width: number] };

const SIDES = [null, "train", "val", "test"] as const;

export const coco: Writer = async (all, { names }, next) => {
  // Frames of a film have no name in COCO.
  const images = all.filter((image) => !isUnmarked(image) && image.name === image.picture);
  const categories = [...names, noduleWord(names)].map((name, i) => ({ id: i + 1, name, supercategory: "nodule" }));
  const files: ExportedFiles = patientTable(images, names);
  for (const side of SIDES) {
    const own = images.filter((image) => image.side === side);
    if (own.length === 0) continue;
    const annotations: object[] = [];
    for (const [i, image] of own.entries()) {
      await next();
      annotations.push(...annotationsOf(image, i + 1, names.length));
    }
    const list = {
      images: own.map(({ name, width, height }, i) => ({ id: i + 1, file_name: name, width, height })),
      annotations: annotations.map((annotation, i) => ({ id: i + 1, ...annotation })),
      categories,
    };
    files.set(side === null ? "annotations.json" : `annotations_${side}.json`, toJson(list));
  }
  return files;
};

function annotationsOf(image: ExportedImage, id: number, classes: number) {
  const segmentations = segmentationsOf(image);
  return image.boxes.map(({ x0, y0, x1, y1 }, i) => ({
    image_id: id,
    category_id: (image.label ?? classes) + 1,
    bbox: [x0, y0, x1 - x0, y1 - y0].map(short),
    area: short((x1 - x0) * (y1 - y0)),
    iscrowd: 0,
    ...(segmentations ? { segmentation: segmentations[i]! } : {}),
  }));
}

const close = (a: Box, b: Box): boolean =>
  Math.max(Math.abs(a.x0 - b.x0), Math.abs(a.y0 - b.y0), Math.abs(a.x1 - b.x1), Math.abs(a.y1 - b.y1)) < 1e-5;

/**
 * The outline of each box. Readers take the box around an outline for the box, so there are none unless these boxes are the same.
 */
function segmentationsOf(image: ExportedImage): Segmentation[] | undefined {
  const { shape, boxes } = image;
  if (!shape || boxes.length === 0) return undefined;
  const polygons = shape.flatMap((part) => ("polygon" in part ? [part.polygon] : []));
  if (polygons.length === 0) return ofMask(image);
  return polygons.length === shape.length ? ofPolygons(polygons, boxes) : undefined;
}

function ofPolygons(polygons: readonly (readonly Point[])[], boxes: readonly Box[]): Segmentation[] | undefined {
  const groups = boxes.map((box) => polygons.filter((points) => points.every((point) => holds(box, point))));
  const fits = groups.every((group, i) => {
    const found = group.length > 0 ? boxesOfOutlines(group) : undefined;
    return found?.boxes.length === 1 && found.specks === 0 && close(found.boxes[0]!, boxes[i]!);
  });
  if (!fits || groups.flat().length !== polygons.length) return undefined;
  return groups.map((group) => group.map((points) => points.flatMap(({ x, y }) => [short(x), short(y)])));
}

const holds = ({ x0, y0, x1, y1 }: Box, { x, y }: Point): boolean =>
  x >= x0 - 1e-5 && x <= x1 + 1e-5 && y >= y0 - 1e-5 && y <= y1 + 1e-5;

function ofMask(image: ExportedImage): Segmentation[] | undefined {
  const { boxes, width, height } = image;
  const mask = maskOf(image);
  const { kept, specks } = withoutSpecks(mask ? components(mask, width, height) : []);
  if (specks > 0 || kept.length !== boxes.length) return undefined;
  const found = boxes.map((box) => kept.find((component) => close(component.box, box)));
  return found.every((component) => component !== undefined)
    ? found.map(({ runs }) => ({ counts: countsOf(runs, width, height), size: [height, width] }))
    : undefined;
}

/** Lengths of the runs down the columns, of pixels outside and inside in turn. @param runs along the rows, x0 y0 x1 y1 each */
function countsOf(runs: readonly number[], width: number, height: number): number[] {
  const byColumn = new Uint8Array(width * height);
  for (let i = 0; i < runs.length; i += 4) {
    for (let x = runs[i]!; x < runs[i + 2]!; x++) byColumn[x * height + runs[i + 1]!] = 1;
  }
  const counts: number[] = [];
  for (let at = 0, value = 0; at < byColumn.length; value = 1 - value) {
    const end = byColumn.indexOf(1 - value, at);
    const next = end === -1 ? byColumn.length : end;
    counts.push(next - at);
    at = next;
  }
  return counts;
}
