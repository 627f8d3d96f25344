/**
 * Parses the manifest of a user's own set: CSV, JSON lines or a JSON array, one image per row.
 *
 *     image,label,boxes,mask,patient,split
 *     a/1.png,benign,"10 20 110 90; 200 40 260 80",,p1,train
 *     {"image": "a/1.png", "label": 1, "boxes": [[10, 20, 110, 90]], "patient": "p1", "split": "val"}
 *
 * Only `image` is required, and boxes or a mask for each image. Paths are relative to the manifest. A box is x0 y0 x1 y1 in
 * pixels of the image, edges, origin top left; in a column `boxes_xywh` it is x y width height. Label: 0, 1, benign, malignant
 * or empty. `outline`: none for an image without a nodule, or a mask of the nodules' true outlines. Also supported: `width` and
 * `height` of the image that the boxes were drawn on, if it differs; `fold` (from 0) and `cropped` (yes if the image is already
 * cropped to the tissue). Rows of one image are merged.
 */
import * as z from "zod";
import type { Size } from "../annotation-frame.ts";
import { type Box, DataError, type Label, reasonOf, type Side } from "../sample.ts";
import { type Bad, parseBoxes, readCsv, readJson } from "./manifest-text.ts";
import { BinaryWords, type ClassWords } from "./class-words.ts";
import { explain, parseCount, parseNumber, patientName, patientNotes } from "./values.ts";

export interface ManifestRow {
  line: number;
  image: string;
  label: Label;
  boxes: Box[];
  /** The boxes written as four bare numbers, which may not be meant as edges. */
  bare: Box[];
  /** Whether the row says that the image has no nodule. */
  empty: boolean;
  masks: string[];
  /** Masks of the true outlines. */
  outlines: string[];
  /** Size of the image that the boxes were drawn on. */
  drawnOn: Size | undefined;
  patient: string | undefined;
  side: Side | undefined;
  fold: number | undefined;
  cropped: boolean;
}

/** `source` is the original image of one that was cropped, for people. */
const COLUMNS = "image label boxes boxes_xywh mask outline width height patient split fold cropped source".split(" ");
/** Read instead of `label` with `--target tirads`. */
const GRADE = "tirads";
/** Maximum number of ignored columns to list by name. */
const MAX_COLUMNS_NAMED = 10;
/** Other tools' names for the sides. */
const SIDES = new Map<string, Side | undefined>([
  ["", undefined],
  ["train", "train"],
  ["val", "val"],
  ["valid", "val"],
  ["validation", "val"],
  ["test", "test"],
]);
const YES = new Map([
  ["", false],
  ["no", false],
  ["false", false],
  ["0", false],
  ["yes", true],
  ["true", true],
  ["1", true],
]);

const text = z.string().max(4096);
/** A cell, which in JSON may also be a number, a boolean or null. */
const cell = z
  .union([text, z.number(), z.boolean(), z.null()])
  .optional()
  .transform((value) => (value === null || value === undefined ? "" : String(value).trim()));
const four = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const edges = z.object({ x0: z.number(), y0: z.number(), x1: z.number(), y1: z.number() });
const sides = z.union([
  z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() }),
  z
    .object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() })
    .transform(({ x, y, w, h }) => ({ x, y, width: w, height: h })),
]);
/** A box whose numbers have names that say what they are. */
const named = z.union([
  edges,
  sides.transform(({ x, y, width, height }): Box => ({ x0: x, y0: y, x1: x + width, y1: y + height })),
]);
const boxList = z.preprocess(
  // A single box without a list around it, or in CSV form.
  (value) => {
    if (typeof value === "string") return parseBoxes(value.trim());
    return isFour(value) || (typeof value === "object" && value !== null && !Array.isArray(value)) ? [value] : value;
  },
  z.array(z.union([four, named])).nullish(),
);
const isFour = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 4 && value.every((n) => typeof n === "number");
const ROW = z.object({
  image: text.min(1),
  label: cell,
  tirads: cell,
  outline: z.union([text, z.array(text)]).nullish(),
  boxes: boxList,
  boxes_xywh: boxList,
  width: cell,
  height: cell,
  mask: z.union([text, z.array(text)]).nullish(),
  patient: cell,
  split: cell,
  fold: cell,
  cropped: cell,
});

/** The names of files in a cell, separated by semicolons, or in a list. */
const filesIn = (value: string | readonly string[] | null | undefined): string[] =>
  (typeof value === "string" ? value.split(/\s*;\s*/) : [...(value ?? [])])
    .map((file) => file.trim())
    .filter((file) => file !== "");

/**
 * The images of a manifest, in the order of their first rows.
 *
 * @param bad called for each row or image that cannot be used
 * @throws DataError if the text is not a manifest
 */
