/** Draws explanation panels: for each image the image, activation before and after, and mask. */
import { existsSync } from "node:fs";
import type { Sharp } from "sharp";
import { outOfCrop } from "../data/boxes.ts";
import { phantomFrame } from "../data/phantom/series.ts";
import { DataError, type Box, type Prepared } from "../data/sample.ts";
import type { Activations, ExplainedImage } from "../runs/explain.ts";
import { explainedTexts } from "../runs/explained-texts.ts";
import type { OpenModel } from "../runs/open-model.ts";
import { decodeGrey, greyOf, readImage, type GreyImage } from "./data/decode.ts";
import { NO_OUTLINE, outline } from "../explain/outline.ts";
import { drawPanel } from "./panel.ts";
import type { ExplainedPicture } from "./tiles.ts";

/** An explained image. */
export interface Panel {
  id: string;
  /** The text above the pictures: the image, the expert's class, and the verdict. */
  title: string;
  png: Buffer;
}

/**
 * Draws the panel of an explained image.
 * @param picture the whole picture if already open; else its file is read again
 */
export async function drawExplained(
  explained: ExplainedImage,
  by: Pick<Activations, "explanation" | "hasBase">,
  open: Pick<OpenModel, "classes" | "hasOutlines">,
  picture?: Sharp,
): Promise<Panel> {
  const texts = explainedTexts(explained, by, open);
  const png = await drawPanel({ ...(await explainedPicture(explained, by, open, picture)), ...texts });
  return { id: explained.image.id, title: texts.title, png };
}

/**
 * An explained image with all that is drawn over it, in pixels of the whole picture that it was cropped from.
 * @param picture the whole picture if already open; else its file is read again
 */
export async function explainedPicture(
  { image: p, prediction: { mask }, before, after }: ExplainedImage,
  { explanation: { method } }: Pick<Activations, "explanation">,
  { hasOutlines }: Pick<OpenModel, "hasOutlines">,
  picture?: Sharp,
): Promise<ExplainedPicture> {
  const { image, crop } = await frameOf(p, picture);
  return {
    ...{ image, crop, before, after },
    boxes: p.boxes.map((box) => outOfCrop(box, crop, p.width, p.height)),
    outline: mask && (hasOutlines ? outline(mask, p.width, p.height, crop) : NO_OUTLINE),
    signed: method === "cam",
  };
}

/** The whole picture that an image was cropped from, or the crop if the file no longer exists. */
async function frameOf(
  { width, height, grey, source }: Prepared,
  picture: Sharp | undefined,
): Promise<{ image: GreyImage; crop: Box }> {
  const whole: Box = { x0: 0, y0: 0, x1: width, y1: height };
  if (!source) return { image: { width, height, grey }, crop: whole };
  const { file, crop } = source;
  if (picture) return { image: await greyOf({ image: picture }), crop };
  const phantom = existsSync(file) ? undefined : phantomFrame(file);
  if (phantom) return { image: phantom, crop };
  try {
    return { image: await decodeGrey(await readImage(file)), crop };
  } catch (error) {
    throw error instanceof DataError ? new DataError(`${file}: ${error.message}`) : error;
  }
}
