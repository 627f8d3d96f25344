/** Draws an explanation like a row of the paper's Figure 4: image, activation, mask and activation side by side. */
import sharp, { type OverlayOptions } from "sharp";
import { svgText } from "../report/svg-text.ts";
import { blend, type Colours } from "../explain/heat.ts";
import { imageCaption, maskCaption } from "../runs/explained-texts.ts";
import { tilesOf, type ExplainedPicture, type Tile } from "./tiles.ts";

export interface PanelContent extends ExplainedPicture {
  title: string;
  /** A line below the pictures: what the activation means. */
  note: string;
  /** Below the activations. */
  captions: { before: string; after: string };
}

/** Side of the square that a picture is fitted into. */
const SIDE = 300;
const GAP = 10;
const COLOURS = { paper: "#16181c", text: "#e6e6e6", dim: "#a9adb5" };
const BAR = { width: 200, height: 12 };

/** Draws a panel; both activations share a scale that ends at the greatest magnitude of either. Returns a PNG. */
export async function drawPanel(content: PanelContent): Promise<Buffer> {
  const { boxes, outline, captions, signed } = content;
  const { width, height, image, before, mask, after, most } = await tilesOf(content, SIDE);
  const captioned = (caption: string, tile: Tile | undefined) => (tile ? [{ caption, ...tile }] : []);
  const tiles = [
    ...captioned(imageCaption(boxes), image),
    ...captioned(captions.before, before),
    ...(outline ? captioned(maskCaption(outline), mask) : []),
    ...captioned(captions.after, after),
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
  const ends = signed ? [-most, 0, most] : [0, most];
  const ticks = ends.map((value, i) => {
    const at = i / (ends.length - 1);
    const anchor = at === 0 ? "start" : at === 1 ? "end" : "middle";
    return svgText(showValue(value), barLeft + at * BAR.width, below + 57, { size: 11, colour: COLOURS.dim, anchor });
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

/** The colour scale, over tissue grey. */
function bar(signed: boolean): Colours {
  const { width, height } = BAR;
  const row = Array.from({ length: width }, (_, x) => {
    const t = x / (width - 1);
    return blend(signed ? 2 * t - 1 : t, TISSUE, signed);
  }).flat();
  const data = new Uint8Array(height * row.length);
  for (let y = 0; y < height; y++) data.set(row, y * row.length);
  return { width, height, data };
}

/** The grey below a colour scale. */
export const TISSUE = 50;

/** A value beside a colour scale. */
export const showValue = (value: number): string => (value === 0 ? "0" : Number(value.toPrecision(2)).toString());
