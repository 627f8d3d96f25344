/** Resizes grey pictures by either method. */
import sharp from "sharp";
import type { ResizeMethod } from "../../data/crop-image.ts";
import type { GreyImage } from "../../data/grey-image.ts";
import { resizeGrey } from "../../data/resample.ts";
import type { Box } from "../../data/sample.ts";

/** The part of the image inside `crop` (whole pixels), resized to `width` × `height` without keeping the aspect ratio. */
export async function resizeBy(
  method: ResizeMethod,
  image: GreyImage,
  crop: Box,
  width: number,
  height: number,
): Promise<Uint8Array> {
  if (method === "pillow") return resizeGrey(image, crop, width, height);
  const resized = await sharp(image.grey, { raw: { width: image.width, height: image.height, channels: 1 } })
    .extract({ left: crop.x0, top: crop.y0, width: crop.x1 - crop.x0, height: crop.y1 - crop.y0 })
    .resize(width, height, { fit: "fill", kernel: "lanczos3" })
    .toColourspace("b-w")
    .raw()
    .toBuffer();
  return new Uint8Array(resized);
}
