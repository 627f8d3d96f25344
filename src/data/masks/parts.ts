/** Finds the parts of a mask layer that may be nodules, ignoring lines of rulers, calipers and frames. */
import { type Component, components } from "../components.ts";
import { countLit } from "./inverted.ts";
import { opened } from "./layers.ts";

/** A part at most this thin, and this many times longer than thick, is a line. */
const MAX_LINE_PIXELS = 3;
const MIN_LINE_ASPECT = 8;
/** A part that spans at least this share of the image in both directions but lights little of its box is a frame. */
const MIN_FRAME_SPAN_SHARE = 0.8;
const MAX_FRAME_FILL_SHARE = 0.2;
/** Parts that fill less of their boxes than this may contain lines: an ellipse fills 79 %. */
const FULL = 0.65;
/** Minimum share left after removing lines; with less, the mask is drawn in lines. */
const LEFT = 0.5;
/** Lines that lengthen a box by less than this share, or this many pixels, are ignored. */
const LONGER = { share: 0.1, pixels: 4 };

export interface Parts {
  parts: Component[];
  /** Number of parts dropped as lines or frames, plus parts from which lines were removed. */
  lines: number;
  /** Whether all of it is drawn in lines, so that nodules are what they enclose. */
  inLines: boolean;
}

/** @param layer width × height values, not 0 where it is lit */
export function partsOf(layer: Uint8Array, width: number, height: number): Parts {
  const all = components(layer, width, height);
  const parts = all.filter((part) => !isLine(part) && !isFrame(part, width, height));
  let lines = all.length - parts.length;
  // A mask of lines alone is an outline.
  if (parts.length === 0) return { parts: all, lines: 0, inLines: true };
  if (parts.every(({ box, area }) => area >= FULL * (box.x1 - box.x0) * (box.y1 - box.y0))) {
    return { parts, lines, inLines: false };
  }
  const thick = opened(layer, width, height);
  if (countLit(thick) < LEFT * countLit(layer)) return { parts, lines, inLines: true };
  const cores = components(thick, width, height);
  const result = parts.flatMap((part) => {
    const inner = cores.filter(({ box, area }) => area >= LEFT * 0.1 * part.area && within(box, part.box));
    const left = inner.reduce((sum, { area }) => sum + area, 0);
    if (left < LEFT * part.area || left > part.area || !lengthened(part, inner)) return [part];
    lines++;
    return inner;
  });
  return { parts: result, lines, inLines: false };
}

const sides = ({ box: { x0, y0, x1, y1 } }: Component): [number, number] => [x1 - x0, y1 - y0];

function isLine(part: Component): boolean {
  const [w, h] = sides(part);
  return Math.min(w, h) <= MAX_LINE_PIXELS && Math.max(w, h) >= MIN_LINE_ASPECT * Math.min(w, h);
}

function isFrame(part: Component, width: number, height: number): boolean {
  const [w, h] = sides(part);
  return (
    w >= MIN_FRAME_SPAN_SHARE * width && h >= MIN_FRAME_SPAN_SHARE * height && part.area < MAX_FRAME_FILL_SHARE * w * h
  );
}

const within = (a: Component["box"], b: Component["box"]) =>
  a.x0 >= b.x0 && a.y0 >= b.y0 && a.x1 <= b.x1 && a.y1 <= b.y1;

/** Whether the box of a part is much longer than those of its cores. */
function lengthened(part: Component, inner: readonly Component[]): boolean {
  const [least, most] = [Math.min, Math.max];
  const { x0, y0, x1, y1 } = part.box;
  const w = most(...inner.map(({ box }) => box.x1)) - least(...inner.map(({ box }) => box.x0));
  const h = most(...inner.map(({ box }) => box.y1)) - least(...inner.map(({ box }) => box.y0));
  const longer = (whole: number, core: number) => whole - core > most(LONGER.pixels, LONGER.share * whole);
  return longer(x1 - x0, w) || longer(y1 - y0, h);
}
