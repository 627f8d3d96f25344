/** Draws contact sheets: many thumbnails with their annotations in one PNG. */
import sharp, { type OverlayOptions, type Sharp } from "sharp";
import type { Box, Shape } from "../data/sample.ts";
import { eachRun } from "../data/shape.ts";
import { svgText } from "../report/svg-text.ts";

/** A picture with annotations in its own pixels. */
export interface Picture {
  image: Sharp;
  width: number;
  height: number;
  boxes?: readonly Box[];
  /** Draw the ellipses inscribed in the boxes, the segmentation branch's targets. */
  ellipses?: boolean;
  /** The true outlines. */
  shape?: Shape;
  /** The part that is kept. */
  crop?: Box;
}

/** Pictures side by side, with a line of text below. */
export interface Tile {
  pictures: readonly Picture[];
  caption: string;
}

export interface SheetOptions {
  columns: number;
  /** Size of a picture's slot in pixels; pictures keep their aspect ratio. */
  width: number;
  height: number;
  /** Line at the top. */
  title: string;
}

const GAP = 8;
const LINE = 18;
const COLOURS = {
  paper: "#16181c",
  text: "#e6e6e6",
  box: "#ffd23f",
  ellipse: "#4fd18b",
  outline: "#ff5a4f",
  crop: "#5aa9ff",
};

/**
 * Draws the tiles row by row: boxes yellow, ellipses green, outlines red, the crop blue and dashed. Tiles are made one at a time, so only
 * thumbnails are held in memory.
 */
export async function contactSheet(
  tiles: AsyncIterable<Tile> | Iterable<Tile>,
  { columns, width, height, title }: SheetOptions,
): Promise<Buffer> {
  const parts: OverlayOptions[] = [];
  const texts: string[] = [caption(title, GAP, GAP + LINE - 4)];
  let across = 1;
  let count = 0;
  for await (const { pictures, caption: text } of tiles) {
    across = pictures.length;
    const left = GAP + (count % columns) * (across * width + GAP);
    const top = 2 * GAP + LINE + Math.floor(count / columns) * (height + LINE + GAP);
    for (const [i, picture] of pictures.entries()) {
      const { data, info } = await thumbnail(picture, width, height);
      const x = left + i * width + Math.floor((width - info.width) / 2);
      parts.push({ input: data, left: x, top: top + Math.floor((height - info.height) / 2) });
    }
    texts.push(caption(shorten(text, Math.floor((across * width) / 6.2)), left, top + height + LINE - 5));
    count++;
  }
  const sheetWidth = GAP + Math.min(columns, Math.max(1, count)) * (across * width + GAP);
  const sheetHeight = 2 * GAP + LINE + Math.ceil(count / columns) * (height + LINE + GAP);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${sheetWidth}" height="${sheetHeight}">${texts.join("")}</svg>`;
  return sharp({ create: { width: sheetWidth, height: sheetHeight, channels: 3, background: COLOURS.paper } })
    .composite([...parts, { input: Buffer.from(svg), left: 0, top: 0 }])
    .png()
    .toBuffer();
}

/** A thumbnail, with annotations drawn at the final size so that lines are equally thin on all. */
async function thumbnail(picture: Picture, width: number, height: number) {
  const scale = Math.min(width / picture.width, height / picture.height);
  const [w, h] = [picture.width, picture.height].map((n) => Math.max(1, Math.round(n * scale))) as [number, number];
  const small = await picture.image.resize(w, h, { fit: "fill" }).png().toBuffer();
  const [sx, sy] = [w / picture.width, h / picture.height];
  const scaled = ({ x0, y0, x1, y1 }: Box): Box => ({ x0: x0 * sx, y0: y0 * sy, x1: x1 * sx, y1: y1 * sy });
  const boxes = (picture.boxes ?? []).map(scaled);
  const shapes = [
    ...(picture.crop ? [rectangle(scaled(picture.crop), COLOURS.crop, "5 3")] : []),
    ...boxes.map((box) => rectangle(box, COLOURS.box)),
    ...(picture.ellipses ? boxes.map(ellipse) : []),
    ...(picture.shape ? [outlines(picture.shape, sx, sy)] : []),
  ];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}">${shapes.join("")}</svg>`;
  return sharp(small)
    .composite([{ input: Buffer.from(svg) }])
    .png()
    .toBuffer({ resolveWithObject: true });
}

function rectangle({ x0, y0, x1, y1 }: Box, colour: string, dashes = ""): string {
  // Half a pixel inwards: a line on the picture's edge would be clipped in half.
  const [x, y, w, h] = [x0 + 0.5, y0 + 0.5, Math.max(0, x1 - x0 - 1), Math.max(0, y1 - y0 - 1)];
  return `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="none" stroke="${colour}" stroke-dasharray="${dashes}"/>`;
}

function ellipse({ x0, y0, x1, y1 }: Box): string {
  const [cx, cy, rx, ry] = [(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2];
  return `<ellipse cx="${cx}" cy="${cy}" rx="${rx}" ry="${ry}" fill="${COLOURS.ellipse}" fill-opacity="0.1" stroke="${COLOURS.ellipse}"/>`;
}

/** Polygons as lines; masks, which have none, as a tint. */
function outlines(shape: Shape, sx: number, sy: number): string {
  const at = (x: number, y: number) => `${(x * sx).toFixed(1)},${(y * sy).toFixed(1)}`;
  const paths = shape.map((part) => {
    if ("polygon" in part) {
      const path = part.polygon.map(({ x, y }) => at(x, y)).join("L");
      return `<path d="M${path}Z" fill="none" stroke="${COLOURS.outline}"/>`;
    }
    const rows: string[] = [];
    eachRun(part.runs, ({ x0, y0, x1, y1 }) => rows.push(`M${at(x0, y0)}L${at(x1, y0)}L${at(x1, y1)}L${at(x0, y1)}Z`));
    return `<path d="${rows.join("")}" fill="${COLOURS.outline}" fill-opacity="0.35"/>`;
  });
  return paths.join("");
}

const caption = (text: string, x: number, y: number): string => svgText(text, x, y, { size: 11, colour: COLOURS.text });

const shorten = (text: string, most: number): string => (text.length > most ? `…${text.slice(1 - most)}` : text);

/** `count` of the items, evenly spaced; all of them if there are no more. */
export function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)]!);
}
