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
export type Source = Pick<
  TrainConfig,
  "data" | "format" | "labelFrom" | "masksInverted" | "phantomImages" | "seed" | "splitSeed"
>;

export interface Chosen {
  images: Prepared[];
  skipped: Skipped[];
  /** What was changed in images that were kept. */
  notes: string[];
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
  labelFrom?: TrainConfig["labelFrom"];
  masksInverted?: boolean;
  on?: Exclude<EvaluatedSide, "all">;
}

const sourceOf = (config: TrainConfig): Source => {
  const { data, format, labelFrom, masksInverted, phantomImages, seed } = config;
  return { data, format, labelFrom, masksInverted, phantomImages, seed, splitSeed: dataSeed(config) };
};

/** The images that the options name, as the run's network takes them. @throws ConfigError, DataError */
export async function choose(config: TrainConfig, options: ChoiceOptions): Promise<Chosen> {
  const { data, format = "auto", labelFrom = config.labelFrom, masksInverted = false, on } = options;
  if (data !== undefined) {
    if (on !== undefined) throw new ConfigError("--on has no effect with --data, all of which is evaluated");
    const other = { ...config, data, format, labelFrom, masksInverted };
    const { prepared, skipped, name, notes } = await prepareData(other, { bare: "keep" });
    const source = sourceOf(other);
    return { images: prepared, skipped, notes, on: "all", what: `images of ${name}`, name, source };
  }
  for (const [option, value] of [
    ["--format", options.format],
    ["--label-from", options.labelFrom],
    ["--masks-inverted", options.masksInverted],
  ] as const) {
    if (value !== undefined)
      throw new ConfigError(`${option} has no effect without --data: the run's data are its own`);
  }
  const { prepared, skipped, name, notes } = await prepareData(config);
  const sides = splitData(prepared, config);
  const source = sourceOf(config);
  if (on === "external") {
    if (config.external === "") throw new ConfigError("--on external: the run was trained without --external");
    const { images, skipped, name, notes } = await prepareExternal(config, [...sides.train, ...sides.val]);
    const what = `images of ${name}`;
    const itsOwn = { data: config.external, format: "auto", masksInverted: false };
    return { images, skipped, notes, on, what, name, source: { ...source, ...itsOwn } };
  }
  if (on !== "test") {
    return { images: sides.val, skipped, notes, on: "val", what: `held-out images of ${name}`, name, source };
  }
  if (sides.test.length === 0) throw new ConfigError("--on test: the run's split has no test images");
  return { images: sides.test, skipped, notes, on, what: `test images of ${name}`, name, source };
}

/**
 * The images of a run's external set, without those that it has been trained with.
 * @throws DataError if none is left
 */
export async function prepareExternal(
  config: TrainConfig,
  seen: readonly Prepared[],
  options: Parameters<typeof prepareData>[1] = {},
): Promise<{ images: Prepared[]; skipped: Skipped[]; name: string; notes: string[] }> {
  const { external: data } = config;
  const { prepared, skipped, name, notes } = await prepareData(
    { ...config, data, format: "auto", masksInverted: false },
    { ...options, bare: "keep" },
  );
  const { images, left } = withoutSeen(prepared, seen);
  if (images.length === 0) throw new DataError(`${data}: every image has been trained with: none is external`);
  return { images, skipped: [...skipped, ...left], name, notes };
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
    return await evaluate(predictor, batches, stage, SplitData.unlabelled(prepared), SplitData.bare(prepared, config));
  } finally {
    predictor?.destroy();
    net.release(gpu);
    await loader.close();
  }
}
