/** What the networks are shown of a picture. */
import { assembleBatch } from "../data/batches.ts";
import type { GreyImage } from "../data/grey-image.ts";
import type { Box } from "../data/sample.ts";
import { cropMethods, type CropMethod } from "../data/tissue/crop.ts";
import { isList, requireKnown, requireShape, requireSizes } from "../kernels/kernel.ts";
import { preparePicture, requireGrey, type Shown } from "./prepare-picture.ts";

/** How a picture is prepared. */
export interface ImageOptions {
  /** Height and width of the network's input, in pixels. */
  size: readonly [number, number];
  /** How the tissue is found in the picture; "none" takes all of it. Default "adaptive", as in training. */
  crop?: CropMethod;
}

/** A picture as networks take it. */
export interface NetworkImage {
  /** Three equal channels [H, W, 3] of (grey / 255 - IMAGE_MEAN) / IMAGE_DEVIATION. */
  readonly image: Float32Array;
  /** The part of the picture that it shows, in pixels of the picture: masks are of this part. */
  readonly crop: Box;
}

/**
 * Finds the tissue, resizes it as Pillow does (Lanczos), and normalises it, as in training and by `mganet predict`.
 * @throws TypeError for what is no picture of grey levels; DataError for one that is too small or shows nothing; ShapeError for options that
 *   cannot be
 */
export function imageOf(picture: GreyImage, options: ImageOptions): NetworkImage {
  requireGrey("imageOf", picture);
  requireKnown("imageOf", options, ["size", "crop"]);
  const prepared = preparePicture(picture, "picture", requirePrepared("imageOf", options));
  return { image: assembleBatch([prepared], [false]).image, crop: prepared.source.crop };
}

/** @throws ShapeError for a size or a way to crop that cannot be */
export function requirePrepared(op: string, { size, crop = "adaptive" }: ImageOptions): Shown {
  requireShape(
    isList(size) && (size as readonly number[]).length === 2,
    () => `${op}: size is ${String(size)}, expected [height, width]`,
  );
  requireSizes(op, size);
  requireShape(cropMethods.includes(crop), () => `${op}: crop is ${crop}, expected ${cropMethods.join(", ")}`);
  return { size: [...size], crop };
}
