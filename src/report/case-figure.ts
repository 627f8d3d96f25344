/** Cases below each other, pictures side by side, in one SVG that stands alone: like the paper's Figure 4. */
import { colourScale, DIM, framed, INK, MARGIN, SCALE_WIDTH } from "./figure-frame.ts";
import { shortened, svgText, textWidth, wrapped } from "./svg-text.ts";

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

const GAP = 10;
/** Between cases. */
const ROW_GAP = 16;
const LABEL = { width: 182, title: 15, size: 13.5, line: 19 };
const HEAD = { size: 14, line: 18 };
const NOTE = { size: 11.5, height: 17 };
/** Room for the numbers beside a colour scale. */
const TICKS = 58;

/** The side of the square that a picture is fitted into. */
export const TILE = 208;

/** Draws the cases. Returns the text of an SVG that needs nothing else. */
export function caseFigure({ label, heads, cases, colours, caption = "" }: CaseFigure): string {
  const first = MARGIN + LABEL.width;
  const columns = heads.map((_, i) => first + i * (TILE + GAP));
  const barLeft = first + heads.length * (TILE + GAP) + 2;
  const width = barLeft + SCALE_WIDTH + TICKS;
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
  const above = titles.flatMap(({ x, lines, ...style }) =>
    lines.map((line, k) => {
      const size = style.bold ? HEAD.size : LABEL.size;
      return svgText(line, x, top - 10 - (lines.length - 1 - k) * HEAD.line, { ...style, size });
    }),
  );
  return framed({
    ...{ label: "Cases with activations and masks", width, bottom: y - ROW_GAP, caption },
    parts: [...above, ...drawn],
  });
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
  const tick = { size: 12, colour: DIM };
  const [top, long, right] = [y + 6, height - 12, bar.left + SCALE_WIDTH + 6];
  return [
    ...[...label, ...pictures, colourScale(bar.left, top, long, bar.colours)],
    ...[svgText(most, right, top + 9, tick), svgText("0", right, top + long, tick)],
  ].join("\n");
}

/** Words on a dark ground, which show on any picture. */
function noteAt(note: string, left: number, bottom: number): string {
  const width = textWidth(note, NOTE.size) + 10;
  return (
    `<rect x="${left}" y="${bottom - NOTE.height}" width="${width}" height="${NOTE.height}" fill="#000000" fill-opacity="0.7"/>` +
    svgText(note, left + 5, bottom - 5, { size: NOTE.size, colour: "#ffffff" })
  );
}
