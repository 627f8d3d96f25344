/** The outline of a predicted mask. */
import { contours } from "d3-contour";
import type { Box } from "../data/sample.ts";

export interface Outline {
  /** Closed rings in pixels of the original image. */
  rings: [number, number][][];
  /** Around all of them; undefined if the mask is empty. */
  box: Box | undefined;
  /** The network has not learned outlines, so the absence of one means nothing. */
  unlearned?: true;
}

/** The outline from a network that has not learned outlines. */
export const NO_OUTLINE: Outline = { rings: [], box: undefined, unlearned: true };

/**
 * The contour where a mask crosses `threshold`, in pixels of the original image.
 * @param mask probabilities [height, width] for the part `crop` of the original
 */
export function outline(mask: Float32Array, width: number, height: number, crop: Box, threshold = 0.5): Outline {
  const sx = (crop.x1 - crop.x0) / width;
  const sy = (crop.y1 - crop.y0) / height;
  const [shape] = contours().size([width, height]).thresholds([threshold])(Array.from(mask));
  const rings = shape!.coordinates.flat().map((ring) => {
    return ring.map(([x, y]): [number, number] => [crop.x0 + x! * sx, crop.y0 + y! * sy]);
  });
  const points = rings.flat();
  if (points.length === 0) return { rings, box: undefined };
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const least = (values: number[]) => values.reduce((a, b) => Math.min(a, b));
  const most = (values: number[]) => values.reduce((a, b) => Math.max(a, b));
  return { rings, box: { x0: least(xs), y0: least(ys), x1: most(xs), y1: most(ys) } };
}
