/** The common form of labelling tools' annotations of an image: objects with a name, a box and perhaps an outline. */
import type { Size } from "../annotation-frame.ts";
import { boundingBox, type Point } from "../boxes.ts";
import { type Box, DataError, type Label, type Shape } from "../sample.ts";
import { BinaryWords, type ClassWords } from "./class-words.ts";

export interface MarkedObject {
  /** Its class in the tool; undefined if unknown. */
  name: string | undefined;
  /** In pixels of the image that was marked. */
  box: Box;
  /** Its outline, if more than the box was drawn. The boxes of one object share it. */
  shape?: Shape;
}

export interface Marked {
  objects: MarkedObject[];
  /** Size of the annotated image, if recorded. */
  size?: Size;
  /** Name of the annotated image, if recorded. */
  image?: string;
  /** Names for the image as a whole, which may give its class. */
  tags?: string[];
  /** What was interpreted differently from how it is written. */
  notes: string[];
}

/**
 * The class of an image from the names of its objects: the one that all of them share.
 *
 * @param numbers whether the names 0 and 1 are classes
 * @param note called if they differ
 * @param words recognises the classes
 * @throws DataError for an object not known to be a nodule: its box could be anything
 */
export function classOfObjects(
  { objects, tags = [] }: Pick<Marked, "objects" | "tags">,
  { numbers, note }: { numbers: boolean; note: (text: string) => void },
  words: ClassWords = new BinaryWords(),
): Label {
  const labels = new Set<Label>();
  for (const { name } of objects) {
    const nodule = name === undefined ? { label: undefined } : words.object(name, { numbers });
    if (!nodule) {
      throw new DataError(`marks "${name!.slice(0, 40)}", which is neither a class nor a known name of a nodule`);
    }
    labels.add(nodule.label);
  }
  const known = [...labels].filter((label) => label !== undefined);
  // The boxes of other classes could be anything: one of them is enough to leave the image out.
  const other = known.find((label) => words.isOther(label));
  if (other !== undefined) return other;
  if (known.length > 1) note("its objects are of different classes: it counts as unlabelled");
  else if (known.length === 1 && labels.size > 1) {
    note("not all of its objects have a class: it counts as unlabelled");
  }
  if (known.length > 0) return labels.size === 1 ? known[0] : undefined;
  const tagged = new Set(tags.flatMap((tag) => words.inText(tag) ?? []));
  if (tagged.size > 1) note("is tagged with several classes: it counts as unlabelled");
  return tagged.size === 1 ? [...tagged][0] : undefined;
}

/** Parts smaller than this share of the largest one's area are specks, as for mask components. */
const MAX_SPECK_SHARE = 0.01;

/**
 * The boxes of an object drawn as several outlines: one per part, merging parts whose boxes overlap. `specks` counts those too
 * small to be a nodule; the others are the object's shape.
 *
 * @throws DataError for an outline of fewer than 3 points, or without a finite area
 */
export function boxesOfOutlines(outlines: readonly (readonly Point[])[]): {
  boxes: Box[];
  shape: Shape;
  specks: number;
} {
  const parts = outlines.map((points) => {
    if (points.length < 3) throw new DataError("has an outline of fewer than 3 points");
    const size = polygonArea(points);
    if (!Number.isFinite(size)) throw new DataError("has an outline whose area is not finite");
    return { box: boundingBox(points), size, polygon: points };
  });
  const largest = parts.reduce((most, { size }) => Math.max(most, size), 0);
  const kept = parts.filter(({ size }) => size >= MAX_SPECK_SHARE * largest);
  let boxes: Box[] = [];
  for (const { box } of kept) {
    let joined = box;
    // A merged box may overlap a third.
    for (let before = -1; before !== boxes.length;) {
      before = boxes.length;
      const [apart, touching]: [Box[], Box[]] = [[], []];
      for (const other of boxes) (overlap(joined, other) ? touching : apart).push(other);
      joined = touching.reduce(around, joined);
      boxes = apart;
    }
    boxes.push(joined);
  }
  return { boxes, shape: kept.map(({ polygon }) => ({ polygon })), specks: parts.length - kept.length };
}

function polygonArea(points: readonly Point[]): number {
  let sum = 0;
  for (const [i, { x, y }] of points.entries()) {
    const next = points[(i + 1) % points.length]!;
    sum += x * next.y - next.x * y;
  }
  return Math.abs(sum) / 2;
}

const overlap = (a: Box, b: Box) => a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;

/** The smallest box that contains both. */
export const around = (a: Box, b: Box): Box => ({
  x0: Math.min(a.x0, b.x0),
  y0: Math.min(a.y0, b.y0),
  x1: Math.max(a.x1, b.x1),
  y1: Math.max(a.y1, b.y1),
});

/** The bounding box of a box rotated about its centre, by degrees. */
export function turnedBox({ x0, y0, x1, y1 }: Box, degrees: number): Box {
  const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const corner = (x: number, y: number): Point => ({
    x: cx + (x - cx) * cos - (y - cy) * sin,
    y: cy + (x - cx) * sin + (y - cy) * cos,
  });
  return boundingBox([corner(x0, y0), corner(x1, y0), corner(x1, y1), corner(x0, y1)]);
}
