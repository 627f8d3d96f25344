/** Confusion matrices in percent, like the paper's Figure 3. */
import type { Classes } from "../data/classes.ts";
import type { Confusion } from "../metrics/confusion.ts";
import type { ConfusionMatrix } from "../metrics/multiclass.ts";
import { html, Markup } from "./html.ts";
import { percent } from "./show.ts";

/** The counts of two classes as a matrix in class order: rows actual, columns predicted. */
export function matrixOf({ tp, fp, fn, tn }: Confusion, { positive }: Classes): ConfusionMatrix {
  const rows = [
    [tn, fp],
    [fn, tp],
  ];
  return positive === 1 ? rows : rows.map((row) => [...row].reverse()).reverse();
}

/** Rows are the actual classes, each 100 %, with counts below. */
export function confusionTable(matrix: ConfusionMatrix, { names }: Classes): Markup {
  const cell = (count: number, total: number) => {
    const share = total === 0 ? 0 : count / total;
    const style = new Markup(` style="--share:${share.toFixed(4)}"`);
    return html`<td><div${style}><b>${total === 0 ? "–" : percent(share)}</b>${count}</div></td>`;
  };
  const heads = names.map((name) => html`<th>predicted ${name}</th>`);
  const rows = matrix.map((row, c) => {
    const total = row.reduce((a, b) => a + b, 0);
    return html`<tr>
      <th>${names[c]} (actual)</th>
      ${row.map((count) => cell(count, total))}
    </tr>`;
  });
  return html`<div class="scroll">
    <table class="confusion">
      <tr>
        <th></th>
        ${heads}
      </tr>
      ${rows}
    </table>
  </div>`;
}
