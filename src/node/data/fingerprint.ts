/** Computes fingerprints of decoded pictures. */
import { FINGERPRINT_SIDE, type Fingerprint, hashOf } from "../../data/fingerprint.ts";
import type { Box } from "../../data/sample.ts";
import { tissueRectangle, wholeImage } from "./crop.ts";
import { type GreyImage, resizeGrey } from "./decode.ts";
import { loadOpenCv } from "./opencv.ts";

/**
 * Shorter side of the picture searched for tissue. With one size for all, and the threshold that depends least on size, the
 * same tissue is found in a picture and its resized copies; and the fingerprint, which decides splits, does not depend on how a
 * run crops its images.
 */
const STANDARD_SIDE_PIXELS = 256;

/** A longer side is compressed to this: such a strip is not an ultrasound image. */
const MAX_SIDE_PIXELS = 2048;

export async function fingerprint(picture: GreyImage): Promise<Fingerprint> {
  const { cv } = await loadOpenCv();
  const scale = STANDARD_SIDE_PIXELS / Math.min(picture.width, picture.height);
  const [width, height] = [picture.width, picture.height].map((n) =>
    Math.min(MAX_SIDE_PIXELS, Math.round(n * scale)),
  ) as [number, number];
  const all = wholeImage(picture);
  const standard = { width, height, grey: await resizeGrey(picture, all, width, height) };
  return { whole: await hash(picture, all), tissue: await hash(standard, tissueRectangle(cv, standard, "fixed")) };
}

async function hash(picture: GreyImage, part: Box) {
  return hashOf(await resizeGrey(picture, part, FINGERPRINT_SIDE, FINGERPRINT_SIDE));
}
