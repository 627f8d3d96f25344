/** Prepares a picture for the network as the command line does: finds the tissue, and resizes it as Pillow does. */
import { cropToTissue } from "../data/crop-image.ts";
import type { GreyImage } from "../data/grey-image.ts";
import type { CropMethod } from "../data/tissue/crop.ts";
import { resizeGrey } from "../data/resample.ts";
import { DataError, type Prepared } from "../data/sample.ts";
import { aKind } from "../kernels/kernel.ts";

/** What differs from the command line for a configuration with another `resize` than "pillow". */
export const OTHER_RESIZING =
  "resized as Pillow does, and not by libvips, by which this configuration, of an earlier version, resizes; levels differ by one or two, at sharp edges by more";

/** How pictures are shown to a network: height and width of its input, and how the tissue is found. */
export interface Shown {
  readonly size: readonly [number, number];
  readonly crop: CropMethod;
}

/** What is known of a picture that is only predicted: no class, no box. */
export type PreparedPicture = Prepared & Required<Pick<Prepared, "source">>;

/**
 * @param op what is asked of the picture, for messages
 * @throws TypeError for what is no picture, such as a file's bytes or an ImageData; DataError unless it has a grey level a pixel
 */
export function requireGrey(op: string, picture: unknown): asserts picture is GreyImage {
  const { width, height, grey } = (picture ?? {}) as Partial<Record<keyof GreyImage, unknown>>;
  if (grey === undefined) {
    throw new TypeError(
      `${op}: a picture is { width, height, grey }, as readPicture(file) of mganet-webgpu/node gives it, or in a page ` +
        `(await openPictureFile(bytes)).grey(1) of mganet-webgpu/web; got ${aKind(picture)}`,
    );
  }
  if (!(grey instanceof Uint8Array)) {
    throw new DataError(`${op}: grey holds 8-bit levels in a Uint8Array, got ${aKind(grey)}`);
  }
  if (Number.isSafeInteger(width) && Number.isSafeInteger(height) && grey.length === Number(width) * Number(height)) {
    return;
  }
  throw new DataError(
    `${op}: a picture of ${String(width)}x${String(height)} has as many grey levels, not ${grey.length}`,
  );
}

/**
 * @param id what it is called
 * @param cropped whether it shows nothing but tissue already: then all of it is kept
 * @throws DataError, without its name, if it is too small or shows nothing
 */
export function preparePicture(
  picture: GreyImage,
  id: string,
  { size: [height, width], crop: method }: Shown,
  cropped = false,
): PreparedPicture {
  const { crop } = cropToTissue(picture, method, cropped);
  return {
    ...{ id, group: id, label: undefined, width, height, boxes: [] },
    grey: resizeGrey(picture, crop, width, height),
    source: { file: id, width: picture.width, height: picture.height, crop },
  };
}
