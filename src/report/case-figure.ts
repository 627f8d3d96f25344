/** Cases below each other, pictures side by side, in one SVG that stands alone: like the paper's Figure 4. */
import { roundedCoordinates, shortened, svgText, textWidth, wrapped } from "./svg-text.ts";

/** A picture with its marks. */
export interface FigureTile {
  /** Pixels. */
  width: number;
  height: number;
  /** As a data URL. */
  picture: string;
  /** SVG over it, in its pixels. */
  marks: string;
  /** A few words in its lower left corner. */
  note?: string;
}

export interface FigureCase {
  /** Beside the pictures; the first is a title. */
  lines: readonly string[];
  /** In the order of the heads; a text stands where there is no picture. */
  tiles: readonly (FigureTile | string)[];
  /** The end of the colour scale that the case's activations share. */
  most: string;
}

export interface CaseFigure {
  /** Above the texts, and above the pictures. */
  label: string;
  heads: readonly string[];
  cases: readonly FigureCase[];
  /** Colours of the scale, from 0 to its end. */
  colours: readonly string[];
  /** Printed below. */
  caption?: string;
}

const INK = "#1b1f24";
const DIM = "#5b6470";
const PAPER = "#ffffff";
const MARGIN = 16;
const GAP = 10;
/** Between cases. */
const ROW_GAP = 16;
const LABEL = { width: 182, title: 15, size: 13.5, line: 19 };
const HEAD = { size: 14, line: 18 };
const CAPTION = { size: 13, line: 19 };
const NOTE = { size: 11.5, height: 17 };
const BAR = { width: 14, ticks: 58 };

/** The side of the square that a picture is fitted into. */
export const TILE = 208;

/** Draws the cases. Returns the text of an SVG that needs nothing else. */
export function caseFigure({ label, heads, cases, colours, caption = "" }: CaseFigure): string {
  const first = MARGIN + LABEL.width;
  const columns = heads.map((_, i) => first + i * (TILE + GAP));
  const barLeft = first + heads.length * (TILE + GAP) + 2;
  const width = barLeft + BAR.width + BAR.ticks;
  const titles = [
    { x: MARGIN, anchor: "start", bold: false, colour: DIM, lines: wrapped(label, LABEL.width - 8, LABEL.size) },
    ...heads.map((head, i) => ({
      ...{ x: columns[i]! + TILE / 2, anchor: "middle" as const, bold: true, colour: INK },
      // Bold letters are a tenth wider.
      lines: wrapped(head, TILE / 1.1, HEAD.size),
    })),
  ] as const;
  const top = MARGIN + HEAD.line * Math.max(...titles.map(({ lines }) => lines.length)) + 6;
  let y = top;
  const drawn = cases.map((each) => {
    const height = heightOf(each);
    const text = caseAt(each, columns, y, height, { left: barLeft, colours });
    y += height + ROW_GAP;
    return text;
  });
  const lines = caption === "" ? [] : wrapped(caption, width - 2 * MARGIN, CAPTION.size);
  const below = y - ROW_GAP;
  const height = Math.ceil(below + MARGIN + (lines.length > 0 ? 4 + lines.length * CAPTION.line : 0));
  const texts = lines.map((line, i) =>
    svgText(line, MARGIN, below + 28 + i * CAPTION.line, { size: CAPTION.size, colour: INK }),
  );
  const above = titles.flatMap(({ x, lines, ...style }) =>
    lines.map((line, k) => {
      const size = style.bold ? HEAD.size : LABEL.size;
      return svgText(line, x, top - 10 - (lines.length - 1 - k) * HEAD.line, { ...style, size });
    }),
  );
  return roundedCoordinates(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Cases with activations and masks">
<rect width="${width}" height="${height}" fill="${PAPER}"/>
${[...above, ...drawn, ...texts].join("\n")}
</svg>
`);
}

/** A tile's size in the figure. */
function fitted({ width, height }: FigureTile): { width: number; height: number } {
  const scale = TILE / Math.max(width, height);
  return { width: width * scale, height: height * scale };
}

/** High enough for the pictures and for the text. */
const heightOf = ({ tiles, lines }: FigureCase): number =>
  Math.max(
    LABEL.line * lines.length + 4,
    ...tiles.flatMap((tile) => (typeof tile === "string" ? [] : [fitted(tile).height])),
  );

function caseAt(
  { lines, tiles, most }: FigureCase,
  columns: readonly number[],
  y: number,
  height: number,
  bar: { left: number; colours: readonly string[] },
): string {
  const label = lines.map((line, i) => {
    const size = i === 0 ? LABEL.title : LABEL.size;
    const text = shortened(line, LABEL.width - 8, size);
    return svgText(text, MARGIN, y + 14 + i * LABEL.line, { size, colour: INK, bold: i === 0 });
  });
  const pictures = tiles.map((tile, i) => {
    if (typeof tile === "string") {
      return svgText(tile, columns[i]! + TILE / 2, y + height / 2, { size: 13, colour: DIM, anchor: "middle" });
    }
    const { width, height: high } = fitted(tile);
    const [left, top] = [columns[i]! + (TILE - width) / 2, y + (height - high) / 2];
    return `<svg x="${left}" y="${top}" width="${width}" height="${high}" viewBox="0 0 ${tile.width} ${tile.height}"><image width="${tile.width}" height="${tile.height}" href="${tile.picture}"/>${tile.marks}</svg>${tile.note ? noteAt(tile.note, left, top + high) : ""}`;
  });
  return [...label, ...pictures, scale(bar.left, y + 6, height - 12, bar.colours, most)].join("\n");
}

/** Words on a dark ground, which show on any picture. */
function noteAt(note: string, left: number, bottom: number): string {
  const width = textWidth(note, NOTE.size) + 10;
  return (
    `<rect x="${left}" y="${bottom - NOTE.height}" width="${width}" height="${NOTE.height}" fill="#000000" fill-opacity="0.7"/>` +
    svgText(note, left + 5, bottom - 5, { size: NOTE.size, colour: "#ffffff" })
  );
}

/** A vertical colour scale from 0 at the bottom. In strips, since a gradient's name would have to be unique on a page. */
function scale(x: number, y: number, height: number, colours: readonly string[], most: string): string {
  const strip = height / colours.length;
  const strips = colours.map((colour, i) => {
    // Half a pixel longer upwards, so that no seam shows.
    const seam = i === colours.length - 1 ? 0 : 0.5;
    return `<rect x="${x}" y="${y + height - (i + 1) * strip - seam}" width="${BAR.width}" height="${strip + seam}" fill="${colour}"/>`;
  });
  const tick = { size: 12, colour: DIM };
  return [
    ...strips,
    svgText(most, x + BAR.width + 6, y + 9, tick),
    svgText("0", x + BAR.width + 6, y + height, tick),
  ].join("");
}
