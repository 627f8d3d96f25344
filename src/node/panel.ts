/** Draws an explanation like the paper's Figure 4: image, activation, mask and activation side by side. */
import sharp, { type OverlayOptions } from "sharp";
import type { Box } from "../data/sample.ts";
import type { Outline } from "./overlay.ts";
import { svgText } from "./svg-text.ts";
import { blend, greatest, heat, type Colours, type Grid } from "./heat.ts";

/** A grey picture, and its overlays in its pixels. */
export interface PanelContent {
  title: string;
  /** A line below the pictures: what the activation means. */
  note: string;
  image: { width: number; height: number; grey: Uint8Array };
  /** The part that the network saw. */
  crop: Box;
  /** The expert's. */
  boxes: readonly Box[];
  /** Undefined if the model has no masks. */
  outline: Outline | undefined;
  /** The activations with their captions: the one beside the image, if any, and the final one. */
  before: { caption: string; map: Grid } | undefined;
  after: { caption: string; map: Grid };
  /** Whether values below 0 are meaningful. */
  signed: boolean;
}

const maskCaption = ({ box, unlearned }: Outline): string => {
  if (unlearned) return "no mask was learned";
  return `mask of the segmentation branch${box ? "" : ": empty"}`;
};

/** Side of the square that a picture is fitted into. */
const SIDE = 300;
const GAP = 10;
const COLOURS = { paper: "#16181c", text: "#e6e6e6", dim: "#a9adb5", box: "#ffd23f", mask: "#5ad1e0" };
const BAR = { width: 200, height: 12 };

/** Draws a panel; both activations share a scale that ends at the greatest magnitude of either. Returns a PNG. */
export async function drawPanel(content: PanelContent): Promise<Buffer> {
  const { image, crop, boxes, outline, before, after, signed } = content;
  const scale = SIDE / Math.max(image.width, image.height);
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
  const maps = [...(before ? [before.map] : []), after.map];
  const range = { most: greatest(maps), signed };
  const activation = ({ caption, map }: { caption: string; map: Grid }) => ({
    caption,
    picture: heat(small, map, scaled(crop), range),
    marks: `<path d="${line}" fill="none" stroke="#fff" stroke-opacity="0.8" stroke-width="1" stroke-dasharray="4 3"/>`,
  });
  const plain = inColours(small);
  const tiles = [
    {
      caption: boxes.length > 0 ? `image and the expert's box${boxes.length > 1 ? "es" : ""}` : "image",
      picture: plain,
      marks: boxes.map((box) => rectangle(scaled(box))).join(""),
    },
    ...(before ? [activation(before)] : []),
    ...(outline
      ? [
          {
            caption: maskCaption(outline),
            picture: plain,
            marks: `<path d="${line}" fill="${COLOURS.mask}" fill-opacity="0.35" stroke="${COLOURS.mask}" stroke-width="1.5"/>`,
          },
        ]
      : []),
    activation(after),
  ];
  const across = tiles.length * (width + GAP) + GAP;
  const top = 38;
  const below = top + height;
  const down = below + 66;
  const parts: OverlayOptions[] = [];
  const marks = tiles.map(({ picture, marks, caption }, i) => {
    const left = GAP + i * (width + GAP);
    parts.push(raw(picture, left, top));
    return `<svg x="${left}" y="${top}" width="${width}" height="${height}">${marks}</svg>${svgText(caption, left, below + 17, { size: 12, colour: COLOURS.text })}`;
  });
  const barLeft = across - GAP - BAR.width;
  parts.push(raw(bar(signed), barLeft, below + 30));
  const ends = signed ? [-range.most, 0, range.most] : [0, range.most];
  const ticks = ends.map((value, i) => {
    const at = i / (ends.length - 1);
    const anchor = at === 0 ? "start" : at === 1 ? "end" : "middle";
    return svgText(show(value), barLeft + at * BAR.width, below + 57, { size: 11, colour: COLOURS.dim, anchor });
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${across}" height="${down}">
    ${svgText(content.title, GAP, 24, { size: 15, colour: COLOURS.text })}${marks.join("")}
    ${svgText(content.note, GAP, below + 46, { size: 11, colour: COLOURS.dim })}${ticks.join("")}</svg>`;
  return sharp({ create: { width: across, height: down, channels: 3, background: COLOURS.paper } })
    .composite([...parts, { input: Buffer.from(svg), left: 0, top: 0 }])
    .png()
    .toBuffer();
}

const raw = ({ width, height, data }: Colours, left: number, top: number): OverlayOptions => ({
  input: Buffer.from(data),
  raw: { width, height, channels: 3 },
  left,
  top,
});

function inColours({ width, height, grey }: { width: number; height: number; grey: Uint8Array }): Colours {
  return { width, height, data: Uint8Array.from({ length: 3 * grey.length }, (_, i) => grey[Math.floor(i / 3)]!) };
}

/** The colour scale, over tissue grey. */
function bar(signed: boolean): Colours {
  const { width, height } = BAR;
  const row = Array.from({ length: width }, (_, x) => {
    const t = x / (width - 1);
    return blend(signed ? 2 * t - 1 : t, 50, signed);
  }).flat();
  const data = new Uint8Array(height * row.length);
  for (let y = 0; y < height; y++) data.set(row, y * row.length);
  return { width, height, data };
}

const rectangle = ({ x0, y0, x1, y1 }: Box): string =>
  `<rect x="${x0}" y="${y0}" width="${x1 - x0}" height="${y1 - y0}" fill="none" stroke="${COLOURS.box}" stroke-width="1.5"/>`;

const show = (value: number): string => (value === 0 ? "0" : Number(value.toPrecision(2)).toString());
