/** The outline of a predicted mask. */
import { contours } from "d3-contour";
import { withoutSpecks } from "../data/components.ts";
import type { Box } from "../data/sample.ts";

/** Where a mask exceeds a threshold. */
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
  const rings = partsOf(mask, width, height, crop, threshold).flat();
  const points = rings.flat();
  return { rings, box: points.length === 0 ? undefined : around(points) };
}

/**
 * A box around each connected part of the outline, the largest first; crumbs beside a much larger part are left out, as in
 * `componentBoxes`.
 */
export function outlineBoxes(mask: Float32Array, width: number, height: number, crop: Box, threshold = 0.5): Box[] {
  const parts = partsOf(mask, width, height, crop, threshold).map(([rim]) => ({
    box: around(rim!),
    area: areaOf(rim!),
  }));
  return withoutSpecks(parts)
    .kept.sort((a, b) => b.area - a.area)
    .map(({ box }) => box);
}

type Ring = [number, number][];

/** The rings of each connected part, in pixels of the original image: its rim, then its holes. */
function partsOf(mask: Float32Array, width: number, height: number, crop: Box, threshold: number): Ring[][] {
  const sx = (crop.x1 - crop.x0) / width;
  const sy = (crop.y1 - crop.y0) / height;
  const [shape] = contours().size([width, height]).thresholds([threshold])(Array.from(mask));
  return shape!.coordinates.map((rings) =>
    rings.map((ring) => ring.map(([x, y]): [number, number] => [crop.x0 + x! * sx, crop.y0 + y! * sy])),
  );
}

function around(points: Ring): Box {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const least = (values: number[]) => values.reduce((a, b) => Math.min(a, b));
  const most = (values: number[]) => values.reduce((a, b) => Math.max(a, b));
  return { x0: least(xs), y0: least(ys), x1: most(xs), y1: most(ys) };
}

/** In square pixels; the last point of a ring is its first again. */
function areaOf(ring: Ring): number {
  let twice = 0;
  for (let i = 1; i < ring.length; i++) twice += ring[i - 1]![0] * ring[i]![1] - ring[i]![0] * ring[i - 1]![1];
  return Math.abs(twice) / 2;
}
