/** Shows single images with box, mask and verdict. */
import { className, type Classes } from "../data/classes.ts";
import { predictedClass, shownClass } from "../metrics/decision.ts";
import type { ImagePrediction } from "../metrics/predictions.ts";
import { caseKinds, type CaseKind, type NotableCases } from "../metrics/notable-cases.ts";
import { html, Markup } from "./html.ts";
import { percent, three } from "./show.ts";

/** The visible parts of a case. Coordinates are in pixels of the picture, which is what the network saw. */
export interface CasePicture {
  width: number;
  height: number;
  /** Base64-encoded PNG. */
  png: string;
  /** The expert's boxes, as [x0, y0, x1, y1]. */
  boxes: readonly (readonly [number, number, number, number])[];
  /** The mask's outline: closed rings of points. */
  rings: readonly (readonly (readonly [number, number])[])[];
}

const titles: Readonly<Record<CaseKind, string>> = {
  best: "Correct and confident",
  worst: "Furthest from the truth",
  uncertain: "Least certain",
};
const byMask: Readonly<Record<CaseKind, string>> = { best: "Best masks", worst: "Worst masks", uncertain: "" };

/** What decides whether a prediction is right. */
export interface CaseRule {
  classes: Classes;
  threshold: number;
}

/** The chosen images, with pictures if available. */
export function showCases(chosen: NotableCases, pictures: ReadonlyMap<string, CasePicture>, rule: CaseRule): Markup {
  const masksOnly = !caseKinds.some((kind) => chosen[kind].some((p) => p.probabilities !== null));
  const groups = caseKinds.map((kind) => {
    if (chosen[kind].length === 0) return undefined;
    const cards = chosen[kind].map((p) => card(p, pictures.get(p.image), rule));
    return html`<h3>${(masksOnly ? byMask : titles)[kind]}</h3>
      <div class="cases">${cards}</div>`;
  });
  return html`${groups}`;
}

function card(p: ImagePrediction, picture: CasePicture | undefined, { classes, threshold }: CaseRule): Markup {
  const { probabilities, label } = p;
  const shown = probabilities && shownClass(probabilities, classes);
  const verdict =
    shown === null ? undefined : html`<b>${percent(probabilities![shown]!)} ${classes.names[shown]}</b>, `;
  const wrong = label !== null && probabilities && predictedClass(probabilities, classes, threshold) !== label;
  const actual = label === null ? "class unknown" : `${className(label, classes)} (actual)`;
  const dice = p.dice === null ? undefined : `, Dice ${three(p.dice)}`;
  return html`<figure${wrong ? new Markup(' class="wrong"') : ""}>${picture && draw(picture)}<figcaption>${verdict}${actual}${dice}<br>${p.image}</figcaption></figure>`;
}

const numbers = (values: readonly number[]): string => values.map((v) => Number(v.toFixed(1))).join(",");

function draw({ width, height, png, boxes, rings }: CasePicture): Markup {
  const unit = Math.max(width, height) / 168;
  const rectangles = boxes.map(([x0, y0, x1, y1]) => {
    return html`<rect
      x="${x0}"
      y="${y0}"
      width="${x1 - x0}"
      height="${y1 - y0}"
      fill="none"
      stroke="#ffd23f"
      stroke-width="${1.5 * unit}"
    />`;
  });
  const path = rings.map((ring) => `M${ring.map(numbers).join("L")}Z`).join("");
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="the image with box and mask">
    <image width="${width}" height="${height}" href="data:image/png;base64,${png}" />
    ${rectangles}
    <path d="${path}" fill="#5ad1e0" fill-opacity="0.12" stroke="#5ad1e0" stroke-width="${1.5 * unit}" />
  </svg>`;
}

/** The legend of the pictures. */
export const casesCaption = html`<p class="dim small">
  The part of the image that the network sees; <span style="border-bottom:2px solid #d9a900">yellow</span> the expert's
  box, <span style="border-bottom:2px solid #2aa7b8">blue-green</span> the outline of the mask. At most one image per
  patient.
</p>`;
