/** `mganet predict`: images in, probabilities and outlines out. */
import path from "node:path";
import { assembleBatch } from "../data/batches.ts";
import { DataError, type Prepared } from "../data/sample.ts";
import { MGANet } from "../models/mganet.ts";
import { prepareImage } from "../node/data/prepare-image.ts";
import { readInput, writeWhole } from "../node/files.ts";
import { outline, overlay } from "../node/overlay.ts";
import { findCheckpoint } from "../node/run-folder.ts";
import { loadWeights } from "../train/checkpoint.ts";
import { Predictor } from "../train/stage.ts";
import { withGpu, type GpuOption } from "./gpu.ts";

export interface PredictOptions extends GpuOption {
  run: string;
  out: string;
}

export async function predict(images: readonly string[], options: PredictOptions): Promise<void> {
  const { checkpoint, file } = await findCheckpoint(options.run);
  const { config } = checkpoint;
  const [height, width] = config.size;
  const prepared: { name: string; bytes: Buffer; image: Prepared }[] = [];
  const skipped: { image: string; reason: string }[] = [];
  for (const name of images) {
    try {
      const bytes = await readInput(name);
      prepared.push({ name, bytes, image: await prepareImage(bytes, { width, height, crop: config.crop, name }) });
    } catch (error) {
      // One bad image among many is reported and left out; if none is good, that is an error.
      if (images.length === 1) throw error;
      skipped.push({ image: name, reason: (error as Error).message });
      console.error(`left out: ${(error as Error).message}`);
    }
  }
  if (prepared.length === 0) throw new DataError(`none of the ${images.length} images can be used`);
  const predictions = await withGpu(options, async (gpu) => {
    const net = new MGANet(config);
    loadWeights(gpu, net, checkpoint, file);
    const predictor = await Predictor.create(gpu, net, { batch: Math.min(8, prepared.length), size: config.size });
    const greys = prepared.map((p) => p.image);
    return predictor.predict(
      assembleBatch(
        greys,
        greys.map(() => false),
      ).image,
    );
  });
  const names = uniqueNames(prepared.map((p) => p.name));
  const results = [];
  for (const [i, { name, bytes, image }] of prepared.entries()) {
    const { malignant, mask } = predictions[i]!;
    const found = outline(mask, width, height, image.source!.crop);
    const picture = `${names[i]}.png`;
    await writeWhole(path.join(options.out, picture), await overlay(bytes, found, malignant));
    results.push({ image: name, malignant, box: found.box ?? null, picture });
    const where = found.box ? `nodule at ${showBox(found.box)}` : "no nodule found";
    console.log(`${name}: ${(100 * malignant).toFixed(1)} % malignant, ${where}`);
  }
  const report = { checkpoint: file, note: "for research; not a medical device", predictions: results, skipped };
  await writeWhole(path.join(options.out, "predictions.json"), `${JSON.stringify(report, null, 2)}\n`);
  console.log(
    `\nWritten to ${options.out}: predictions.json and ${results.length} picture${results.length === 1 ? "" : "s"}`,
  );
}

const showBox = ({ x0, y0, x1, y1 }: { x0: number; y0: number; x1: number; y1: number }) =>
  `${x0.toFixed(0)},${y0.toFixed(0)} to ${x1.toFixed(0)},${y1.toFixed(0)}`;

/** File names without folder and extension; numbered where two are alike. */
function uniqueNames(files: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return files.map((file) => {
    const name = path.basename(file, path.extname(file));
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}-${count}`;
  });
}
