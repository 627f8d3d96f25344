/** Turns true outlines, polygons and masks, into the mask of a prepared image. */
import { area, clip, intoCrop } from "./boxes.ts";
import type { Box, Part, Point, Shape } from "./sample.ts";

/** A mask pixel of which parts of several runs cover half may be one rounding below it. */
const HALF = 0.5 - 1e-9;

/**
 * The mask of the part `crop` of an image, resized to `width` × `height`: 1 inside the shape, else 0.
 *
 * A pixel is inside a polygon when its centre (x + 0.5, y + 0.5) is, by the nonzero rule, so that an outline drawn over its own
 * beginning has no hole there; a centre on an edge is inside if the edge is left of or above the polygon. A pixel is inside a
 * mask when the mask covers at least half of it, as after area averaging.
 *
 * @param out width × height values, row by row; made when not given
 */
export function shapeMask(
  shape: Shape,
  crop: Box,
  width: number,
  height: number,
  out: Uint8Array = new Uint8Array(width * height),
): Uint8Array {
  out.fill(0);
  const place = (box: Box) => intoCrop(box, crop, width, height);
  for (const part of moved(shape, place)) {
    if ("polygon" in part) fillPolygon(part.polygon, width, height, out);
    else fillRuns(part.runs, width, height, out);
  }
  return out;
}

/** The shape after every box of it was moved by `place`, which keeps rectangles rectangles. */
export const moved = (shape: Shape, place: (box: Box) => Box): Part[] =>
  shape.map((part): Part => {
    if ("polygon" in part) return { polygon: part.polygon.map((point) => movedPoint(point, place)) };
    const runs = new Float32Array(part.runs.length);
    eachRun(part.runs, (box, i) => {
      const { x0, y0, x1, y1 } = place(box);
      runs.set([x0, y0, x1, y1], i);
    });
    return { runs };
  });

function movedPoint({ x, y }: Point, place: (box: Box) => Box): Point {
  const { x0, y0 } = place({ x0: x, y0: y, x1: x, y1: y });
  return { x: x0, y: y0 };
}

/** Calls `visit` with each run and its index in `runs`. */
export function eachRun(runs: ArrayLike<number>, visit: (run: Box, i: number) => void): void {
  for (let i = 0; i < runs.length; i += 4) {
    visit({ x0: runs[i]!, y0: runs[i + 1]!, x1: runs[i + 2]!, y1: runs[i + 3]! }, i);
  }
}

function fillPolygon(points: readonly Point[], width: number, height: number, out: Uint8Array): void {
  // From top to bottom, so that neighbours compute the same crossings of an edge that they share.
  const edges = points.flatMap((a, i) => {
    const b = points[(i + 1) % points.length]!;
    if (a.y === b.y) return [];
    return a.y < b.y ? [{ top: a, bottom: b, turn: 1 }] : [{ top: b, bottom: a, turn: -1 }];
  });
  const first = edges.reduce((least, { top }) => Math.min(least, top.y), height);
  const last = edges.reduce((most, { bottom }) => Math.max(most, bottom.y), 0);
  for (let y = Math.max(0, Math.floor(first)); y < Math.min(height, Math.ceil(last)); y++) {
    const centre = y + 0.5;
    const crossings = edges
      .filter(({ top, bottom }) => top.y <= centre && centre < bottom.y)
      .map(({ top, bottom, turn }) => ({
        x: top.x + ((centre - top.y) * (bottom.x - top.x)) / (bottom.y - top.y),
        turn,
      }))
      .sort((a, b) => a.x - b.x);
    let winding = 0;
    crossings.forEach(({ x, turn }, i) => {
      winding += turn;
      if (winding === 0) return;
      const from = Math.max(0, Math.ceil(x - 0.5));
      const to = Math.min(width, Math.ceil(crossings[i + 1]!.x - 0.5));
      if (to > from) out.fill(1, y * width + from, y * width + to);
    });
  }
}

function fillRuns(runs: Float32Array, width: number, height: number, out: Uint8Array): void {
  const covered = new Float64Array(width * height);
  eachRun(runs, (run) => {
    const { x0, y0, x1, y1 } = clip(run, width, height);
    for (let y = Math.floor(y0); y < y1; y++) {
      const high = Math.min(y1, y + 1) - Math.max(y0, y);
      for (let x = Math.floor(x0); x < x1; x++) {
        covered[y * width + x]! += high * (Math.min(x1, x + 1) - Math.max(x0, x));
      }
    }
  });
  for (let i = 0; i < covered.length; i++) if (covered[i]! >= HALF) out[i] = 1;
}

/** Corners of the polygon that stands for an ellipse: its area is 0.03 % too small. */
const ELLIPSE_CORNERS = 144;

/** The outline of the ellipse inscribed in a box, rotated about its centre by `degrees`. */
export function ellipsePolygon({ x0, y0, x1, y1 }: Box, degrees = 0): Point[] {
  const [cx, cy, a, b] = [(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2];
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return Array.from({ length: ELLIPSE_CORNERS }, (_, i) => {
    const angle = (2 * Math.PI * i) / ELLIPSE_CORNERS;
    const [u, v] = [a * Math.cos(angle), b * Math.sin(angle)];
    return { x: cx + u * cos - v * sin, y: cy + u * sin + v * cos };
  });
}

/** Corners that lie off a rectangle by less than this share of its longer side are rounded ones. */
const ROUNDED = 0.01;

/**
 * Whether a polygon is a rectangle, upright or rotated: then a tool has written a box as a polygon, and nobody has drawn the
 * outline.
 */
export function isRectangle(points: readonly Point[]): boolean {
  const [first, last] = [points[0], points.at(-1)];
  const closed = points.length === 5 && first!.x === last!.x && first!.y === last!.y;
  if (points.length !== 4 && !closed) return false;
  const [a, b, c, d] = points as [Point, Point, Point, Point];
  const between = (p: Point, q: Point) => Math.hypot(p.x - q.x, p.y - q.y);
  const off = ROUNDED * Math.max(between(a, b), between(b, c));
  // Diagonals of a rectangle bisect each other and are equally long.
  const middle = ({ x, y }: Point, q: Point): Point => ({ x: (x + q.x) / 2, y: (y + q.y) / 2 });
  return between(middle(a, c), middle(b, d)) <= off && Math.abs(between(a, c) - between(b, d)) <= off;
}

/** The smallest box around a shape; undefined for an empty one. */
export function aroundShape(shape: Shape): Box | undefined {
  const box: Box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  const include = ({ x0, y0, x1, y1 }: Box) => {
    box.x0 = Math.min(box.x0, x0);
    box.y0 = Math.min(box.y0, y0);
    box.x1 = Math.max(box.x1, x1);
    box.y1 = Math.max(box.y1, y1);
  };
  for (const part of shape) {
    if ("runs" in part) eachRun(part.runs, include);
    else for (const { x, y } of part.polygon) include({ x0: x, y0: y, x1: x, y1: y });
  }
  return area(box) > 0 ? box : undefined;
}
