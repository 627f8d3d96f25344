/** The single pictures of an explanation: image, activations, mask, each with its marks. */
import sharp from "sharp";
import type { Box } from "../data/sample.ts";
import { greatest, heat, type Colours, type Grid } from "../explain/heat.ts";
import type { Outline } from "../explain/outline.ts";

/** A grey picture, and its overlays in its pixels. */
export interface ExplainedPicture {
  image: { width: number; height: number; grey: Uint8Array };
  /** The part that the network saw. */
  crop: Box;
  /** The expert's. */
  boxes: readonly Box[];
  /** Undefined if the model has no masks. */
  outline: Outline | undefined;
  /** The activation beside the image, if any, and the final one. */
  before: Grid | undefined;
  after: Grid;
  /** Whether values below 0 are meaningful. */
  signed: boolean;
}

export interface Tile {
  picture: Colours;
  /** SVG over it, in its pixels. */
  marks: string;
}

export interface Tiles {
  /** Pixels of each picture. */
  width: number;
  height: number;
  image: Tile;
  before: Tile | undefined;
  mask: Tile | undefined;
  after: Tile;
  /** The end of the colour scale that both activations share: the greatest magnitude of either. */
  most: number;
}

const COLOURS = { box: "#ffd23f", mask: "#5ad1e0", outline: "#ffffff" };

/**
 * Draws the pictures.
 * @param side the longer side in pixels
 * @param unit the pixels of a thin line
 */
export async function tilesOf(explained: ExplainedPicture, side: number, unit = 1): Promise<Tiles> {
  const { image, crop, boxes, outline, before, after, signed } = explained;
  const scale = side / Math.max(image.width, image.height);
  const [width, height] = [image.width, image.height].map((n) => Math.max(1, Math.round(n * scale))) as [
    number,
    number,
  ];
  const grey = await sharp(image.grey, { raw: { width: image.width, height: image.height, channels: 1 } })
    .resize(width, height, { fit: "fill" })
    .toColourspace("b-w")
    .raw()
    .toBuffer();
  const small = { width, height, grey: new Uint8Array(grey) };
  const [sx, sy] = [width / image.width, height / image.height];
  const scaled = ({ x0, y0, x1, y1 }: Box): Box => ({ x0: x0 * sx, y0: y0 * sy, x1: x1 * sx, y1: y1 * sy });
  const line = (outline?.rings ?? [])
    .map((ring) => `M${ring.map(([x, y]) => `${(x * sx).toFixed(1)},${(y * sy).toFixed(1)}`).join("L")}Z`)
    .join("");
  const most = greatest([...(before ? [before] : []), after]);
  const activation = (map: Grid): Tile => ({
    picture: heat(small, map, scaled(crop), { most, signed }),
    marks: `<path d="${line}" fill="none" stroke="${COLOURS.outline}" stroke-opacity="0.8" stroke-width="${unit}" stroke-dasharray="${4 * unit} ${3 * unit}"/>`,
  });
  const plain = inColours(small);
  const thick = 1.5 * unit;
  return {
    ...{ width, height, most },
    image: { picture: plain, marks: boxes.map((box) => rectangle(scaled(box), thick)).join("") },
    before: before && activation(before),
    mask: outline && {
      picture: plain,
      marks: `<path d="${line}" fill="${COLOURS.mask}" fill-opacity="0.35" stroke="${COLOURS.mask}" stroke-width="${thick}"/>`,
    },
    after: activation(after),
  };
}

function inColours({ width, height, grey }: { width: number; height: number; grey: Uint8Array }): Colours {
  return { width, height, data: Uint8Array.from({ length: 3 * grey.length }, (_, i) => grey[Math.floor(i / 3)]!) };
}

const rectangle = ({ x0, y0, x1, y1 }: Box, thick: number): string =>
  `<rect x="${x0}" y="${y0}" width="${x1 - x0}" height="${y1 - y0}" fill="none" stroke="${COLOURS.box}" stroke-width="${thick}"/>`;
