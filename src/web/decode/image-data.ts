/** Decoded pictures in the form in which a canvas takes them. */
import type { GreyImage } from "../../data/grey-image.ts";
import type { Colours } from "../../data/pictures/picture-file.ts";

/** For `putImageData` or `createImageBitmap`. */
export function imageDataOf(picture: Colours | GreyImage): ImageData {
  const { width, height } = picture;
  const [levels, channels] = "rgb" in picture ? [picture.rgb, 3] : [picture.grey, 1];
  const image = new ImageData(width, height);
  const last = channels - 1;
  for (let from = 0, to = 0; from < levels.length; from += channels, to += 4) {
    for (let c = 0; c < 3; c++) image.data[to + c] = levels[from + Math.min(c, last)]!;
    image.data[to + 3] = 255;
  }
  return image;
}
