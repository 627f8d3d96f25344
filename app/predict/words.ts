/** How predictions are said. */
import type { Classes } from "../../src/data/classes.ts";
import type { Box } from "../../src/data/sample.ts";
import type { PredictedImage } from "../worker/predict.ts";
import type { Reading } from "./rows.ts";

export const NOTE = "For research; not a medical device.";

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** "10, 20 to 110, 90". */
export const boxText = ({ x0, y0, x1, y1 }: Box): string =>
  `${x0.toFixed(0)}, ${y0.toFixed(0)} to ${x1.toFixed(0)}, ${y1.toFixed(0)}`;

/** "83.2 % malignant"; undefined without a classifier. */
export function verdict(
  { probability, predicted }: Pick<Reading, "probability" | "predicted">,
  { names, positive }: Classes,
): string | undefined {
  if (probability === undefined) return undefined;
  return `${percent(probability)} ${names.length === 2 ? names[positive]! : names[predicted!]!}`;
}

/** "nodule at 10, 20 to 110, 90"; undefined if the model has not learned outlines. */
export function finding({ found }: Pick<PredictedImage, "found">): string | undefined {
  if (!found) return undefined;
  return found.box ? `nodule at ${boxText(found.box)}` : "no nodule found";
}
