/** Finds the pixels of the nodules that a mask marks: its own, or those within the lines that it is drawn in. */
import { type Component, components, runsOf } from "../components.ts";
import { eachRun } from "../shape.ts";
import { countLit } from "./inverted.ts";
import { filled } from "./layers.ts";
import type { Parts } from "./parts.ts";

/** A part that lights at least this share of its box cannot enclose more than it lights. */
const SOLID = 0.5;

/**
 * The pixels of the kept parts of each layer, one array a layer, as in `Part`. A part that encloses more than it lights is a
 * nodule's outline, and what it encloses counts too; smaller holes stay holes. Undefined if lines enclose nothing.
 */
export function nodulePixels(layers: readonly Parts[], kept: readonly Component[]): Float32Array[] | undefined {
  const among = new Set(kept);
  const pixels: Float32Array[] = [];
  for (const { parts, inLines } of layers) {
    const own = parts.filter((part) => among.has(part));
    const whole = own.map((part) => enclosing(part) ?? (inLines ? undefined : part));
    if (whole.includes(undefined)) return undefined;
    if (own.length > 0) pixels.push(runsOf(whole as Pick<Component, "runs">[]));
  }
  return pixels;
}

/** A part with what it encloses; undefined if that is no more than it lights. */
function enclosing({ box, area, runs }: Component): Pick<Component, "runs"> | undefined {
  const [width, height] = [box.x1 - box.x0, box.y1 - box.y0];
  if (area >= SOLID * width * height) return undefined;
  const layer = new Uint8Array(width * height);
  eachRun(runs, ({ x0, y0, x1 }) => {
    const row = (y0 - box.y0) * width - box.x0;
    layer.fill(1, row + x0, row + x1);
  });
  const whole = filled(layer, width, height);
  if (countLit(whole) <= 2 * area) return undefined;
  const found = components(whole, width, height).flatMap((part) => part.runs);
  return { runs: found.map((at, i) => at + (i % 2 === 0 ? box.x0 : box.y0)) };
}
