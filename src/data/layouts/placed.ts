/** Maps an annotation's boxes and outlines to the picture as viewers show it. */
import { annotationFrame, type PictureSize, type Size } from "../annotation-frame.ts";
import { area } from "../boxes.ts";
import { requireInside } from "../readers/values.ts";
import type { Box, Shape } from "../sample.ts";
import { isRectangle, moved } from "../shape.ts";
import type { Remarks } from "./collect.ts";

/** A box that covers this share of the image locates nothing. */
const WHOLE_IMAGE_SHARE = 0.98;
/** Pixels beyond an edge that counting from 1, or rounding, explains. */
const ROUNDING_PIXELS = 1.5;

const beyond = ({ x0, y0, x1, y1 }: Box, { width, height }: Size): number =>
  Math.max(-x0, -y0, x1 - width, y1 - height);

/**
 * The boxes on the image, clipped to it, with a note on every change.
 *
 * @param drawnOn the size of the image that the boxes were drawn on, if the annotation states it
 * @throws DataError for a size that does not match the image, and for boxes that do not lie on it
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
  if (once.length < boxes.length) remarks.note("a duplicate box counts once");
  if (there.some((box) => beyond(box, size) > ROUNDING_PIXELS)) remarks.note("a box extends beyond the image: clipped");
  if (inside.some((box) => area(box) >= WHOLE_IMAGE_SHARE * size.width * size.height)) {
    remarks.note("a box is the whole image");
  }
  return inside;
}

/**
 * The outlines of an annotation's objects on the image. Undefined unless each object has one: the missing one's nodule would be
 * learned as background. A rectangle is a box that a tool has written as a polygon.
 *
 * @param drawnOn as for `placed`
 */
export function placedShape(
  objects: readonly { shape?: Shape }[],
  size: PictureSize,
  drawnOn: Size | undefined,
): Shape | undefined {
  const shapes = [...new Set(objects.map(({ shape }) => shape))].filter((shape) => shape !== undefined);
  if (objects.some(({ shape }) => shape === undefined)) return undefined;
  const frame = annotationFrame(size, drawnOn);
  const shape = moved(shapes.flat(), (box) => frame.place(box));
  return shape.some((part) => "polygon" in part && isRectangle(part.polygon)) ? undefined : shape;
}
