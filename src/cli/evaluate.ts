/** `mganet evaluate`. */
import path from "node:path";
import { DataError, type Prepared, type Skipped } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { BatchLoader } from "../node/data/loader.ts";
import { splitData, withoutSeen } from "../node/data/sides.ts";
import { prepareData, SplitData } from "../node/data/training-data.ts";
import { requireWritableFile, writeWhole } from "../node/files.ts";
import { findCheckpoint, withOwnSplit } from "../node/run-folder.ts";
import { MGANet } from "../models/mganet.ts";
import { type Checkpoint, loadWeights, trainedStage } from "../train/checkpoint.ts";
import { ConfigError, type TrainConfig } from "../train/config.ts";
import { evaluate, Predictor } from "../train/stage.ts";
import { showConfusion, showMetrics, showSkipped } from "./format.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

export interface EvaluateOptions extends TunedOption {
  data?: string;
  format?: string;
  on?: "val" | "test" | "external";
  checkpoint?: "best" | "last";
  json?: string;
}

interface Chosen {
  images: Prepared[];
  skipped: Skipped[];
  /** What the images are called: "held-out images of ddti". */
  what: string;
  name: string;
}

export async function evaluateRun(target: string, options: EvaluateOptions): Promise<void> {
  const { json } = options;
  if (json !== undefined) await requireWritableFile(json);
  const { checkpoint, file } = await findCheckpoint(target, options.checkpoint);
  const config = withOwnSplit(checkpoint.config, path.dirname(file));
  const { images: chosen, skipped, what, name } = await choose(config, options);
  for (const line of showSkipped(skipped)) console.log(line);
  const { metrics, images } = await withTunedGpu(options, (gpu) => evaluateImages(gpu, checkpoint, file, chosen));
  console.log(`${file} on ${chosen.length} ${what}:`);
  if (trainedStage(checkpoint) === "segmentation") {
    console.log("The classifier of this checkpoint has not been trained yet.");
  }
  console.log(showMetrics(metrics));
  if (metrics.confusion) console.log(showConfusion(metrics));
  const report = { checkpoint: file, data: name, metrics, images, skipped };
  if (json !== undefined) await writeWhole(json, `${JSON.stringify(report, null, 2)}\n`);
}

/** The images that the options name. @throws ConfigError, DataError */
async function choose(config: TrainConfig, { data, format = "auto", on }: EvaluateOptions): Promise<Chosen> {
  if (data !== undefined) {
    if (on !== undefined) throw new ConfigError("--on has no effect with --data, all of which is evaluated");
    const { prepared, skipped, name } = await prepareData({ ...config, data, format });
    return { images: prepared, skipped, what: `images of ${name}`, name };
  }
  const { prepared, skipped, name } = await prepareData(config);
  const sides = splitData(prepared, config);
  if (on === "external") {
    if (config.external === "") throw new ConfigError("--on external: the run was trained without --external");
    const { images, skipped, name } = await prepareExternal(config, [...sides.train, ...sides.val]);
    return { images, skipped, what: `images of ${name}`, name };
  }
  if (on === "test" && sides.test.length === 0) throw new ConfigError("--on test: the run's split has no test images");
  const images = on === "test" ? sides.test : sides.val;
  return { images, skipped, what: `${on === "test" ? "test" : "held-out"} images of ${name}`, name };
}

/**
 * The images of a run's external set, without those that it has been trained with.
 * @throws DataError if none is left
 */
export async function prepareExternal(
  config: TrainConfig,
  seen: readonly Prepared[],
  options: Parameters<typeof prepareData>[1] = {},
): Promise<{ images: Prepared[]; skipped: Skipped[]; name: string }> {
  const { external: data } = config;
  const { prepared, skipped, name } = await prepareData({ ...config, data, format: "auto" }, options);
  const { images, left } = withoutSeen(prepared, seen);
  if (images.length === 0) throw new DataError(`${data}: every image has been trained with: none is external`);
  return { images, skipped: [...skipped, ...left], name };
}

/** Evaluates a checkpoint on images, whose number need not be a multiple of the batch. */
export async function evaluateImages(gpu: Gpu, checkpoint: Checkpoint, file: string, prepared: readonly Prepared[]) {
  const { config } = checkpoint;
  const stage = trainedStage(checkpoint);
  const batch = Math.min(config.batch, prepared.length);
  const loader = new BatchLoader(prepared);
  const net = new MGANet(config);
  let predictor: Predictor | undefined;
  try {
    loadWeights(gpu, net, checkpoint, file);
    predictor = await Predictor.create(gpu, net, { batch, size: config.size, stage });
    const batches = loader.epoch({ seed: 0, epoch: 0, batchSize: batch });
    return await evaluate(predictor, batches, stage, SplitData.unlabelled(prepared));
  } finally {
    predictor?.destroy();
    net.release(gpu);
    await loader.close();
  }
}
