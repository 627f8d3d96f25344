/** What readers of annotations have in common: the class, and boxes that lie where the image is. */
import { z } from "zod";
import { area, clip } from "../boxes.ts";
import { type Box, DataError, type Label, oneLine } from "../sample.ts";

const CLASSES = new Map<string, Label>([
  ["0", 0],
  ["1", 1],
  ["benign", 0],
  ["malignant", 1],
]);

/** A class as sets write it: 0 or benign, 1 or malignant. @throws DataError for anything else: no class is guessed */
export function parseClass(text: string): 0 | 1 {
  const label = CLASSES.get(text.trim().toLowerCase());
  if (label === undefined) throw new DataError(`has the class "${text.slice(0, 20)}", which is neither 0 nor 1`);
  return label;
}

/** A box reaches beyond its image by at most this share of its area, as one drawn at the edge may. */
const LEAST_SHARE_INSIDE = 0.75;

/**
 * The boxes clipped to an image of that size.
 *
 * @throws DataError for a box that encloses no pixel or lies outside: where the nodule is, is then not known
 */
export function requireInside(boxes: readonly Box[], width: number, height: number): Box[] {
  return boxes.map((box) => {
    const inside = clip(box, width, height);
    const name = `the box [${[box.x0, box.y0, box.x1, box.y1].map((n) => Number(n.toPrecision(6))).join(", ")}]`;
    if (!(box.x1 - box.x0 >= 1 && box.y1 - box.y0 >= 1)) throw new DataError(`${name} encloses no pixel`);
    if (!(area(inside) / area(box) >= LEAST_SHARE_INSIDE)) {
      throw new DataError(`${name} does not lie on the ${width}x${height} image`);
    }
    return inside;
  });
}

/** A decimal number without exponent, as text. */
export const decimal = z
  .string()
  .regex(/^-?\d{1,9}(\.\d{1,9})?$/, "is no number")
  .transform(Number);

/** The first of zod's findings, on one line. */
export function explain(error: z.ZodError): string {
  const issue = error.issues[0];
  return oneLine(issue ? `${issue.path.join(".")}: ${issue.message}` : error.message);
}
