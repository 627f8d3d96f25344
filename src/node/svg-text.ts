/** Text for the SVG that sharp renders. On a machine without fonts it is missing. */

export interface TextStyle {
  size: number;
  colour: string;
  /** SVG's text-anchor. */
  anchor?: "start" | "middle" | "end";
}

/** A line of text with its baseline at y; any content is escaped. */
export function svgText(text: string, x: number, y: number, { size, colour, anchor = "start" }: TextStyle): string {
  const escaped = escapeXml(text);
  return `<text x="${x}" y="${y}" font-family="DejaVu Sans, Arial, sans-serif" font-size="${size}" text-anchor="${anchor}" fill="${colour}">${escaped}</text>`;
}

/** Escapes text for XML; control characters become spaces. */
export const escapeXml = (text: string): string =>
  text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`).replace(/\p{Cc}/gu, " ");
