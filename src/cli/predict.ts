/** `mganet predict`: images in, probabilities and outlines out. */
import path from "node:path";
import { assembleBatch } from "../data/batches.ts";
import type { Box, Skipped } from "../data/sample.ts";
import { MGANet } from "../models/mganet.ts";
import { Panels, requireExplainable } from "../node/explain.ts";
import { requireWritableFolder, writeWhole } from "../node/files.ts";
import { NO_OUTLINE, outline, overlay } from "../node/overlay.ts";
import { findCheckpoint } from "../node/run-folder.ts";
import { loadWeights, trainedStage } from "../train/checkpoint.ts";
import { teachesOutlines } from "../train/config.ts";
import { Predictor, type Prediction } from "../train/stage.ts";
import { explainSettings, type ExplainFlags } from "./explain.ts";
import { NO_OUTLINES } from "./format.ts";
import { Films, showFilm, type Result } from "./predict-films.ts";
import { type Job, openJobs, pictureNames, requireOthers } from "./predict-images.ts";
import { Profiler, type ProfileOptions } from "./profile.ts";
import { visibleName } from "./terminal.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

export interface PredictOptions extends TunedOption, ProfileOptions, ExplainFlags {
  run: string;
  out: string;
  half?: true;
}

/** Images in the network at a time. */
const BATCH = 8;

export async function predict(images: readonly string[], options: PredictOptions): Promise<void> {
  const { out } = options;
  const pictures = pictureNames(images);
  await requireWritableFolder(out);
  await Profiler.check(options);
  requireOthers(images, [...pictures, ...pictures.map(panelName)], out);
  const { checkpoint, file } = await findCheckpoint(options.run);
  const { config } = checkpoint;
  const explain = await explainSettings(options);
  if (explain) requireExplainable({ checkpoint, file }, explain);
  const [height, width] = config.size;
  const skipped: Skipped[] = [];
  const batches = inBatches(
    openJobs(images, pictures, {
      ...{ width, height, crop: config.crop, out },
      onSkip: (left) => {
        skipped.push(left);
        console.error(visibleName(`left out: ${left.file}: ${left.reason}`));
      },
      onNote: (name, note) => console.log(visibleName(`note: ${name}: ${note}`)),
    }),
    BATCH,
  );
  // What cannot be used at all is told before the network is loaded.
  let next = await batches.next();
  const stage = trainedStage(checkpoint);
  const outlines = teachesOutlines(config);
  if (!outlines) console.log(NO_OUTLINES);
  if (stage === "segmentation")
    console.log("The classifier of this checkpoint has not been trained yet: outlines only.");
  const results: Result[] = [];
  const films = new Films();
  await withTunedGpu(options, async (gpu) => {
    const net = new MGANet(config);
    loadWeights(gpu, net, checkpoint, file);
    const batch = next.done ? BATCH : next.value.length;
    const predictor = await Predictor.create(gpu, net, {
      batch,
      size: config.size,
      stage,
      half: options.half ?? false,
    });
    const panels = explain && (await Panels.create(gpu, net, { checkpoint, file }, explain, batch));
    const profiler = Profiler.for(gpu, options);
    for (let first = true; !next.done; next = await batches.next(), first = false) {
      const jobs = next.value;
      const prepared = jobs.map(({ image }) => image);
      const { image } = assembleBatch(prepared, []);
      const predictions = await predictor.predict(image);
      const drawn = await panels?.draw(
        prepared,
        predictions,
        jobs.map(({ picture }) => picture),
      );
      // Pictures are compressed beside each other, and told of in order.
      const drawing: ReturnType<typeof conclude>[] = [];
      for (const [i, prediction] of predictions.entries()) {
        drawing.push(conclude(jobs[i]!, prediction, { out, outlines, panel: drawn?.[i]!.png }));
      }
      for (const [i, { result, line }] of (await Promise.all(drawing)).entries()) {
        console.log(line);
        results.push(result);
        films.add(jobs[i]!, result);
      }
      if (first && profiler) {
        const nodes = await predictor.profile(gpu, image);
        const name = `inference of ${jobs.length} image${jobs.length === 1 ? "" : "s"}`;
        await profiler.add(name, nodes, (line) => console.log(line));
      }
    }
  });
  const loops = films.summaries(outlines);
  for (const loop of loops) console.log(visibleName(showFilm(loop)));
  const report = {
    ...{
      checkpoint: file,
      note: "for research; not a medical device",
      ...(outlines ? {} : { outlines: "not learned" }),
      predictions: results,
    },
    ...(loops.length > 0 ? { loops } : {}),
    skipped,
  };
  await writeWhole(path.join(out, "predictions.json"), `${JSON.stringify(report, null, 2)}\n`);
  const written = `${results.length} picture${results.length === 1 ? "" : "s"}`;
  console.log(
    `\nWritten to ${out}: predictions.json${explain ? "," : " and"} ${written}${explain ? `, and panels in ${PANELS}/` : ""}`,
  );
}

/** What a generator gives, in arrays of `size` and a last one of what is left. */
async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[], undefined> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Draws the picture of a prediction and reports it. */
async function conclude(
  { name, picture, target, image, film }: Job,
  prediction: Prediction,
  { out, outlines, panel }: { out: string; outlines: boolean; panel: Buffer | undefined },
): Promise<{ result: Result; line: string }> {
  const { width, height, source } = image;
  const malignant = Number.isNaN(prediction.malignant) ? null : prediction.malignant;
  const found = outlines ? outline(prediction.mask, width, height, source!.crop) : NO_OUTLINE;
  await writeWhole(path.join(out, target), await overlay(picture, found, malignant));
  const where = found.box ? `nodule at ${showBox(found.box)}` : "no nodule found";
  const verdict = [
    ...(malignant === null ? [] : [`${(100 * malignant).toFixed(1)} % malignant`]),
    ...(outlines ? [where] : []),
  ];
  const line = `${visibleName(name)}${film ? ` of ${film.frames}` : ""}: ${verdict.join(", ")}`;
  const result = { image: name, malignant, box: found.box ?? null, picture: target };
  if (!panel) return { result, line };
  await writeWhole(path.join(out, panelName(target)), panel);
  return { result: { ...result, panel: panelName(target) }, line };
}

const showBox = ({ x0, y0, x1, y1 }: Box) => `${x0.toFixed(0)},${y0.toFixed(0)} to ${x1.toFixed(0)},${y1.toFixed(0)}`;

/** Folder of the panels within the one of the pictures. */
const PANELS = "explained";
const panelName = (picture: string) => `${PANELS}/${picture}`;
