/** Checks shared by annotation readers: classes, numbers, patients, and boxes that must lie on the image. */
import { firstFault } from "../fault.ts";
import * as z from "zod";
import { area, clip } from "../boxes.ts";
import { type Box, DataError, oneLine } from "../sample.ts";

const CLASSES = new Map<string | number, 0 | 1>([
  [0, 0],
  [1, 1],
  ["benign", 0],
  ["malignant", 1],
]);

/**
 * A class as sets write it: 0 or benign, 1 or malignant; also 0.0 and 1.0, since many programs save number columns with gaps
 * that way. @throws DataError for anything else: no class is guessed
 */
export function parseClass(text: string): 0 | 1 {
  const label = CLASSES.get(parseNumber(text) ?? text.trim().toLowerCase());
  if (label === undefined) throw new DataError(`has the class "${text.slice(0, 20)}", which is neither 0 nor 1`);
  return label;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** A decimal number in any form, with or without an exponent; undefined for anything else or a number that is not finite. */
export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim();
  const value = NUMBER.test(trimmed) ? Number(trimmed) : NaN;
  return Number.isFinite(value) ? value : undefined;
}

/** A non-negative integer as text, also 3.0 for 3; undefined for anything else. */
export function parseCount(text: string): number | undefined {
  return /^\d{1,9}(?:\.0*)?$/.test(text) ? Number(text) : undefined;
}

/** How programs write a missing value. */
const NOTHING = /^(?:nan|none|null|n\/a|<na>)$/i;

/**
 * The form in which patients are compared: 12.0 is 12, since number columns with gaps are saved that way; one Unicode form.
 * Leading zeros count. "" if missing, which nan, None, null and the like also mean.
 */
export function patientName(text: string): string {
  const name = text.normalize("NFC").trim();
  return NOTHING.test(name) ? "" : name.replace(/^(-?\d+)\.0*$/, "$1");
}

/** Notes on a table's patients that were merged, or that look alike but were kept apart. */
export function patientNotes(written: Iterable<string>): string[] {
  const forms = new Map<string, string>();
  const looks = new Map<string, string>();
  let missing = 0;
  let same: [string, string] | undefined;
  let alike: [string, string] | undefined;
  let rounded: string | undefined;
  for (const text of new Set(written)) {
    const name = patientName(text);
    if (name === "") {
      if (text.trim() !== "") missing++;
      continue;
    }
    const before = forms.get(name);
    if (before === undefined) {
      forms.set(name, text);
      const number = parseNumber(name);
      const look =
        number === undefined
          ? name
              .normalize("NFKC")
              .toLowerCase()
              .replace(/[\s_-]+/g, "")
              .replace(/(?<!\d)0+(?=\d)/g, "")
          : String(number);
      if (ROUNDED.test(name)) rounded ??= name;
      if (looks.has(look)) alike ??= [looks.get(look)!, name];
      looks.set(look, name);
    } else if (before !== text) same ??= [before, text];
  }
  return [
    ...(missing > 0 ? ["a patient nan, None, null or N/A counts as not given"] : []),
    ...(same ? [`patients written in two ways, such as ${same.map(short).join(" and ")}, count as one`] : []),
    ...(alike ? [`patients that look alike, such as ${alike.map(short).join(" and ")}, count as two`] : []),
    ...(rounded === undefined
      ? []
      : [`patients such as ${short(rounded)} were rounded by a spreadsheet: different ones may count as one`]),
  ];
}

/** What spreadsheets turn long numbers into. */
const ROUNDED = /^\d[.,]\d+e\+\d+$/i;

const short = (text: string) => text.slice(0, 40);

/** Minimum share of a box's area inside its image: one drawn at the edge may extend beyond it. */
const MIN_SHARE_INSIDE = 0.75;

/**
 * The boxes clipped to an image of that size.
 *
 * @throws DataError for a box that encloses no pixel or lies outside: the nodule's position is then unknown
 */
export function requireInside(boxes: readonly Box[], width: number, height: number): Box[] {
  return boxes.map((box) => {
    const inside = clip(box, width, height);
    const name = `the box [${[box.x0, box.y0, box.x1, box.y1].map((n) => Number(n.toPrecision(6))).join(", ")}]`;
    if (!(box.x1 - box.x0 >= 1 && box.y1 - box.y0 >= 1)) throw new DataError(`${name} encloses no pixel${hint(box)}`);
    if (!(area(inside) / area(box) >= MIN_SHARE_INSIDE)) {
      throw new DataError(`${name} does not lie on the ${width}x${height} image`);
    }
    return inside;
  });
}

/** What a box that encloses no pixel may have meant. */
function hint({ x0, y0, x1, y1 }: Box): string {
  if (x1 < x0 || y1 < y0) return ": its corners are in the wrong order, or it is x y width height";
  const shares = [x0, y0, x1, y1].every((n) => n >= 0 && n <= 1) && x1 > x0 && y1 > y0;
  return shares ? ": it may be in fractions of the image, but pixels are needed" : "";
}

/** Parses a number written as text. */
export const decimal = z.string().transform((text, context): number => {
  const value = parseNumber(text);
  if (value !== undefined) return value;
  context.addIssue({ code: "custom", message: "is not a number" });
  return z.NEVER;
});

/** The first of zod's findings, on one line. */
export function explain(error: z.ZodError): string {
  const { path, fault } = firstFault(error);
  return oneLine(path === "" ? fault : `${path}: ${fault}`);
}
