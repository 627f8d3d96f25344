/** Editing boxes: what pointers and keys do to them, and undo. Boxes are in pixels of the image. */
import { area, clip } from "../../src/data/boxes.ts";
import type { Box } from "../../src/data/sample.ts";
import type { Annotation } from "../project/project.ts";

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
export function drawn(a: { x: number; y: number }, b: { x: number; y: number }, size: Size): Box | undefined {
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

/** Changes of one image's annotation that can be taken back. */
export class History {
  readonly #past: Annotation[] = [];
  #future: Annotation[] = [];
  #present: Annotation;
  /** What the last change was part of, such as one drag: further changes of it are taken back together. */
  #gesture: unknown;

  constructor(present: Annotation) {
    this.#present = present;
  }

  get present(): Annotation {
    return this.#present;
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  /** @param gesture changes with the same one are a single step; undefined: a step of its own */
  change(next: Annotation, gesture?: unknown): void {
    if (gesture === undefined || gesture !== this.#gesture) this.#past.push(this.#present);
    this.#gesture = gesture;
    this.#present = next;
    this.#future = [];
  }

  undo(): void {
    const before = this.#past.pop();
    if (!before) return;
    this.#future.push(this.#present);
    this.#present = before;
    this.#gesture = undefined;
  }

  redo(): void {
    const after = this.#future.pop();
    if (!after) return;
    this.#past.push(this.#present);
    this.#present = after;
    this.#gesture = undefined;
  }
}
