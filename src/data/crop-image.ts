/** Crops a decoded picture to the tissue. */
import { area } from "./boxes.ts";
import type { GreyImage } from "./grey-image.ts";
import { requireContent, requireSize } from "./grey-levels.ts";
import type { Box } from "./sample.ts";
import { type CropMethod, tissueRectangle, wholeImage } from "./tissue/crop.ts";

/**
 * How images are resized: as Pillow does (resample.ts), or by libvips, as runs of earlier versions did. Levels differ by one or two, at
 * sharp edges by more.
 */
export type ResizeMethod = "pillow" | "libvips";

/** The size of the network's input in pixels, and how to crop to the tissue. */
export interface PrepareSize {
  width: number;
  height: number;
  crop: CropMethod;
  /** Default: "pillow". */
  resize?: ResizeMethod;
}

/** A decoded image, and the part that is kept. */
export interface Opened {
  original: GreyImage;
  crop: Box;
}

/** The part of an image that shows tissue. */
export const cropOf = (image: GreyImage, method: CropMethod): Box =>
  method === "none" ? wholeImage(image) : tissueRectangle(image, method);

/**
 * @param cropped whether the image is already cropped to the tissue: then all of it is kept, whatever its size
 * @throws DataError, without the file's name, if it is too small or shows nothing
 */
export function cropToTissue(original: GreyImage, method: CropMethod, cropped = false): Opened {
  if (!cropped) requireSize(original);
  requireContent(original);
  const crop = cropOf(original, cropped ? "none" : method);
  const { width, height } = original;
  if (area(crop) < width * height) requireContent(original, crop, "the part taken as tissue");
  return { original, crop };
}