export function parseManifest(
  content: string,
  kind: "csv" | "jsonl",
  bad: Bad,
  words: ClassWords = new BinaryWords(),
): { rows: ManifestRow[]; notes: string[] } {
  const raw = kind === "csv" ? readCsv(content, [...COLUMNS, GRADE], bad) : readJson(content, bad);
  if (raw.rows.length > 0 && !["boxes", "boxes_xywh", "mask", "outline"].some((name) => raw.columns.has(name))) {
    const names = [...raw.columns].slice(0, MAX_COLUMNS_NAMED).map((name) => `"${name.slice(0, 40)}"`);
    throw new DataError(
      `has no column "boxes" or "mask", but ${names.join(", ")}: boxes are four numbers in one cell, x0 y0 x1 y1`,
    );
  }
  const notes: string[] = [];
  const source = words.target === "tirads" ? GRADE : "label";
  const unknown = [...raw.columns].filter((name) => name !== "" && !COLUMNS.includes(name) && name !== source);
  if (unknown.length > 0) {
    const names = unknown.slice(0, MAX_COLUMNS_NAMED).map((n) => n.slice(0, 40));
    const more = unknown.length > MAX_COLUMNS_NAMED ? ` and ${unknown.length - MAX_COLUMNS_NAMED} more` : "";
    notes.push(`ignored columns: ${names.join(", ")}${more}`);
  }
  if (!raw.columns.has(source)) notes.push(`no column "${source}": no image has a class`);
  const patients: string[] = [];
  const rows = raw.rows.flatMap(({ line, value }): ManifestRow[] => {
    try {
      const { row, written } = parseRow(line, value, words);
      patients.push(written);
      return [row];
    } catch (error) {
      bad(line, reasonOf(error));
      return [];
    }
  });
  notes.push(...patientNotes(patients));
  return { rows: together(rows, bad), notes };
}

/** The row, and its patient as written. */
function parseRow(line: number, value: unknown, words: ClassWords): { row: ManifestRow; written: string } {
  const result = ROW.safeParse(value);
  if (!result.success) throw new DataError(`is not an image of a manifest: ${explain(result.error)}`);
  const { image, boxes, boxes_xywh: sized, mask, patient: written, split, fold, cropped } = result.data;
  const label = words.target === "tirads" ? result.data.tirads : result.data.label;
  const outlines = filesIn(result.data.outline);
  const empty = outlines.length === 1 && outlines[0]!.toLowerCase() === "none";
  const side = split.toLowerCase();
  if (!SIDES.has(side)) throw new DataError(`has the split "${split.slice(0, 20)}", which is not train, val or test`);
  const held = fold === "" ? undefined : parseCount(fold);
  if (fold !== "" && (held === undefined || held > 99)) {
    throw new DataError(`has the fold "${fold.slice(0, 20)}", which is not a non-negative integer`);
  }
  const crop = isCropped(cropped);
  if ((boxes ?? []).length > 0 && (sized ?? []).length > 0) throw new DataError("has both boxes and boxes_xywh");
  const bare: Box[] = [];
  const plain = (boxes ?? []).map((box): Box => {
    if (!Array.isArray(box)) return box;
    const edges = { x0: box[0], y0: box[1], x1: box[2], y1: box[3] };
    bare.push(edges);
    return edges;
  });
  const bySize = (sized ?? []).map((box): Box => {
    if (!Array.isArray(box)) return box;
    return { x0: box[0], y0: box[1], x1: box[0] + box[2], y1: box[1] + box[3] };
  });
  const patient = patientName(written);
  const row = {
    line,
    image,
    label: label === "" ? undefined : words.cell(label),
    boxes: [...plain, ...bySize],
    bare,
    empty,
    masks: (typeof mask === "string" ? [mask] : (mask ?? [])).filter((file) => file !== ""),
    outlines: empty ? [] : outlines,
    drawnOn: sizeOf(result.data),
    patient: patient === "" ? undefined : patient,
    side: SIDES.get(side),
    fold: held,
    cropped: crop,
  };
  if (row.empty && row.boxes.length > 0) throw new DataError("has boxes, but the outline none");
  return { row, written };
}

/** Whether a cell of the column `cropped` says yes. @throws DataError */
export function isCropped(cell: string): boolean {
  const crop = YES.get(parseNumber(cell)?.toString() ?? cell.toLowerCase());
  if (crop === undefined) throw new DataError(`has cropped "${cell.slice(0, 20)}", which is not yes or no`);
  return crop;
}

/** A row's size; undefined if it has none or 0. */
function sizeOf({ width, height }: { width: string; height: string }): Size | undefined {
  const [w, h] = [width, height].map((text) => (text === "" ? 0 : parseCount(text)));
  if (w === undefined || h === undefined) {
    throw new DataError(`has the size "${`${width} x ${height}`.slice(0, 40)}", which is not a number of pixels`);
  }
  if (w === 0 && h === 0) return undefined;
  if (w === 0 || h === 0) throw new DataError("has only one of width and height");
  return { width: w, height: h };
}

/** One row per image, with the boxes and masks of all its rows; an image whose rows contradict each other is left out. */
function together(rows: readonly ManifestRow[], bad: Bad): ManifestRow[] {
  const byImage = new Map<string, ManifestRow | undefined>();
  for (const row of rows) {
    const first = byImage.get(row.image);
    if (!byImage.has(row.image)) byImage.set(row.image, { ...row });
    else if (first) {
      const differs =
        (["label", "patient", "side", "fold", "cropped", "empty"] as const).find((key) => first[key] !== row[key]) ??
        (sameSize(first.drawnOn, row.drawnOn) ? undefined : "size");
      if (differs === undefined) {
        first.boxes = [...first.boxes, ...row.boxes];
        first.bare = [...first.bare, ...row.bare];
        first.masks = [...first.masks, ...row.masks];
        first.outlines = [...first.outlines, ...row.outlines];
      } else {
        bad(row.line, `contradicts line ${first.line} in the ${differs} of ${row.image}: the image is left out`);
        byImage.set(row.image, undefined);
      }
    }
  }
  return [...byImage.values()].filter((row) => row !== undefined);
}

const sameSize = (a: Size | undefined, b: Size | undefined) => a?.width === b?.width && a?.height === b?.height;
