/** A self-contained HTML page. */
import { html, Markup, type Content } from "./html.ts";
import { style } from "./style.ts";

/** This policy forbids scripts and all requests, whatever else is in the page. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** A complete HTML document. @param refresh seconds after which a browser reads it again; default never */
export function page(title: string, body: Content, refresh?: number): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        ${refresh === undefined ? null : html`<meta http-equiv="refresh" content="${refresh}" />`}
        <title>${title}</title>
        <style>
          ${new Markup(style)}
        </style>
      </head>
      <body>
        <main>
          ${body}
          <footer>For research and teaching; not a medical device. Nothing here is a diagnosis.</footer>
        </main>
      </body>
    </html> `.text;
}

/** A figure with a heading above and a caption below. */
export const figure = (heading: string, content: Content, caption: Content = ""): Markup =>
  html`<figure>
    <h3>${heading}</h3>
    ${content}
    <figcaption>${caption}</figcaption>
  </figure>`;

export interface Column {
  title: string;
  /** Left-aligned, for text. */
  text?: boolean;
  /** Without line breaks. */
  whole?: boolean;
}

/** A table that scrolls horizontally on narrow screens. */
export const table = (
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
  strong: (row: number) => boolean = () => false,
): Markup => {
  const heads = columns.map(
    ({ title, text }) => html`<th${text ? new Markup(' style="text-align:left"') : ""}>${title}</th>`,
  );
  const lines = rows.map((cells, i) => {
    const inner = cells.map(
      (cell, k) =>
        html`<td${new Markup(columns[k]?.whole ? ' class="range"' : columns[k]?.text ? ' class="text"' : "")}>${cell}</td>`,
    );
    return html`<tr${strong(i) ? new Markup(' class="strong"') : ""}>${inner}</tr>`;
  });
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${heads}
        </tr>
      </thead>
      <tbody>
        ${lines}
      </tbody>
    </table>
  </div>`;
};
