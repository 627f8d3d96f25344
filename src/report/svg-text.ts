/** Text in SVG that stands alone, or that sharp renders. On a machine without fonts it is missing. */

export interface TextStyle {
  size: number;
  colour: string;
  /** SVG's text-anchor. */
  anchor?: "start" | "middle" | "end";
  bold?: boolean;
  /** Degrees around its beginning, clockwise. */
  turned?: number;
}

/** A line of text with its baseline at y; any content is escaped. */
export function svgText(
  text: string,
  x: number,
  y: number,
  { size, colour, anchor = "start", bold = false, turned = 0 }: TextStyle,
): string {
  const weight = bold ? ' font-weight="bold"' : "";
  const turn = turned === 0 ? "" : ` transform="rotate(${turned} ${x} ${y})"`;
  return `<text x="${x}" y="${y}" font-family="DejaVu Sans, Arial, sans-serif" font-size="${size}"${weight} text-anchor="${anchor}" fill="${colour}"${turn}>${escapeXml(text)}</text>`;
}

const TAG = /<[^>]*>/g;
const LONG_NUMBER = /-?\d+\.\d{3,}/g;

/** The markup with coordinates rounded to 0.01 pixels. Text between the tags stays as it is. */
export const roundedCoordinates = (svg: string): string =>
  svg.replace(TAG, (tag) => tag.replace(LONG_NUMBER, (n) => String(Number(Number(n).toFixed(2)))));

/** Escapes text for XML; control characters become spaces. */
export const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`).replace(/\p{Cc}/gu, " ");

/** About the widths of characters in DejaVu Sans, the widest of the fonts, by the font's size; the first that matches counts. */
const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/[ijl.,:;'|!() ]/, 0.35],
  [/[ftr[\]/-]/, 0.42],
  [/[mwMW%@…—]/, 0.97],
  [/[A-Z]/, 0.7],
  // Scripts whose characters are as wide as high.
  [/[\u{2e80}-\u{10ffff}]/u, 1.05],
];
const WIDTH = 0.64;

/** About the width of a line of text. */
export const textWidth = (text: string, size: number): number =>
  size * Array.from(text).reduce((sum, c) => sum + (WIDTHS.find(([of]) => of.test(c))?.[1] ?? WIDTH), 0);

/** The text, cut where it would be wider. */
export function shortened(text: string, width: number, size: number): string {
  if (textWidth(text, size) <= width) return text;
  const characters = Array.from(text);
  while (characters.length > 0 && textWidth(`${characters.join("")}…`, size) > width) characters.pop();
  return `${characters.join("").trimEnd()}…`;
}

/** The text in lines that are no wider; a longer word is cut. */
export function wrapped(text: string, width: number, size: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)!} ${word}`;
    if (lines.length > 0 && textWidth(longer, size) <= width) lines[lines.length - 1] = longer;
    else lines.push(shortened(word, width, size));
  }
  return lines;
}
