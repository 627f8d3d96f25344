/** Renders single cases for reports: the network's input, the expert's boxes, the mask's outline. */
import sharp from "sharp";
import { assembleBatch } from "../data/batches.ts";
import type { Prepared } from "../data/sample.ts";
import type { CasePicture } from "../report/cases.ts";
import type { OpenModel } from "../runs/open-model.ts";
import { NO_OUTLINE, outline } from "../explain/outline.ts";

/** Predicts the images' masks, if the model has any, and renders their pictures. */
export async function casePictures(open: OpenModel, images: readonly Prepared[]): Promise<Map<string, CasePicture>> {
  const pictures = new Map<string, CasePicture>();
  const { batch } = open.loaded.checkpoint.config;
  // The masks do not need the classifier; and training's batch size reuses its compiled shaders.
  const predictor = open.hasOutlines ? await open.predictor({ batch, masksOnly: true }) : undefined;
  for (let begin = 0; begin < images.length; begin += batch) {
    const part = images.slice(begin, begin + batch);
    const predictions = await predictor?.predict(assembleBatch(part, []).image);
    for (const [i, p] of part.entries()) pictures.set(p.id, await picture(p, predictions?.[i]!.mask));
  }
  return pictures;
}

async function picture({ width, height, grey, boxes }: Prepared, mask: Float32Array | undefined): Promise<CasePicture> {
  const png = await sharp(grey, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png({ compressionLevel: 9 })
    .toBuffer();
  const { rings } = mask ? outline(mask, width, height, { x0: 0, y0: 0, x1: width, y1: height }) : NO_OUTLINE;
  return {
    ...{ width, height, rings },
    png: png.toString("base64"),
    boxes: boxes.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1]),
  };
}
