/**
 * Finds the tissue in an ultrasound screenshot, so that text, rulers and the scanner's settings around it are cropped away:
 * some DDTI pictures have the TI-RADS score written below them, which a network would read instead of the tissue.
 *
 * Threshold, morphology, largest contour, bounding rectangle, as in the MGA-Net paper. All lengths are fractions of the shorter
 * side, with little tolerance (a closing of 0.025 bridges the gap to the text on a third of the pictures that have any).
 */
import { boundingBox } from "../boxes.ts";
import type { GreyImage } from "../grey-image.ts";
import type { Box } from "../sample.ts";
import { outerContours } from "./contours.ts";
import { closeAndOpen } from "./morphology.ts";
import { aboveLevel, aboveLocalMean } from "./threshold.ts";

/**
 * "adaptive" thresholds against the local mean and is the default; "fixed" thresholds at grey level 18 and is better below
 * 300 pixels on the shorter side; "none" keeps the whole image.
 */
export const cropMethods = ["adaptive", "fixed", "none"] as const;

/** One of `cropMethods`. */
export type CropMethod = (typeof cropMethods)[number];

/** Side of the closing and opening squares for each method, as a fraction of the shorter side. */
const MORPHOLOGY = { adaptive: { close: 0.02, open: 0.025 }, fixed: { close: 0.02, open: 0.04 } };
/** Window side of the adaptive threshold, as a fraction of the shorter side. */
const WINDOW_SHARE = 0.04;
const FIXED_THRESHOLD = 18;
/** Contours of at least this share of the largest one's area are tissue too: two scans with a black gap between them. */
const SECOND_SCAN_SHARE = 0.25;
/** Outlines in DDTI extend up to 8 pixels beyond the edge of the scan. */
const MARGIN_SHARE = 0.01;
/** A rectangle of less than this share of the image cannot be the scan. */
const MIN_TISSUE_SHARE = 0.1;

/** Rounded down to an odd number: rounding up joins text to tissue at some sizes. */
const odd = (x: number) => Math.max(3, 2 * Math.floor(x / 2) + 1);

export function wholeImage({ width, height }: { width: number; height: number }): Box {
  return { x0: 0, y0: 0, x1: width, y1: height };
}

/** The rectangle around the tissue in whole pixels; the whole image if no tissue is found. */
export function tissueRectangle(image: GreyImage, method: "adaptive" | "fixed"): Box {
  return withMargin(findTissue(image, method), image);
}

/** The rectangle around the tissue's contours; undefined if there is no contour. */
function findTissue(image: GreyImage, method: "adaptive" | "fixed"): Box | undefined {
  const { width, height } = image;
  const side = Math.min(width, height);
  const { close, open } = MORPHOLOGY[method];
  // With an offset of 0, flat black stays black (0 > 0 is false); with OpenCV's customary 2 it would all turn white.
  const picture =
    method === "adaptive" ? aboveLocalMean(image, odd(WINDOW_SHARE * side)) : aboveLevel(image, FIXED_THRESHOLD);
  closeAndOpen(picture, width, height, { close: odd(close * side), open: odd(open * side) });
  const contours = outerContours(picture, width, height);
  const largest = contours.reduce((most, { area }) => Math.max(most, area), 0);
  const tissue = contours.filter(({ area }) => area >= SECOND_SCAN_SHARE * largest);
  if (tissue.length === 0) return undefined;
  // The paper uses the rectangle of the contour's convex hull, which is that of the contour itself.
  return boundingBox(
    tissue.flatMap(({ box: { x0, y0, x1, y1 } }) => [
      { x: x0, y: y0 },
      { x: x1, y: y1 },
    ]),
  );
}

function withMargin(tissue: Box | undefined, { width, height }: GreyImage): Box {
  if (tissue === undefined) return wholeImage({ width, height });
  const margin = Math.round(MARGIN_SHARE * Math.min(width, height));
  const box: Box = {
    x0: Math.max(0, tissue.x0 - margin),
    y0: Math.max(0, tissue.y0 - margin),
    x1: Math.min(width, tissue.x1 + margin),
    y1: Math.min(height, tissue.y1 + margin),
  };
  const share = ((box.x1 - box.x0) * (box.y1 - box.y0)) / (width * height);
  return share < MIN_TISSUE_SHARE ? wholeImage({ width, height }) : box;
}
