/** Pictures of single images for reports: what the network sees, the expert's boxes, the mask's outline. */
import sharp from "sharp";
import { assembleBatch } from "../data/batches.ts";
import type { Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { MGANet } from "../models/mganet.ts";
import type { CasePicture } from "../report/cases.ts";
import { type Checkpoint, loadWeights } from "../train/checkpoint.ts";
import { teachesOutlines } from "../train/config.ts";
import { Predictor } from "../train/stage.ts";
import { NO_OUTLINE, outline } from "./overlay.ts";

/** Asks a checkpoint for the masks of images, and makes their pictures. */
export async function casePictures(
  gpu: Gpu,
  { checkpoint, file }: { checkpoint: Checkpoint; file: string },
  images: readonly Prepared[],
): Promise<Map<string, CasePicture>> {
  const pictures = new Map<string, CasePicture>();
  if (images.length === 0) return pictures;
  const { size, batch } = checkpoint.config;
  const outlines = teachesOutlines(checkpoint.config);
  const net = new MGANet(checkpoint.config);
  loadWeights(gpu, net, checkpoint, file);
  // The masks do not need the classifier; and the batch is training's, whose shaders are compiled already.
  const predictor = await Predictor.create(gpu, net, { batch, size, stage: "segmentation" });
  try {
    for (let begin = 0; begin < images.length; begin += batch) {
      const part = images.slice(begin, begin + batch);
      const predictions = await predictor.predict(assembleBatch(part, []).image);
      for (const [i, p] of part.entries())
        pictures.set(p.id, await picture(p, outlines ? predictions[i]!.mask : undefined));
    }
  } finally {
    predictor.destroy();
    net.release(gpu);
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
