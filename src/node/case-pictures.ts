/** The pictures of reports, as small as PNG makes them. */
import sharp from "sharp";
import type { GreyEncoder } from "../runs/case-pictures.ts";

export const encodeGrey: GreyEncoder = async ({ width, height, grey }) => {
  const png = sharp(grey, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png({ compressionLevel: 9 });
  return (await png.toBuffer()).toString("base64");
};
