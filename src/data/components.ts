/** Converts a nodule mask to boxes, by connected components. */
import type { Box } from "./sample.ts";

/**
 * Components smaller than this share of the largest one's area are specks: crumbs at the rim of a hand-drawn mask, or noise in
 * a mask saved as JPEG.
 */
const MAX_SPECK_SHARE = 0.01;

/** A connected part of a mask. */
export interface Component {
  box: Box;
  /** Number of pixels. */
  area: number;
  /** Its pixels: four numbers for each run, x0 y0 x1 y1. */
  runs: number[];
}

/**
 * One box for each connected component (8 neighbours) of the non-zero pixels, in order of first row; `specks` counts the
 * components too small to be a nodule.
 *
 * One box per component, not one around all: the target made from a box is its inscribed ellipse, and one ellipse around two
 * nodules is centred in the healthy tissue between them. It is also what a reader who draws a box per nodule draws.
 *
 * @param mask width × height values, row by row
 */
export function componentBoxes(mask: Uint8Array, width: number, height: number): { boxes: Box[]; specks: number } {
  const { kept, specks } = withoutSpecks(components(mask, width, height));
  return { boxes: kept.map(({ box }) => box), specks };
}

/**
 * The components except specks, which are counted; `least` is the area of the smallest one kept, as a share of the largest
 * one's.
 */
export function withoutSpecks<C extends { readonly area: number }>(
  components: readonly C[],
): { kept: C[]; specks: number; least: number } {
  const largest = components.reduce((most, { area }) => Math.max(most, area), 0);
  const kept = components.filter(({ area }) => area >= MAX_SPECK_SHARE * largest);
  const least = kept.reduce((share, { area }) => Math.min(share, area / largest), 1);
  return { kept, specks: components.length - kept.length, least };
}

/** The pixels of components, as in `Part`. */
export const runsOf = (components: readonly Pick<Component, "runs">[]): Float32Array =>
  Float32Array.from(components.flatMap(({ runs }) => runs));

/** The connected components of the non-zero pixels, in order of first row. */
export function components(mask: Uint8Array, width: number, height: number): Component[] {
  /** For each run of pixels in a row: the index of an earlier run of the same component, or its own. */
  const parent: number[] = [];
  const root = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]!]!;
    return i;
  };
  const runs: { x0: number; x1: number; y: number }[] = [];
  let above = 0; // the first run of the row above
  for (let y = 0; y < height; y++) {
    const first = runs.length;
    let other = above;
    for (let x = 0; x < width;) {
      if (mask[y * width + x] === 0) {
        x++;
        continue;
      }
      const x0 = x;
      while (x < width && mask[y * width + x] !== 0) x++;
      const run = runs.length;
      runs.push({ x0, x1: x, y });
      parent.push(run);
      // Runs touch when they overlap or meet at a corner.
      while (other < first && runs[other]!.x1 < x0) other++;
      for (let i = other; i < first && runs[i]!.x0 <= x; i++) parent[root(i)] = root(run);
    }
    above = first;
  }
  const found = new Map<number, Component>();
  runs.forEach(({ x0, x1, y }, i) => {
    const component = found.get(root(i));
    if (!component) {
      const box = { x0, y0: y, x1, y1: y + 1 };
      return found.set(root(i), { box, area: x1 - x0, runs: [x0, y, x1, y + 1] });
    }
    const { box } = component;
    component.runs.push(x0, y, x1, y + 1);
    box.x0 = Math.min(box.x0, x0);
    box.x1 = Math.max(box.x1, x1);
    box.y1 = y + 1;
    component.area += x1 - x0;
  });
  return [...found.values()];
}
