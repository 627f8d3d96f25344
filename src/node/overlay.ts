/** Draws a prediction: the image with the nodule mask's outline and the verdict. */
import sharp, { type Sharp } from "sharp";
import { openImage } from "./data/decode.ts";
import type { ImageFile } from "./data/picture-file.ts";
import type { Outline } from "../explain/outline.ts";
import { escapeXml } from "../report/svg-text.ts";

/** The text on a picture of a prediction. */
export interface Caption {
  /** "malignant 83 %". */
  short: string;
  /** Whether to draw it in the warning colour. */
  alarming: boolean;
}

/**
 * Draws the outline, its box and the verdict (undefined: none) over the image; returns a PNG. The picture is rotated by its EXIF
 * orientation, with transparent pixels black: as the network saw it.
 *
 * @param image the bytes of an image file, or an open image
 */
export async function overlay(
  image: Uint8Array | ImageFile | Sharp,
  { rings, box, unlearned }: Outline,
  caption: Caption | undefined,
): Promise<Buffer> {
  const picture = image instanceof Uint8Array || "bytes" in image ? await openImage(image) : image.clone();
  const { data, info } = await picture.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const unit = Math.max(1, Math.min(width, height) / 300);
  const fontSize = Math.round(13 * unit);
  const colour = caption?.alarming ? "#ff5a4f" : "#4fd18b";
  const path = rings.map((ring) => `M${ring.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}Z`).join("");
  const rectangle = box
    ? `<rect x="${box.x0}" y="${box.y0}" width="${box.x1 - box.x0}" height="${box.y1 - box.y0}" fill="none" stroke="${colour}" stroke-width="${unit}" stroke-dasharray="${4 * unit} ${3 * unit}"/>`
    : "";
  const texts = [...(caption ? [caption.short] : []), ...(box || unlearned ? [] : ["no nodule found"])];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <path d="${path}" fill="${colour}" fill-opacity="0.07" stroke="${colour}" stroke-width="${1.6 * unit}"/>${rectangle}
    <text x="${6 * unit}" y="${fontSize + 4 * unit}" font-family="DejaVu Sans, Arial, sans-serif" font-size="${fontSize}" fill="${colour}" stroke="black" stroke-width="${3 * unit}" paint-order="stroke">${escapeXml(texts.join(", "))}</text>
  </svg>`;
  return sharp(data, { raw: { width, height, channels } })
    .composite([{ input: Buffer.from(svg) }])
    .png()
    .toBuffer();
}
