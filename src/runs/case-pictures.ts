/** Single cases for reports: the network's input, the expert's boxes, the mask's outline. */
import { assembleBatch } from "../data/batches.ts";
import type { Prepared } from "../data/sample.ts";
import { NO_OUTLINE, outline } from "../explain/outline.ts";
import type { CasePicture } from "../report/cases.ts";
import type { OpenModel } from "./open-model.ts";

/** A picture's grey levels as a PNG in base64. */
export type GreyEncoder = (picture: Pick<Prepared, "width" | "height" | "grey">) => Promise<string> | string;

/** Predicts the images' masks, if the model has any, and makes their pictures. */
export async function casePictures(
  open: OpenModel,
  images: readonly Prepared[],
  encode: GreyEncoder,
): Promise<Map<string, CasePicture>> {
  const pictures = new Map<string, CasePicture>();
  const { batch } = open.loaded.checkpoint.config;
  // The masks do not need the classifier; and training's batch size reuses its compiled shaders.
  const predictor = open.hasOutlines ? await open.predictor({ batch, masksOnly: true }) : undefined;
  for (let begin = 0; begin < images.length; begin += batch) {
    const part = images.slice(begin, begin + batch);
    const predictions = await predictor?.predict(assembleBatch(part, []).image);
    for (const [i, p] of part.entries()) pictures.set(p.id, await picture(p, predictions?.[i]!.mask, encode));
  }
  return pictures;
}

async function picture(p: Prepared, mask: Float32Array | undefined, encode: GreyEncoder): Promise<CasePicture> {
  const { width, height, boxes } = p;
  const { rings } = mask ? outline(mask, width, height, { x0: 0, y0: 0, x1: width, y1: height }) : NO_OUTLINE;
  return {
    ...{ width, height, rings },
    png: await encode(p),
    boxes: boxes.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1]),
  };
}
