/** The data of a training run: read, prepared, split and served in batches. */
import path from "node:path";
import { type Batch, DataError, type Prepared, type Skipped } from "../../data/sample.ts";
import { dataSeed, PHANTOM, teachesOutlines, type TrainConfig } from "../../train/config.ts";
import type { TrainingData } from "../../train/training.ts";
import { stages, type Stage } from "../../train/stage.ts";
import { BatchLoader } from "./loader.ts";
import { openDataset, type OpenOptions } from "./open.ts";
import { preparePhantom } from "./phantom.ts";
import { prepareDataset, type WorkOptions } from "./prepare.ts";

export interface PreparedData {
  name: string;
  prepared: Prepared[];
  skipped: Skipped[];
  notes: string[];
}

type DataConfig = Pick<
  TrainConfig,
  "data" | "phantomImages" | "seed" | "splitSeed" | "size" | "crop" | "format" | "labelFrom" | "masksInverted"
> &
  Parameters<typeof learnsOutlines>[0];

export interface DataOptions extends WorkOptions {
  /**
   * Images of which the set marks no nodule: "keep", for evaluation, or "skip". Default: skip where the configuration trains
   * on outlines.
   */
  bare?: "keep" | "skip";
}

/** Whether a training's loss depends on the outlines of nodules. */
export const learnsOutlines = ({ fusion, alpha, epochs }: Pick<TrainConfig, "fusion" | "alpha" | "epochs">): boolean =>
  fusion !== "none" || alpha > 0 || epochs.segmentation > 0;

/**
 * Reads and prepares all images that a configuration names. Images without a box are left out, and said so: those whose nodule
 * lies outside the tissue, and, where outlines are to be learned, those of which none is known.
 */
export async function prepareData(config: DataConfig, options: DataOptions = {}): Promise<PreparedData> {
  const [height, width] = config.size;
  const { data, crop } = config;
  if (data === PHANTOM) {
    const seed = dataSeed(config);
    const prepared = await preparePhantom({ seed, count: config.phantomImages }, { width, height, crop, ...options });
    return { name: `phantom ${seed}`, prepared, skipped: [], notes: [] };
  }
  const dataset = await openDataset(data, {
    ...openOptions(config),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const { prepared, skipped, notes } = await prepareDataset(dataset, { width, height, crop, ...options });
  const unmarked = new Set(dataset.samples.filter(({ boxes }) => boxes.length === 0).map(({ id }) => id));
  const keep = (options.bare ?? (learnsOutlines(config) ? "skip" : "keep")) === "keep";
  const usable = prepared.filter((p) => p.boxes.length > 0 || (keep && unmarked.has(p.id)));
  if (usable.length === 0 && unmarked.size > 0) {
    throw new DataError(
      `${data}: the ${dataset.name} images have no outlines, from which MGA-Net learns: give boxes or masks, or train without masks by --fusion none --seg-epochs 0 --alpha 0`,
    );
  }
  if (usable.length === 0) throw new DataError(`${data}: no image has a nodule marked on it`);
  const kept = new Set(usable);
  const bare = prepared.filter((p) => !kept.has(p));
  return {
    name: path.basename(path.resolve(data)),
    prepared: usable,
    skipped: [
      ...dataset.skipped,
      ...skipped,
      ...bare.map((p) => ({ file: p.id, reason: "no nodule is marked on it" })),
    ],
    notes: [...dataset.notes, ...notes],
  };
}

/** How the folder of a configuration is to be read. */
export const openOptions = ({
  format,
  labelFrom,
  masksInverted,
}: Pick<TrainConfig, "format" | "labelFrom" | "masksInverted">): OpenOptions => ({
  ...(format === "auto" ? {} : { format }),
  ...(labelFrom === "name" ? { labelFrom } : {}),
  masksInverted,
});

/**
 * n / (2 n_c) for each class c, as scikit-learn's "balanced".
 * @throws DataError for a class without an image
 */
export function balancedWeights(classes: readonly number[], { data }: Pick<TrainConfig, "data">): [number, number] {
  const weight = (label: number) => {
    const count = classes.filter((c) => c === label).length;
    if (count > 0) return classes.length / (2 * count);
    throw new DataError(
      `${data}: no training image is ${label === 0 ? "benign" : "malignant"}: there is nothing to balance`,
    );
  };
  return [weight(0), weight(1)];
}

/** Serves the two sides of a split to the trainer. */
export class SplitData implements TrainingData {
  readonly unlabelled: ReadonlySet<string>;
  readonly bare: ReadonlySet<string>;
  /** Of each class, for the loss; undefined where all count alike. */
  readonly classWeights: readonly [number, number] | undefined;
  readonly #classes: readonly number[];
  readonly #loaders: Record<Stage, BatchLoader>;
  readonly #counts: Record<Stage, number>;
  readonly #validation: BatchLoader;
  readonly #config: TrainConfig;

  constructor(train: readonly Prepared[], validation: readonly Prepared[], config: TrainConfig) {
    const labelled = train.filter((p) => p.label !== undefined);
    if (config.epochs.joint > 0 && labelled.length === 0) {
      throw new DataError(`${config.data}: no training image has a class, which the joint stage needs`);
    }
    this.unlabelled = SplitData.unlabelled(validation);
    this.bare = SplitData.bare(validation, config);
    this.#classes = labelled.map((p) => p.label!);
    this.classWeights = config.classWeights === "balanced" ? balancedWeights(this.#classes, config) : undefined;
    if (config.sampling === "balanced") balancedWeights(this.#classes, config);
    this.#config = config;
    this.#counts = { segmentation: train.length, joint: labelled.length };
    // Images without a class serve the segmentation stage only.
    const all = new BatchLoader(train);
    this.#loaders = { segmentation: all, joint: labelled.length < train.length ? new BatchLoader(labelled) : all };
    this.#validation = new BatchLoader(validation);
  }

  /** The ids of images without a class. */
  static unlabelled(prepared: readonly Prepared[]): ReadonlySet<string> {
    return new Set(prepared.filter((p) => p.label === undefined).map((p) => p.id));
  }

  /** The ids of images of which no outline is known, or none is learned: there is no Dice of them. */
  static bare(prepared: readonly Prepared[], config: Parameters<typeof teachesOutlines>[0]): ReadonlySet<string> {
    const taught = teachesOutlines(config);
    return new Set(prepared.filter((p) => !taught || p.boxes.length === 0).map((p) => p.id));
  }

  images(stage: Stage): number {
    return this.#counts[stage];
  }

  epoch(stage: Stage, { epoch, startBatch }: { epoch: number; startBatch: number }): AsyncIterable<Batch> {
    const { seed, batch: batchSize, flip, sampling } = this.#config;
    // Each stage and epoch has its own order: the stages' epochs are numbered on from each other.
    const number = stages.indexOf(stage) * this.#config.epochs.segmentation + epoch;
    return this.#loaders[stage].epoch({
      seed,
      epoch: number,
      startBatch,
      batchSize,
      shuffle: true,
      flip,
      dropLast: true,
      ...(stage === "joint" && sampling === "balanced" ? { classes: this.#classes } : {}),
    });
  }

  validation(): AsyncIterable<Batch> {
    return this.#validation.epoch({ seed: 0, epoch: 0, batchSize: this.#config.batch });
  }

  async close(): Promise<void> {
    await Promise.all(
      [...new Set([...Object.values(this.#loaders), this.#validation])].map((loader) => loader.close()),
    );
  }
}
