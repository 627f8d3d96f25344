/**
 * Parses DDTI (Pedraza et al. 2015, doi:10.1117/12.2073532): one XML file per case, with the nodules' outlines on each of its
 * images and a TI-RADS score for the whole case. One line or pretty-printed:
 *
 *     <case><number>100</number>...<tirads>4a</tirads>...
 *       <mark><image>1</image><svg>[{"points": [{"x": 164, "y": 31}, ...], "annotation": {}, "regionType": "freehand"}]</svg></mark>
 *     </case>
 *
 * Coordinates are pixels of `<number>_<image>.jpg`, origin top left; outlines are not closed.
 */
import { XMLParser } from "fast-xml-parser";
import * as z from "zod";
import { area, boundingBox, clip, type Point } from "../boxes.ts";
import { type Box, DataError, type Label, type Part, reasonOf } from "../sample.ts";
import type { ClassWords } from "./class-words.ts";
import { explain } from "./values.ts";

export interface DdtiCase {
  number: string;
  /** TI-RADS: 2, 3, 4a, 4b, 4c or 5; undefined if the case has none. */
  grade: string | undefined;
  marks: DdtiMark[];
}

/** The outlines on one image of a case. */
export interface DdtiMark {
  image: number;
  /** The complete outlines of nodules, at least 3 points each. */
  rings: Point[][];
  /** Why the mark does not cover every nodule on the image; undefined if it does. */
  incomplete?: string;
  /** What was left out of a complete mark. */
  notes: string[];
}

/** TI-RADS grades as usually coded. The grade is not histology. */
const CLASSES = new Map([
  ["2", "benign"],
  ["3", "benign"],
  ["4a", "malignant"],
  ["4b", "malignant"],
  ["4c", "malignant"],
  ["5", "malignant"],
]);

/** The class, or the grade itself, of a case in terms of the user's classes; undefined for a case without a grade. */
export function labelOfGrade(grade: string | undefined, words: ClassWords): Label {
  if (grade === undefined) return undefined;
  return words.cell(words.target === "tirads" ? grade : CLASSES.get(grade)!);
}

/**
 * An outline with less than this share of its bounding box inside the image is dropped. All of DDTI's are inside except the
 * second one of 338_2, drawn into the text below the picture, with 0.52 inside.
 */
const MIN_SHARE_INSIDE = 0.75;

const wholeNumber = z.string().regex(/^\d{1,9}$/);
const CASE = z.object({ number: wholeNumber, tirads: z.string(), mark: z.array(z.unknown()).optional() });
const MARK = z.object({ image: wholeNumber, svg: z.string() });
const RING = z.object({
  points: z.array(z.object({ x: z.number(), y: z.number() })),
  regionType: z.string(),
});

const parser = new XMLParser({ parseTagValue: false, ignoreAttributes: true, isArray: (tag) => tag === "mark" });

/**
 * Parses one case.
 *
 * @throws DataError if the text is not XML or not a case, or has an invalid score or image number: no label is guessed
 */
export function parseDdtiCase(xml: string): DdtiCase {
  let document: unknown;
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- until version 6, whose validator is another package
    document = parser.parse(xml, true);
  } catch (error) {
    throw new DataError(`is not well-formed XML: ${reasonOf(error)}`);
  }
  const { number, tirads, mark = [] } = check(z.object({ case: CASE }), document, "").case;
  const grade = tirads === "" ? undefined : tirads.toLowerCase();
  if (grade !== undefined && !CLASSES.has(grade)) {
    throw new DataError(`has the TI-RADS score "${tirads.slice(0, 20)}", which is not known`);
  }
  const marks = mark.map(parseMark);
  const twice = marks.find((m, i) => marks.findIndex((other) => other.image === m.image) !== i);
  if (twice) throw new DataError(`marks image ${twice.image} more than once`);
  return { number, grade, marks };
}

function parseMark(value: unknown, index: number): DdtiMark {
  const { image, svg } = check(MARK, value, `mark ${index + 1}: `);
  const mark: DdtiMark = { image: Number(image), rings: [], notes: [] };
  if (svg === "") return { ...mark, incomplete: "its outlines are empty" };
  const { items, broken } = parseList(svg);
  let lost = broken;
  for (const item of items) {
    const ring = RING.safeParse(item);
    if (!ring.success) lost = explain(ring.error);
    else if (ring.data.regionType !== "freehand")
      mark.notes.push(`"${ring.data.regionType}" is not an outline: left out`);
    else if (ring.data.points.length < 3) mark.notes.push("an outline of fewer than 3 points: left out");
    else mark.rings.push(ring.data.points);
  }
  const rings = `${mark.rings.length} complete outline${mark.rings.length === 1 ? "" : "s"}`;
  if (lost) mark.incomplete = `its outlines are cut off or damaged, with ${rings} left: ${lost}`;
  else if (mark.rings.length === 0) mark.incomplete = "it has no outline of a nodule";
  return mark;
}

/** The items of a JSON list; for a truncated or damaged one, the intact items. */
function parseList(json: string): { items: unknown[]; broken?: string } {
  let broken: string;
  try {
    const list: unknown = JSON.parse(json);
    if (Array.isArray(list)) return { items: list };
    return { items: [], broken: "not a list" };
  } catch (error) {
    broken = reasonOf(error);
  }
  const items: unknown[] = [];
  let depth = 0;
  let start = 0;
  // Braces inside strings are not handled: the format has none, and what they would break does not parse.
  for (const { 0: brace, index } of json.matchAll(/[{}]/g)) {
    if (brace === "{" && depth++ === 0) start = index;
    if (brace === "}" && --depth === 0) {
      try {
        items.push(JSON.parse(json.slice(start, index + 1)));
      } catch {
        // This is the damaged one.
      }
    }
    depth = Math.max(0, depth);
  }
  return { items, broken };
}

/** The outlines on an image of that size, and their bounding boxes clipped to it, with a note for each one dropped. */
export function outlinesInImage(
  rings: readonly (readonly Point[])[],
  width: number,
  height: number,
): { boxes: Box[]; shape: Part[]; notes: string[] } {
  const boxes: Box[] = [];
  const shape: Part[] = [];
  const notes: string[] = [];
  for (const ring of rings) {
    const box = boundingBox(ring);
    const inside = clip(box, width, height);
    const share = area(inside) / area(box);
    const where = `outline [${Object.values(box).join(", ")}]`;
    if (!(area(box) >= 1)) notes.push(`${where} encloses no pixel: dropped`);
    else if (!(share >= MIN_SHARE_INSIDE)) {
      notes.push(`${where} has ${(100 * share).toFixed(0)} % of its box inside the ${width}x${height} image: dropped`);
    } else {
      boxes.push(inside);
      shape.push({ polygon: ring });
    }
  }
  return { boxes, shape, notes };
}

function check<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new DataError(`is not a DDTI case: ${where}${explain(result.error)}`);
}
