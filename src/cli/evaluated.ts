/** A checkpoint on images: which ones a run's are, and how they come out. */
import type { EvaluatedSide } from "../metrics/predictions.ts";
import { DataError, type Prepared, type Skipped } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { BatchLoader } from "../node/data/loader.ts";
import { splitData, withoutSeen } from "../node/data/sides.ts";
import { prepareData, SplitData } from "../node/data/training-data.ts";
import { MGANet } from "../models/mganet.ts";
import { type Checkpoint, loadWeights, trainedStage } from "../train/checkpoint.ts";
import { ConfigError, dataSeed, type TrainConfig } from "../train/config.ts";
import { evaluate, Predictor } from "../train/stage.ts";

/** What images are prepared from. */
export type Source = Pick<TrainConfig, "data" | "format" | "masksInverted" | "phantomImages" | "seed" | "splitSeed">;

export interface Chosen {
  images: Prepared[];
  skipped: Skipped[];
  on: EvaluatedSide;
  /** What the images are called: "held-out images of ddti". */
  what: string;
  /** The data set's name. */
  name: string;
  source: Source;
}

export interface ChoiceOptions {
  data?: string;
  format?: string;
  masksInverted?: boolean;
  on?: Exclude<EvaluatedSide, "all">;
}

const sourceOf = (config: TrainConfig): Source => {
  const { data, format, masksInverted, phantomImages, seed } = config;
  return { data, format, masksInverted, phantomImages, seed, splitSeed: dataSeed(config) };
};

/** The images that the options name, as the run's network takes them. @throws ConfigError, DataError */
export async function choose(
  config: TrainConfig,
  { data, format = "auto", masksInverted = false, on }: ChoiceOptions,
): Promise<Chosen> {
  if (data !== undefined) {
    if (on !== undefined) throw new ConfigError("--on has no effect with --data, all of which is evaluated");
    const other = { ...config, data, format, masksInverted };
    const { prepared, skipped, name } = await prepareData(other);
    return { images: prepared, skipped, on: "all", what: `images of ${name}`, name, source: sourceOf(other) };
  }
  if (masksInverted) throw new ConfigError("--masks-inverted has no effect without --data: the run knows its own");
  const { prepared, skipped, name } = await prepareData(config);
  const sides = splitData(prepared, config);
  const source = sourceOf(config);
  if (on === "external") {
    if (config.external === "") throw new ConfigError("--on external: the run was trained without --external");
    const { images, skipped, name } = await prepareExternal(config, [...sides.train, ...sides.val]);
    const what = `images of ${name}`;
    return {
      images,
      skipped,
      on,
      what,
      name,
      source: { ...source, data: config.external, format: "auto", masksInverted: false },
    };
  }
  if (on !== "test") return { images: sides.val, skipped, on: "val", what: `held-out images of ${name}`, name, source };
  if (sides.test.length === 0) throw new ConfigError("--on test: the run's split has no test images");
  return { images: sides.test, skipped, on, what: `test images of ${name}`, name, source };
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
  const { prepared, skipped, name } = await prepareData(
    { ...config, data, format: "auto", masksInverted: false },
    options,
  );
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
