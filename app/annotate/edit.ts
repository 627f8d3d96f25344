/** Editing boxes: what pointers and keys do to them. Boxes are in pixels of the image. */
import { area, clip } from "../../src/data/boxes.ts";
import type { Box, Point } from "../../src/data/sample.ts";

/** A box's corner or edge by which it is resized; "move" is its inside. */
export type Grip = "nw" | "n" | "ne" | "e" | "se" | "s" | "sw" | "w" | "move";

export const grips: readonly Grip[] = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** A box has at least this side, so that it stays visible and can be taken hold of. */
export const MIN_SIDE_PIXELS = 3;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A box between two points, inside the image; undefined if it is too small to be meant. */
export function drawn(a: Point, b: Point, size: Size): Box | undefined {
  const box = clip(
    { x0: Math.min(a.x, b.x), y0: Math.min(a.y, b.y), x1: Math.max(a.x, b.x), y1: Math.max(a.y, b.y) },
    size.width,
    size.height,
  );
  const small = box.x1 - box.x0 < MIN_SIDE_PIXELS || box.y1 - box.y0 < MIN_SIDE_PIXELS;
  return small || area(box) === 0 ? undefined : rounded(box);
}

/** Whole pixels: a box of four plain numbers is what people write down. */
export const rounded = ({ x0, y0, x1, y1 }: Box): Box => ({
  x0: Math.round(x0),
  y0: Math.round(y0),
  x1: Math.round(x1),
  y1: Math.round(y1),
});

const between = (value: number, least: number, most: number): number =>
  Math.min(Math.max(value, least), Math.max(least, most));

/** The box moved, or resized by a grip, by so many pixels; it stays inside the image and keeps its least size. */
export function dragged(box: Box, grip: Grip, dx: number, dy: number, { width, height }: Size): Box {
  if (grip === "move") {
    const x = between(dx, -box.x0, width - box.x1);
    const y = between(dy, -box.y0, height - box.y1);
    return rounded({ x0: box.x0 + x, y0: box.y0 + y, x1: box.x1 + x, y1: box.y1 + y });
  }
  const moved = { ...box };
  if (grip.includes("w")) moved.x0 = between(box.x0 + dx, 0, box.x1 - MIN_SIDE_PIXELS);
  if (grip.includes("e")) moved.x1 = between(box.x1 + dx, box.x0 + MIN_SIDE_PIXELS, width);
  if (grip.includes("n")) moved.y0 = between(box.y0 + dy, 0, box.y1 - MIN_SIDE_PIXELS);
  if (grip.includes("s")) moved.y1 = between(box.y1 + dy, box.y0 + MIN_SIDE_PIXELS, height);
  return rounded(moved);
}

/** A new box in the middle of the image, for those who draw with the keyboard. */
export function centred({ width, height }: Size): Box {
  const [w, h] = [Math.max(MIN_SIDE_PIXELS, width / 4), Math.max(MIN_SIDE_PIXELS, height / 4)];
  return rounded({ x0: (width - w) / 2, y0: (height - h) / 2, x1: (width + w) / 2, y1: (height + h) / 2 });
}

/** Where a box's grips are. */
export const placesOf = ({ x0, y0, x1, y1 }: Box): readonly { grip: Grip; x: number; y: number }[] => {
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  return [
    ...([
      { grip: "nw", x: x0, y: y0 },
      { grip: "n", x, y: y0 },
      { grip: "ne", x: x1, y: y0 },
    ] as const),
    ...([
      { grip: "e", x: x1, y },
      { grip: "se", x: x1, y: y1 },
      { grip: "s", x, y: y1 },
    ] as const),
    ...([
      { grip: "sw", x: x0, y: y1 },
      { grip: "w", x: x0, y },
    ] as const),
  ];
};

/**
 * What a point takes hold of: the nearest grip within `reach`, or the inside. A grip's square is 2 × `reach` wide on any box; on
 * a small one it lies further out, so that there is an inside left to move it by.
 */
export function gripAt(box: Box, point: Point, reach: number): Grip | undefined {
  const within = (at: number, least: number, most: number, grip: number): boolean => {
    const inward = Math.min(reach, (most - least) / 4);
    const [before, after] =
      grip === least ? [2 * reach - inward, inward] : grip === most ? [inward, 2 * reach - inward] : [reach, reach];
    return at >= grip - before && at <= grip + after;
  };
  const near = placesOf(box)
    .filter(({ x, y }) => within(point.x, box.x0, box.x1, x) && within(point.y, box.y0, box.y1, y))
    .sort((a, b) => Math.hypot(point.x - a.x, point.y - a.y) - Math.hypot(point.x - b.x, point.y - b.y));
  return near[0]?.grip ?? (contains(box, point) ? "move" : undefined);
}

export const contains = ({ x0, y0, x1, y1 }: Box, { x, y }: Point): boolean => x >= x0 && x <= x1 && y >= y0 && y <= y1;

/** The box that a point takes hold of, and by what: the selected one, by its grips too, before others, the smallest first. */
export function held(
  boxes: readonly Box[],
  selected: number | undefined,
  point: Point,
  reach: number,
): { index: number; grip: Grip } | undefined {
  const box = selected === undefined ? undefined : boxes[selected];
  const grip = box && gripAt(box, point, reach);
  if (grip) return { index: selected!, grip };
  const under = [...boxes.keys()].filter((i) => contains(boxes[i]!, point));
  under.sort((a, b) => area(boxes[a]!) - area(boxes[b]!));
  return under[0] === undefined ? undefined : { index: under[0], grip: "move" };
}
