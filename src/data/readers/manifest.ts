/**
 * The manifest of a set of one's own, CSV or JSON lines, one image a row:
 *
 *     image,label,boxes,mask,patient,split
 *     a/1.png,benign,"10 20 110 90; 200 40 260 80",,p1,train
 *     {"image": "a/1.png", "label": 1, "boxes": [[10, 20, 110, 90]], "patient": "p1", "split": "val"}
 *
 * Only `image` must be there, and of each image boxes or a mask. Paths are relative to the manifest. A box is x0 y0 x1 y1 in
 * pixels of the image, edges, origin top left. Label: 0, 1, benign, malignant or empty. Also known: `fold` (from 0) and
 * `cropped` (yes where the image is a crop to the tissue already). Rows of one image are put together.
 */
import { z } from "zod";
import { type Box, DataError, type Label, reasonOf, type Side } from "../sample.ts";
import { parseNamedTable } from "./table.ts";
import { decimal, explain, parseClass } from "./values.ts";

export interface ManifestRow {
  line: number;
  image: string;
  label: Label;
  boxes: Box[];
  masks: string[];
  patient: string | undefined;
  side: Side | undefined;
  fold: number | undefined;
  cropped: boolean;
}

type Bad = (line: number, reason: string) => void;

/** `source` is the original image of one that was cropped, for people. */
const COLUMNS = ["image", "label", "boxes", "mask", "patient", "split", "fold", "cropped", "source"];
/** The names that other tools give the sides. */
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
/** A cell that JSON may also have as a number, a truth value or null. */
const cell = z
  .union([text, z.number(), z.boolean(), z.null()])
  .optional()
  .transform((value) => (value === null || value === undefined ? "" : String(value).trim()));
const corners = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const edges = z.object({ x0: z.number(), y0: z.number(), x1: z.number(), y1: z.number() });
const ROW = z.object({
  image: text.min(1),
  label: cell,
  boxes: z.array(z.union([corners, edges])).nullish(),
  mask: z.union([text, z.array(text)]).nullish(),
  patient: cell,
  split: cell,
  fold: cell,
  cropped: cell,
});

/**
 * The images of a manifest, in the order of their first rows.
 *
 * @param bad told of each row, or image, that cannot be used
 * @throws DataError when the text is no manifest at all
 */
export function parseManifest(
  content: string,
  kind: "csv" | "jsonl",
  bad: Bad,
): { rows: ManifestRow[]; notes: string[] } {
  const raw = kind === "csv" ? readCsv(content, bad) : readLines(content, bad);
  const notes: string[] = [];
  const unknown = [...raw.columns].filter((name) => !COLUMNS.includes(name));
  if (unknown.length > 0) notes.push(`columns that are not read: ${unknown.map((n) => n.slice(0, 40)).join(", ")}`);
  if (!raw.columns.has("label")) notes.push('no column "label": no image has a class');
  const rows = raw.rows.flatMap(({ line, value }): ManifestRow[] => {
    try {
      return [parseRow(line, value)];
    } catch (error) {
      bad(line, reasonOf(error));
      return [];
    }
  });
  return { rows: together(rows, bad), notes };
}

interface Raw {
  columns: Set<string>;
  rows: { line: number; value: unknown }[];
}

function readCsv(content: string, bad: Bad): Raw {
  const { columns, rows } = parseNamedTable(content, ["image"], bad);
  const result: Raw = { columns: new Set(columns), rows: [] };
  for (const { line, cell } of rows) {
    const value: Record<string, unknown> = Object.fromEntries(columns.map((name) => [name, cell(name)]));
    try {
      value["boxes"] = parseBoxes(cell("boxes") ?? "");
      value["mask"] = cell("mask") === "" ? undefined : cell("mask")?.split(/\s*;\s*/);
      result.rows.push({ line, value });
    } catch (error) {
      bad(line, reasonOf(error));
    }
  }
  return result;
}

/** "x0 y0 x1 y1; ...", or the same as JSON. */
function parseBoxes(written: string): unknown {
  if (written.startsWith("[")) {
    try {
      return JSON.parse(written);
    } catch (error) {
      throw new DataError(`has boxes that are not JSON: ${reasonOf(error)}`);
    }
  }
  return written
    .split(";")
    .filter((box) => box.trim() !== "")
    .map((box) => {
      const result = z.tuple([decimal, decimal, decimal, decimal]).safeParse(box.trim().split(/[\s,]+/));
      if (result.success) return result.data;
      throw new DataError(`has the box "${box.trim().slice(0, 60)}", which is not x0 y0 x1 y1`);
    });
}

function readLines(content: string, bad: Bad): Raw {
  const result: Raw = { columns: new Set(), rows: [] };
  content.split(/\r\n|\r|\n/).forEach((line, i) => {
    if (line.trim() === "") return;
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === "object" && value) for (const name of Object.keys(value)) result.columns.add(name);
      result.rows.push({ line: i + 1, value });
    } catch (error) {
      bad(i + 1, `is not JSON: ${reasonOf(error)}`);
    }
  });
  return result;
}

function parseRow(line: number, value: unknown): ManifestRow {
  const result = ROW.safeParse(value);
  if (!result.success) throw new DataError(`is no image of a manifest: ${explain(result.error)}`);
  const { image, label, boxes, mask, patient, split, fold, cropped } = result.data;
  const side = split.toLowerCase();
  if (!SIDES.has(side)) throw new DataError(`has the split "${split.slice(0, 20)}", which is not train, val or test`);
  if (!/^\d{0,2}$/.test(fold)) throw new DataError(`has the fold "${fold.slice(0, 20)}", which is no number from 0 on`);
  const crop = YES.get(cropped.toLowerCase());
  if (crop === undefined) throw new DataError(`has cropped "${cropped.slice(0, 20)}", which is not yes or no`);
  return {
    line,
    image,
    label: label === "" ? undefined : parseClass(label),
    boxes: (boxes ?? []).map((box) => (Array.isArray(box) ? { x0: box[0], y0: box[1], x1: box[2], y1: box[3] } : box)),
    masks: (typeof mask === "string" ? [mask] : (mask ?? [])).filter((file) => file !== ""),
    patient: patient === "" ? undefined : patient,
    side: SIDES.get(side),
    fold: fold === "" ? undefined : Number(fold),
    cropped: crop,
  };
}

/** One row an image, with the boxes and masks of all its rows; an image whose rows contradict each other is left out. */
function together(rows: readonly ManifestRow[], bad: Bad): ManifestRow[] {
  const byImage = new Map<string, ManifestRow | undefined>();
  for (const row of rows) {
    const first = byImage.get(row.image);
    if (!byImage.has(row.image)) byImage.set(row.image, { ...row });
    else if (first) {
      const differs = (["label", "patient", "side", "fold", "cropped"] as const).find((key) => first[key] !== row[key]);
      if (differs === undefined) {
        first.boxes = [...first.boxes, ...row.boxes];
        first.masks = [...first.masks, ...row.masks];
      } else {
        bad(row.line, `contradicts line ${first.line} in the ${differs} of ${row.image}: the image is left out`);
        byImage.set(row.image, undefined);
      }
    }
  }
  return [...byImage.values()].filter((row) => row !== undefined);
}
