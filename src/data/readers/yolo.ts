/**
 * Parses YOLO's label files (https://docs.ultralytics.com/datasets/): one text file per image, one object per line, in
 * fractions of the image's width and height; and data.yaml, which names the classes.
 *
 *     0 0.50 0.50 0.25 0.20              class, centre x y, width height
 *     0 0.40 0.40 0.60 0.40 0.50 0.60    class, outline x y x y ..
 *
 * data.yaml also says where the images of each side are: folders, or lists of images.
 *
 * The name decides the class, never the number: in some exports 0 is malignant.
 */
import { parse } from "yaml";
import * as z from "zod";
import { boundingBox } from "../boxes.ts";
import { type Box, DataError, reasonOf, type Shape, type Side } from "../sample.ts";
import { explain } from "./values.ts";

export interface YoloObject {
  /** Index into the list of names. */
  index: number;
  /** In fractions of the image's width and height. */
  box: Box;
  /** Likewise; absent if the line has only a box. */
  shape?: Shape;
}

export interface YoloData {
  /** Class names by number. */
  names: Map<number, string>;
  /** The folders or lists of each side, as written. */
  sides: [Side, string[]][];
}

const places = z
  .union([z.string(), z.array(z.string())])
  .nullish()
  .transform((value) => (typeof value === "string" ? [value] : (value ?? [])).filter((place) => place.trim() !== ""));
const DATA = z.object({
  train: places,
  val: places,
  valid: places,
  test: places,
  names: z.union([z.array(z.coerce.string()), z.record(z.string().regex(/^\d{1,6}$/), z.coerce.string())]),
  nc: z.int().nonnegative().optional(),
  kpt_shape: z.unknown().optional(),
});

/** @throws DataError for text that is not a data.yaml, or describes key points */
export function parseYoloData(text: string): YoloData {
  let yaml: unknown;
  try {
    yaml = parse(text, { maxAliasCount: 10 });
  } catch (error) {
    throw new DataError(`is not YAML: ${reasonOf(error)}`);
  }
  const result = DATA.safeParse(yaml);
  if (!result.success) throw new DataError(`names no classes: ${explain(result.error)}`);
  const { names, nc, kpt_shape: points, train, val, valid, test } = result.data;
  if (points !== undefined) throw new DataError("is of a key-point set, whose points mark no nodule");
  const map = Array.isArray(names)
    ? new Map(names.map((name, i) => [i, name]))
    : new Map(Object.entries(names).map(([i, name]) => [Number(i), name]));
  if (nc !== undefined && nc !== map.size)
    throw new DataError(`says that there are ${nc} classes, but names ${map.size}`);
  const sides: [Side, string[]][] = [
    ["train", train],
    ["val", [...val, ...valid]],
    ["test", test],
  ];
  return { names: map, sides: sides.filter(([, written]) => written.length > 0) };
}

/** Rounding in the last digit that tools write. */
const ROUNDING_SHARE = 1e-5;

/** @throws DataError naming the first line that is not an object of this format */
export function parseYoloLabels(text: string): YoloObject[] {
  const objects: YoloObject[] = [];
  for (const [i, line] of text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\r|\n/)
    .entries()) {
    if (line.trim() === "") continue;
    try {
      objects.push(parseLine(line.trim().split(/\s+/)));
    } catch (error) {
      throw new DataError(`line ${i + 1} ${reasonOf(error)}`);
    }
  }
  return objects;
}

function parseLine(cells: readonly string[]): YoloObject {
  if (!/^\d{1,6}$/.test(cells[0]!))
    throw new DataError(`has the class "${cells[0]!.slice(0, 20)}", which is not a number`);
  const index = Number(cells[0]);
  const numbers = cells.slice(1).map((cell) => {
    const number = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,3})?$/i.test(cell) ? Number(cell) : NaN;
    if (Number.isNaN(number)) throw new DataError(`has "${cell.slice(0, 20)}", which is not a number`);
    if (!(number >= -ROUNDING_SHARE && number <= 1 + ROUNDING_SHARE)) {
      throw new DataError(`has ${cell.slice(0, 20)}, which is not a fraction of the image, from 0 to 1`);
    }
    return Math.min(1, Math.max(0, number));
  });
  if (numbers.length === 4) {
    const [cx, cy, w, h] = numbers as [number, number, number, number];
    return { index, box: { x0: cx - w / 2, y0: cy - h / 2, x1: cx + w / 2, y1: cy + h / 2 } };
  }
  if (numbers.length < 6 || numbers.length % 2 === 1) {
    throw new DataError(`has ${numbers.length} numbers: neither a box of 4 nor an outline of 3 points or more`);
  }
  const points = Array.from({ length: numbers.length / 2 }, (_, i) => ({ x: numbers[2 * i]!, y: numbers[2 * i + 1]! }));
  return { index, box: boundingBox(points), shape: [{ polygon: points }] };
}
