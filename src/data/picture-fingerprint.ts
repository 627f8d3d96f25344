/** Computes fingerprints of decoded pictures. */
import { FINGERPRINT_SIDE, type Fingerprint, hashOf } from "./fingerprint.ts";
import type { GreyImage } from "./grey-image.ts";
import { resizeGrey } from "./resample.ts";
import type { Box } from "./sample.ts";
import { tissueRectangle, wholeImage } from "./tissue/crop.ts";

/**
 * Shorter side of the picture searched for tissue. With one size for all, and the threshold that depends least on size, the
 * same tissue is found in a picture and its resized copies; and the fingerprint, which decides splits, does not depend on how a
 * run crops its images.
 */
const STANDARD_SIDE_PIXELS = 256;

/** A longer side is compressed to this: such a strip is not an ultrasound image. */
const MAX_SIDE_PIXELS = 2048;

export function fingerprint(picture: GreyImage): Fingerprint {
  const scale = STANDARD_SIDE_PIXELS / Math.min(picture.width, picture.height);
  const [width, height] = [picture.width, picture.height].map((n) =>
    Math.min(MAX_SIDE_PIXELS, Math.round(n * scale)),
  ) as [number, number];
  const all = wholeImage(picture);
  const standard = { width, height, grey: resizeGrey(picture, all, width, height) };
  return { whole: hash(picture, all), tissue: hash(standard, tissueRectangle(standard, "fixed")) };
}

function hash(picture: GreyImage, part: Box) {
  return hashOf(resizeGrey(picture, part, FINGERPRINT_SIDE, FINGERPRINT_SIDE));
}
