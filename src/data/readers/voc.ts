/**
 * Parses Pascal VOC annotations (http://host.robots.ox.ac.uk/pascal/VOC/): one XML file per image.
 *
 *     <annotation><filename>000001.jpg</filename><size>...</size>
 *       <object><name>1</name><bndbox><xmin>120</xmin><ymin>85</ymin><xmax>340</xmax><ymax>290</ymax></bndbox></object>
 *     </annotation>
 *
 * `<size>` is that of the annotated image. Coordinates are read as the edges of the box; whether a set counts its pixels from
 * 1, as VOC does, is unknown, and would move an edge by one pixel. Some tools write other elements instead of a `<bndbox>`: a
 * `<polygon>` of `<x1> <y1> <x2> ..` or of `<pt><x> <y></pt>`, or a rotated `<robndbox>`. The boxes of an object's `<part>`s
 * are not nodules.
 */
import * as z from "zod";
import type { Size } from "../annotation-frame.ts";
import { type Box, DataError } from "../sample.ts";
import { boxesOfOutlines, type Marked, type MarkedObject, turnedBox } from "./marked.ts";
import { explain, parseCount, parseNumber } from "./values.ts";
import { xmlParser } from "./xml.ts";

/** Text, or undefined for anything else: an annotation is not refused over optional fields. */
const text = z.string().max(4096).optional().catch(undefined);
const SIZE = z.object({ width: text, height: text }).optional().catch(undefined);
const ANNOTATION = z.object({
  annotation: z.object({ filename: text, size: SIZE, object: z.array(z.unknown()).default([]) }),
});
const EDGES = ["xmin", "ymin", "xmax", "ymax"] as const;
const TURNED = ["cx", "cy", "w", "h", "angle"] as const;

// Some tools capitalise tags.
const parse = xmlParser({
  ignoreAttributes: true,
  isArray: (tag) => tag === "object" || tag === "pt",
  transformTagName: (tag) => tag.toLowerCase(),
});

/** @throws DataError if the text is not XML or not an annotation, or has an object marked in an unknown way */
export function parseVoc(xml: string): Marked {
  const result = ANNOTATION.safeParse(parse(xml));
  if (!result.success) throw new DataError(`is not a VOC annotation: ${explain(result.error)}`);
  const { filename, size: written, object } = result.data.annotation;
  const marked: Marked = { objects: [], notes: [] };
  for (const [i, value] of object.entries()) {
    const parsed = objectOf(value, `object ${i + 1}`, marked.notes);
    if (parsed) marked.objects.push(parsed);
  }
  const size = sizeOf(written);
  return { ...marked, ...(size ? { size } : {}), ...(filename ? { image: filename } : {}) };
}

/** Undefined for an object marked as deleted. */
function objectOf(value: unknown, what: string, notes: string[]): MarkedObject | undefined {
  const object = fieldsOf(value);
  if (!object || typeof object["name"] !== "string") throw new DataError(`${what} has no name, or several`);
  if (object["deleted"] === "1") {
    notes.push(`an object that is marked as deleted: left out`);
    return undefined;
  }
  const name = object["name"].slice(0, 200);
  const { bndbox, polygon, robndbox } = object;
  if (Array.isArray(bndbox)) throw new DataError(`${what} has ${bndbox.length} boxes`);
  if (bndbox !== undefined) {
    const [xmin, ymin, xmax, ymax] = numbersOf(bndbox, EDGES, `${what}: bndbox`);
    return { name, box: { x0: xmin!, y0: ymin!, x1: xmax!, y1: ymax! } };
  }
  if (polygon !== undefined) {
    notes.push("a polygon: the box around it is used");
    const { boxes, shape } = boxesOfOutlines([pointsOf(polygon, `${what}: polygon`)]);
    return { name, box: boxes[0]!, shape };
  }
  if (robndbox !== undefined) {
    const [cx, cy, w, h, angle] = numbersOf(robndbox, TURNED, `${what}: robndbox`);
    notes.push("a rotated box: the box around it is used");
    const box: Box = { x0: cx! - w! / 2, y0: cy! - h! / 2, x1: cx! + w! / 2, y1: cy! + h! / 2 };
    // In radians.
    return { name, box: turnedBox(box, (angle! * 180) / Math.PI) };
  }
  throw new DataError(`${what} has neither bndbox nor polygon`);
}

const fieldsOf = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;

function numbersOf(value: unknown, names: readonly string[], what: string): number[] {
  const fields = fieldsOf(value) ?? {};
  return names.map((name) => {
    const written = fields[name];
    if (written === undefined) throw new DataError(`${what} has no ${name}`);
    const number = typeof written === "string" ? parseNumber(written) : undefined;
    if (number !== undefined) return number;
    const shown = typeof written === "string" ? ` "${written.slice(0, 20)}"` : "";
    const comma = typeof written === "string" && parseNumber(written.replace(",", ".")) !== undefined;
    throw new DataError(`${what}.${name}${shown} is not a number${comma ? ": decimals are written with a point" : ""}`);
  });
}

/** Points as `<pt><x> <y></pt>`, or as `<x1> <y1> <x2> ..`. */
function pointsOf(value: unknown, what: string): { x: number; y: number }[] {
  const fields = fieldsOf(value);
  if (!fields) throw new DataError(`${what} has no points, or is one of several`);
  const point = (of: unknown, x: string, y: string) => {
    const [a, b] = numbersOf(of, [x, y], what);
    return { x: a!, y: b! };
  };
  if (Array.isArray(fields["pt"])) return fields["pt"].map((pt) => point(pt, "x", "y"));
  const points: { x: number; y: number }[] = [];
  for (let i = 1; fields[`x${i}`] !== undefined || fields[`y${i}`] !== undefined; i++) {
    points.push(point(fields, `x${i}`, `y${i}`));
  }
  return points;
}

function sizeOf(size: z.infer<typeof SIZE>): Size | undefined {
  const [width, height] = [size?.width, size?.height].map((side) => parseCount(side?.trim() ?? "") ?? 0);
  return width! > 0 && height! > 0 ? { width: width!, height: height! } : undefined;
}
