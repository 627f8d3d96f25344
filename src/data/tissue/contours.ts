/** The outermost contours of a black and white picture: what OpenCV's `findContours` (RETR_EXTERNAL), `contourArea` and `boundingRect` say of them. */
import { components, type Component } from "../components.ts";
import type { Box } from "../sample.ts";

export interface Contour {
  box: Box;
  /** Inside the polygon through the centres of its pixels, so 0 for a line. */
  area: number;
}

/** @param picture width × height values, black where 0. Overwritten: holes become white */
export function outerContours(picture: Uint8Array, width: number, height: number): Contour[] {
  fillHoles(picture, width, height);
  return components(picture, width, height).map((component) => ({ box: component.box, area: areaOf(component) }));
}

/**
 * The area inside the centres of a component's pixels: a square of four of them counts 1, three of the four count 1/2. Where runs of two
 * rows overlap in n pixels, they have n - 1 whole squares in common, and half of one at each end where one of them goes on.
 */
function areaOf({ runs }: Component): number {
  let area = 0;
  /** The next run of the row above that may overlap, and the first of this row. */
  let [above, first] = [0, 0];
  for (let at = 0; at < runs.length; at += 4) {
    const [x0, y, x1] = [runs[at]!, runs[at + 1]!, runs[at + 2]!];
    if (y !== runs[first + 1]) [above, first] = [first, at];
    while (above < first && runs[above + 2]! <= x0) above += 4;
    for (let i = above; i < first && runs[i]! < x1; i += 4) {
      const [a0, a1] = [runs[i]!, runs[i + 2]!];
      area += Math.min(a1, x1) - Math.max(a0, x0) - 1 + (a0 === x0 ? 0 : 0.5) + (a1 === x1 ? 0 : 0.5);
    }
  }
  return area;
}

/** Makes white what is black and enclosed: black pixels from which no way over black neighbours (4) leads out of the picture. */
export function fillHoles(picture: Uint8Array, width: number, height: number): void {
  /** Runs of black pixels: their beginnings and ends in the picture; an earlier run of the same area, or its own; whether it leads out. */
  const [from, to, parent, open]: [number[], number[], number[], boolean[]] = [[], [], [], []];
  const root = (i: number): number => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]!]!;
    return i;
  };
  let above = 0;
  for (let y = 0; y < height; y++) {
    const [first, begin, end] = [from.length, y * width, (y + 1) * width];
    let other = above;
    for (let at = begin; at < end;) {
      if (picture[at] !== 0) {
        at++;
        continue;
      }
      const [run, start] = [from.length, at];
      while (at < end && picture[at] === 0) at++;
      from.push(start);
      to.push(at);
      parent.push(run);
      open.push(y === 0 || y === height - 1 || start === begin || at === end);
      while (other < first && to[other]! + width <= start) other++;
      for (let i = other; i < first && from[i]! + width < at; i++) {
        const [a, b] = [root(i), root(run)];
        parent[a] = b;
        open[b] ||= open[a]!;
      }
    }
    above = first;
  }
  for (let run = 0; run < from.length; run++) if (!open[root(run)]) picture.fill(255, from[run], to[run]);
}
