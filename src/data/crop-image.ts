/** Crops a decoded picture to the tissue. */
import { area, boxesInCrop } from "./boxes.ts";
import type { GreyImage } from "./grey-image.ts";
import { requireContent, requireSize } from "./grey-levels.ts";
import { type Box, DataError, type Skipped } from "./sample.ts";
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

/** An image's boxes after crop and resize; those outside the tissue are dropped, with a note. */
export function boxesInTissue(
  { id, boxes }: { id: string; boxes: readonly Box[] },
  crop: Box,
  { width, height }: Pick<PrepareSize, "width" | "height">,
): { boxes: Box[]; note?: string } {
  const kept = boxesInCrop(boxes, crop, width, height);
  const lost = boxes.length - kept.length;
  if (lost === 0) return { boxes: kept };
  return { boxes: kept, note: `${id}: ${lost} of ${boxes.length} boxes lie outside the tissue: dropped` };
}

/** @param set what messages call it */
export function noneUsable(set: string, images: number, [first]: readonly Skipped[]): DataError {
  const why = first ? `; the first: ${first.file}: ${first.reason}` : "";
  return new DataError(`${set}: none of the ${images} images can be used${why}`);
}
