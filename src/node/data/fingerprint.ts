/** Fingerprints of decoded pictures. */
import { FINGERPRINT_SIDE, type Fingerprint, hashOf } from "../../data/fingerprint.ts";
import type { Box } from "../../data/sample.ts";
import { tissueRectangle, wholeImage } from "./crop.ts";
import { type GreyImage, resizeGrey } from "./decode.ts";
import { loadOpenCv } from "./opencv.ts";

/**
 * Shorter side of the picture in which the tissue is looked for. At one size for all, and with the threshold that depends
 * least on size, the same tissue is found in a picture and in its enlarged or shrunk copies; and the fingerprint, which
 * decides over splits, does not depend on how a run crops its images.
 */
const STANDARD_SIDE_PIXELS = 256;

/** A longer side than this, of a strip that is not an ultrasound image, is squeezed. */
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
