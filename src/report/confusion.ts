/** Confusion matrices in percent, as the paper's Figure 3. */
import type { Confusion } from "../metrics/confusion.ts";
import { html, Markup } from "./html.ts";
import { percent } from "./show.ts";

/** Rows are the true classes, each 100 %; the counts stand below. */
export function confusionMatrix({ tp, fp, fn, tn }: Confusion): Markup {
  const cell = (count: number, total: number) => {
    const share = total === 0 ? 0 : count / total;
    const style = new Markup(` style="--share:${share.toFixed(4)}"`);
    return html`<td><div${style}><b>${total === 0 ? "–" : percent(share)}</b>${count}</div></td>`;
  };
  return html`<table class="confusion">
    <tr>
      <th></th>
      <th>taken for benign</th>
      <th>taken for malignant</th>
    </tr>
    <tr>
      <th>truly benign</th>
      ${cell(tn, tn + fp)}${cell(fp, tn + fp)}
    </tr>
    <tr>
      <th>truly malignant</th>
      ${cell(fn, fn + tp)}${cell(tp, fn + tp)}
    </tr>
  </table>`;
}
