/** Draws explanation panels: for each image the image, activation before and after, and mask. */
import { existsSync } from "node:fs";
import type { Sharp } from "sharp";
import { outOfCrop } from "../data/boxes.ts";
import { className } from "../data/classes.ts";
import { DataError, type Box, type Prepared } from "../data/sample.ts";
import type { ExplainMethod } from "../explain/methods.ts";
import { shownClass } from "../metrics/decision.ts";
import type { Activations, ExplainedImage } from "../runs/explain.ts";
import type { OpenModel } from "../runs/open-model.ts";
import { decodeGrey, greyOf, readImage, type GreyImage } from "./data/decode.ts";
import { phantomFrame } from "./data/phantom.ts";
import { NO_OUTLINE, outline } from "./overlay.ts";
import { drawPanel } from "./panel.ts";

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
  { explanation: { method, point }, hasBase }: Pick<Activations, "explanation" | "hasBase">,
  { classes, hasOutlines }: Pick<OpenModel, "classes" | "hasOutlines">,
  picture?: Sharp,
): Promise<Panel> {
  const { image: p, prediction, of, before, after } = explained;
  const { image, crop } = await frameOf(p, picture);
  const { probabilities, mask } = prediction;
  const shown = shownClass(probabilities, classes);
  const label = p.label === undefined ? [] : [`labelled ${className(p.label, classes)}`];
  const verdict = `${(100 * probabilities[shown]!).toFixed(1)} % ${classes.names[shown]!}`;
  const title = [p.id, ...label, verdict].join(" · ");
  const texts = textsOf(method, point, of === undefined ? undefined : classes.names[of]);
  const png = await drawPanel({
    title,
    note: before ? `${texts.meaning}; both on one scale` : texts.meaning,
    image,
    crop,
    boxes: p.boxes.map((box) => outOfCrop(box, crop, p.width, p.height)),
    outline: mask && (hasOutlines ? outline(mask, p.width, p.height, crop) : NO_OUTLINE),
    before: before && {
      caption: hasBase ? texts.ofBase : "activation before enhancement, same model",
      map: before,
    },
    after: {
      caption: before && !hasBase ? "activation after enhancement" : texts.ofModel,
      map: after,
    },
    signed: method === "cam",
  });
  return { id: p.id, title, png };
}

/** What a method's maps show, and their captions. */
function textsOf(method: ExplainMethod, point: string | undefined, name: string | undefined) {
  const activation = { ofModel: "activation of the model", ofBase: "activation of the attention-free model" };
  switch (method) {
    case "cam":
      return {
        ...activation,
        meaning: `CAM: how much each place at ${point} speaks for "${name}" (above 0) or against it`,
      };
    case "gradcam":
      return { ...activation, meaning: `Grad-CAM at ${point}: where features lie that raise the score of "${name}"` };
    case "rollout":
      return {
        ofModel: "attention rollout of the model",
        ofBase: "attention rollout of the base model",
        meaning: "Attention rollout, of no class: each patch's share in the class token",
      };
  }
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
