/** Prepares a picture for the network as the command line does: finds the tissue, and resizes it as Pillow does. */
import { cropToTissue } from "../data/crop-image.ts";
import type { GreyImage } from "../data/grey-image.ts";
import { resizeGrey } from "../data/resample.ts";
import type { Prepared } from "../data/sample.ts";
import type { TrainConfig } from "../train/config.ts";

/** What differs from the command line for a configuration with another `resize` than "pillow". */
export const OTHER_RESIZING =
  "resized as Pillow does, and not by libvips, by which this configuration, of an earlier version, resizes; levels differ by one or two, at sharp edges by more";

/** What is known of a picture that is only predicted: no class, no box. */
export type PreparedPicture = Prepared & Required<Pick<Prepared, "source">>;

/**
 * @param id what it is called
 * @param cropped whether it shows nothing but tissue already: then all of it is kept
 * @throws DataError, without its name, if it is too small or shows nothing
 */
export function preparePicture(
  picture: GreyImage,
  id: string,
  { size: [height, width], crop: method }: Pick<TrainConfig, "size" | "crop">,
  cropped = false,
): PreparedPicture {
  const { crop } = cropToTissue(picture, method, cropped);
  return {
    ...{ id, group: id, label: undefined, width, height, boxes: [] },
    grey: resizeGrey(picture, crop, width, height),
    source: { file: id, width: picture.width, height: picture.height, crop },
  };
}
