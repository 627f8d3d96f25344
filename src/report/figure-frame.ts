/** What the figures that stand alone share: their paper and inks, a caption below, a vertical colour scale. */
import { escapeXml, roundedCoordinates, svgText, wrapped } from "./svg-text.ts";

export const INK = "#1b1f24";
export const DIM = "#5b6470";
export const PAPER = "#ffffff";
export const MARGIN = 16;

const CAPTION = { size: 13, line: 19, gap: 28 };

export interface FramedFigure {
  /** What it is, for those who cannot see it. */
  label: string;
  width: number;
  /** Where its content ends, without margin. */
  bottom: number;
  /** SVG. */
  parts: readonly string[];
  /** Printed below; "" for none. */
  caption: string;
}

/** The content on white paper, with its caption. Returns the text of an SVG that needs nothing else. */
export function framed({ label, width, bottom, parts, caption }: FramedFigure): string {
  const lines = caption === "" ? [] : wrapped(caption, width - 2 * MARGIN, CAPTION.size);
  const texts = lines.map((line, i) =>
    svgText(line, MARGIN, bottom + CAPTION.gap + i * CAPTION.line, { size: CAPTION.size, colour: INK }),
  );
  // The last line's letters reach a little below it.
  const below = lines.length === 0 ? 0 : CAPTION.gap + (lines.length - 1) * CAPTION.line + 4;
  const height = Math.ceil(bottom + below + MARGIN);
  return roundedCoordinates(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(label)}">
<rect width="${width}" height="${height}" fill="${PAPER}"/>
${[...parts, ...texts].join("\n")}
</svg>
`);
}

export const SCALE_WIDTH = 14;

/** A vertical colour scale, from the bottom up. In strips, since a gradient's name would have to be unique on a page. */
export function colourScale(x: number, y: number, height: number, colours: readonly string[]): string {
  const strip = height / colours.length;
  const strips = colours.map((colour, i) => {
    // Half a pixel longer upwards, so that no seam shows.
    const seam = i === colours.length - 1 ? 0 : 0.5;
    return `<rect x="${x}" y="${y + height - (i + 1) * strip - seam}" width="${SCALE_WIDTH}" height="${strip + seam}" fill="${colour}"/>`;
  });
  return `${strips.join("")}<rect x="${x}" y="${y}" width="${SCALE_WIDTH}" height="${height}" fill="none" stroke="${DIM}"/>`;
}
