/** Boxes as an annotation has them to boxes in the picture as viewers show it. */
import { annotationFrame, type PictureSize, type Size } from "../../../data/annotation-frame.ts";
import { area } from "../../../data/boxes.ts";
import { requireInside } from "../../../data/readers/values.ts";
import type { Box } from "../../../data/sample.ts";
import type { Remarks } from "./collect.ts";

/** A box of this share of the image marks no place in it. */
const WHOLE_IMAGE_SHARE = 0.98;
/** Pixels beyond an edge that counting from 1, or rounding, makes. */
const ROUNDING_PIXELS = 1.5;

const beyond = ({ x0, y0, x1, y1 }: Box, { width, height }: Size): number =>
  Math.max(-x0, -y0, x1 - width, y1 - height);

/**
 * The boxes where they belong, clipped to the image. What had to be done is noted.
 *
 * @param drawnOn the size of the image that the boxes were drawn on, where the annotation says it
 * @throws DataError for a size that does not fit the image's, and for boxes that do not lie on it
 */
export function placed(
  boxes: readonly Box[],
  size: PictureSize,
  drawnOn: Size | undefined,
  remarks: Pick<Remarks, "note">,
): Box[] {
  const frame = annotationFrame(size, drawnOn);
  const once = [...new Map(boxes.map((box) => [Object.values(box).join(), box])).values()];
  const there = once.map((box) => frame.place(box));
  const inside = requireInside(there, size.width, size.height);
  if (frame.note !== undefined) remarks.note(frame.note);
  if (once.length < boxes.length) remarks.note("a box that is given more than once counts once");
  if (there.some((box) => beyond(box, size) > ROUNDING_PIXELS))
    remarks.note("a box reaches beyond the image: cut at its edge");
  if (inside.some((box) => area(box) >= WHOLE_IMAGE_SHARE * size.width * size.height)) {
    remarks.note("a box is the whole image");
  }
  return inside;
}
