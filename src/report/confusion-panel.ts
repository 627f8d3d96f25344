/** Confusion matrices side by side in one SVG that stands alone, like the paper's Figure 3. */
import { interpolateBlues } from "d3-scale-chromatic";
import type { ConfusionMatrix } from "../metrics/multiclass.ts";
import { colourScale, DIM, framed, INK, MARGIN, PAPER, SCALE_WIDTH } from "./figure-frame.ts";
import { escapeXml, shortened, svgText, textWidth } from "./svg-text.ts";

/** One matrix of a panel: rows actual, columns predicted. */
export interface PanelMatrix {
  label: string;
  matrix: ConfusionMatrix;
}

export interface ConfusionPanel {
  /** At least one, all of the same classes. */
  matrices: readonly PanelMatrix[];
  /** The classes' names, in the order of rows and columns. */
  names: readonly string[];
  /** Printed below. */
  caption?: string;
}

/** The fill of an actual class without images. */
const EMPTY = "#eceef1";
/** Cells darker than this share have white text. */
const DARK = 0.55;

const GAP = 26;
const TITLE = { size: 16, height: 30 };
const NAME = 13;
const AXIS = { size: 13, height: 22 };
/** The longest name of a class, before it is cut. */
const LONGEST_NAME = 130;
/** Beside the matrices: a gap, the colour scale, and its ticks. */
const SCALE = { gap: 22, ticks: 50 };
/** A panel is no wider than this if it can be divided into rows. */
const WIDEST = 1400;
/** Narrow panels get this width, for the caption. */
const NARROWEST = 560;

/** How large cells and their texts are, by the largest number of classes. */
const CELLS = [
  { classes: 2, side: 98, share: 18, count: 12.5, digits: 1 },
  { classes: 3, side: 82, share: 16, count: 12, digits: 1 },
  { classes: 6, side: 64, share: 13, count: 11, digits: 1 },
  { classes: 12, side: 42, share: 12, count: 10, digits: 0 },
] as const;
/** More classes than that are shown by colour alone. */
const BARE = { side: 20, share: 0, count: 0, digits: 0 } as const;

/** Whether a panel of so many classes has numbers in its cells. */
export const hasNumbers = (classes: number): boolean => classes <= CELLS.at(-1)!.classes;

type Cell = Omit<(typeof CELLS)[number], "classes"> | typeof BARE;

/** The sizes of one matrix with its names, which all matrices of a panel share. */
interface Layout {
  cell: Cell;
  side: number;
  /** Room for the names of the rows, and for those of the columns. */
  left: number;
  below: number;
  /** Whether the names of the columns are written at an angle. */
  turned: boolean;
  width: number;
  height: number;
}

function layoutOf(names: readonly string[]): Layout {
  const cell = CELLS.find(({ classes }) => names.length <= classes) ?? BARE;
  const longest = Math.min(LONGEST_NAME, Math.max(...names.map((name) => textWidth(name, NAME))));
  const turned = longest > cell.side - 6;
  const side = names.length * cell.side;
  const left = AXIS.height + longest + 8;
  const below = (turned ? longest * Math.SQRT1_2 + 14 : 20) + AXIS.height;
  return { cell, side, left, below, turned, width: left + side, height: TITLE.height + side + below };
}

/** Full rows if possible, and no wider than a page. */
function columnsOf(count: number, width: number): number {
  const best = count <= 3 ? count : count === 4 ? 2 : count === 7 || count === 8 ? 4 : 3;
  const fitting = Math.floor((WIDEST - 2 * MARGIN + GAP) / (width + GAP));
  return Math.max(1, Math.min(best, fitting));
}

/**
 * Draws the matrices in percent of the actual class, which is also the colour, with the counts small. Returns the text of an SVG
 * that needs nothing else.
 */
export function confusionPanel({ matrices, names, caption = "" }: ConfusionPanel): string {
  const layout = layoutOf(names);
  const columns = columnsOf(matrices.length, layout.width);
  const rows = Math.ceil(matrices.length / columns);
  const grid = {
    width: columns * (layout.width + GAP) - GAP,
    height: rows * (layout.height + GAP) - GAP,
  };
  const width = Math.ceil(Math.max(NARROWEST, 2 * MARGIN + grid.width + SCALE.gap + SCALE_WIDTH + SCALE.ticks));
  const drawn = matrices.map((each, i) => {
    const x = MARGIN + (i % columns) * (layout.width + GAP);
    const y = MARGIN + Math.floor(i / columns) * (layout.height + GAP);
    const letter = matrices.length > 1 ? `(${letterOf(i)}) ` : "";
    return matrixAt(each, `${letter}${each.label}`, names, layout, x, y);
  });
  const scale = percentScale(MARGIN + grid.width + SCALE.gap, MARGIN + TITLE.height, layout.side);
  return framed({
    ...{ label: "Confusion matrices", width, bottom: MARGIN + grid.height, caption },
    parts: [...drawn, scale],
  });
}

/** a to z, then aa, ab and so on. */
const letterOf = (i: number): string =>
  (i < 26 ? "" : String.fromCharCode(96 + Math.floor(i / 26))) + String.fromCharCode(97 + (i % 26));

function matrixAt(
  { matrix, label }: PanelMatrix,
  title: string,
  names: readonly string[],
  layout: Layout,
  x: number,
  y: number,
): string {
  const { cell, side, left, below, turned } = layout;
  const [x0, y0] = [x + left, y + TITLE.height];
  const cells = matrix.flatMap((row, i) => {
    const total = row.reduce((a, b) => a + b, 0);
    return row.map((count, j) => cellAt(count, total, cell, x0 + j * cell.side, y0 + i * cell.side));
  });
  const style = { size: NAME, colour: INK };
  const short = names.map((name) => shortened(name, LONGEST_NAME, NAME));
  const rows = short.map((name, i) =>
    svgText(name, x0 - 8, y0 + (i + 0.5) * cell.side + 0.35 * NAME, { ...style, anchor: "end" }),
  );
  const columns = short.map((name, j) => {
    const middle = x0 + (j + 0.5) * cell.side;
    return turned
      ? svgText(name, middle + 5, y0 + side + 14, { ...style, anchor: "end", turned: -45 })
      : svgText(name, middle, y0 + side + 17, { ...style, anchor: "middle" });
  });
  const axis = { size: AXIS.size, colour: DIM, anchor: "middle" } as const;
  return `<g role="group" aria-label="${escapeXml(label)}">${[
    svgText(shortened(title, layout.width, TITLE.size), x0 + side / 2, y + 18, {
      ...{ size: TITLE.size, colour: INK, bold: true },
      anchor: "middle",
    }),
    ...cells,
    `<rect x="${x0}" y="${y0}" width="${side}" height="${side}" fill="none" stroke="${DIM}"/>`,
    ...rows,
    ...columns,
    svgText("actual class", x + 12, y0 + side / 2, { ...axis, turned: -90 }),
    svgText("predicted class", x0 + side / 2, y0 + side + below - 4, axis),
  ].join("\n")}</g>`;
}

function cellAt(count: number, total: number, cell: Cell, x: number, y: number): string {
  const share = total === 0 ? 0 : count / total;
  const fill = total === 0 ? EMPTY : interpolateBlues(share);
  const square = `<rect x="${x}" y="${y}" width="${cell.side}" height="${cell.side}" fill="${fill}" stroke="${PAPER}"/>`;
  if (cell === BARE) return square;
  const percent = total === 0 ? "–" : `${(100 * share).toFixed(cell.digits)}${cell.digits > 0 ? " %" : ""}`;
  const middle = { anchor: "middle", colour: share > DARK ? "#ffffff" : INK } as const;
  const [cx, cy] = [x + cell.side / 2, y + cell.side / 2];
  return (
    square +
    svgText(percent, cx, cy + 1, { ...middle, size: cell.share, bold: true }) +
    svgText(String(count), cx, cy + 6 + cell.count, { ...middle, size: cell.count })
  );
}

const COLOURS = Array.from({ length: 50 }, (_, i) => interpolateBlues((i + 0.5) / 50));

/** The colour scale: percent of the actual class. */
function percentScale(x: number, y: number, height: number): string {
  const right = x + SCALE_WIDTH;
  const ticks = [0, 25, 50, 75, 100].map((percent) => {
    const at = y + height * (1 - percent / 100);
    return (
      `<line x1="${right}" x2="${right + 4}" y1="${at}" y2="${at}" stroke="${DIM}"/>` +
      svgText(String(percent), right + 8, at + 4, { size: 12, colour: DIM })
    );
  });
  const unit = svgText("%", x + SCALE_WIDTH / 2, y - 8, { size: 12, colour: DIM, anchor: "middle" });
  return [colourScale(x, y, height, COLOURS), ...ticks, unit].join("");
}
