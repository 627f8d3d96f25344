/** The data of a training run: read, prepared, split and served in batches. */
import path from "node:path";
import { benignMalignant, sameNames } from "../../data/classes.ts";
import { type Batch, type Classes, DataError, type Prepared, type Skipped } from "../../data/sample.ts";
import { type ClassRequest, resolveClasses } from "../../data/settle-classes.ts";
import { dataSeed, PHANTOM, teachesOutlines, type TrainConfig } from "../../train/config.ts";
import type { TrainingData } from "../../train/training.ts";
import { stages, type Stage } from "../../train/stage.ts";
import { BatchLoader } from "./loader.ts";
import { openDataset, type OpenOptions } from "./open.ts";
import { preparePhantom } from "./phantom.ts";
import { prepareDataset, type WorkOptions } from "./prepare.ts";

export interface PreparedData {
  name: string;
  /** Of which labels are indices. */
  classes: Classes;
  prepared: Prepared[];
  skipped: Skipped[];
  notes: string[];
}

type DataConfig = Pick<
  TrainConfig,
  "data" | "phantomImages" | "seed" | "splitSeed" | "size" | "crop" | "format" | "labelFrom" | "masksInverted"
> &
  ClassRequest &
  Parameters<typeof learnsOutlines>[0];

export interface DataOptions extends WorkOptions {
  /**
   * Images of which the set marks no nodule: "keep", for evaluation, or "skip". Default: skip where the configuration trains
   * on outlines.
   */
  bare?: "keep" | "skip";
  /** As in `OpenOptions`. */
  missingClasses?: "refuse" | "allow";
}

/** Whether a training's loss depends on the outlines of nodules. */
export const learnsOutlines = ({ fusion, alpha, epochs }: Pick<TrainConfig, "fusion" | "alpha" | "epochs">): boolean =>
  fusion !== "none" || alpha > 0 || epochs.segmentation > 0;

/**
 * Reads and prepares all images that a configuration names. Images without a box are left out with a reason, unless it is known
 * that there is no nodule: those whose nodule lies outside the tissue, and, where outlines are to be learned, those whose outline is
 * unknown.
 */
export async function prepareData(config: DataConfig, options: DataOptions = {}): Promise<PreparedData> {
  const [height, width] = config.size;
  const { data, crop } = config;
  if (data === PHANTOM) {
    const classes = phantomClasses(config);
    const seed = dataSeed(config);
    const prepared = await preparePhantom({ seed, count: config.phantomImages }, { width, height, crop, ...options });
    return { name: `phantom ${seed}`, classes, prepared, skipped: [], notes: [] };
  }
  const dataset = await openDataset(data, {
    ...openOptions(config),
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.missingClasses ? { missingClasses: options.missingClasses } : {}),
  });
  const { prepared, skipped, notes } = await prepareDataset(dataset, { width, height, crop, ...options });
  const unmarked = new Set(dataset.samples.filter(isBare).map(({ id }) => id));
  const keep = (options.bare ?? (learnsOutlines(config) ? "skip" : "keep")) === "keep";
  const usable = prepared.filter((p) => !isBare(p) || (keep && unmarked.has(p.id)));
  const outlined = usable.some((p) => p.boxes.length > 0);
  if (!outlined && !keep && unmarked.size > 0) {
    throw new DataError(
      `${data}: the ${dataset.name} images have no outlines, from which MGA-Net learns: give boxes or masks, or train without masks by --fusion none --seg-epochs 0 --alpha 0`,
    );
  }
  if (usable.length === 0) throw new DataError(`${data}: no image has a nodule marked on it`);
  const kept = new Set(usable);
  const bare = prepared.filter((p) => !kept.has(p));
  return {
    name: path.basename(path.resolve(data)),
    classes: dataset.classes,
    prepared: usable,
    skipped: [
      ...dataset.skipped,
      ...skipped,
      ...bare.map((p) => ({ file: p.id, reason: "no nodule is marked on it" })),
    ],
    notes: [...dataset.notes, ...notes],
  };
}

/** Whether the outline of an image is unknown; where it is known that there is no nodule it is not. */
export const isBare = ({ boxes, outline }: Pick<Prepared, "boxes" | "outline">): boolean =>
  boxes.length === 0 && outline !== "none";

/** @throws DataError for a request that the phantom cannot meet: it has these two classes, in this order */
function phantomClasses(request: ClassRequest): Classes {
  const classes = resolveClasses(request, benignMalignant);
  if (request.target === "tirads") throw new DataError("the phantom has no TI-RADS grades");
  if (sameNames(classes, benignMalignant)) return classes;
  throw new DataError(`the phantom has the classes ${benignMalignant.names.join(" and ")} only`);
}

/** How the folder of a configuration is to be read. */
export const openOptions = ({
  format,
  labelFrom,
  masksInverted,
  target,
  classes,
  positive,
}: Pick<TrainConfig, "format" | "labelFrom" | "masksInverted"> & ClassRequest): OpenOptions => ({
  ...{ target, classes, positive },
  ...(format === "auto" ? {} : { format }),
  ...(labelFrom === "name" ? { labelFrom } : {}),
  masksInverted,
});

/**
 * n / (K n_c) for each class c of K, as scikit-learn's "balanced".
 * @param labels of the training images
 * @throws DataError for a class without an image
 */
export function balancedWeights(
  labels: readonly number[],
  { data }: Pick<TrainConfig, "data">,
  { names }: Classes = benignMalignant,
): number[] {
  return names.map((name, c) => {
    const count = labels.filter((label) => label === c).length;
    if (count > 0) return labels.length / (names.length * count);
    throw new DataError(`${data}: no training image is ${name}: there is nothing to balance`);
  });
}

/** Serves the two sides of a split to the trainer. */
export class SplitData implements TrainingData {
  readonly unlabelled: ReadonlySet<string>;
  readonly bare: ReadonlySet<string>;
  /** Of each class, for the loss; undefined where all count alike. */
  readonly classWeights: readonly number[] | undefined;
  readonly #classes: readonly number[];
  readonly #loaders: Record<Stage, BatchLoader>;
  readonly #counts: Record<Stage, number>;
  readonly #validation: BatchLoader;
  readonly #config: TrainConfig;

  constructor(
    train: readonly Prepared[],
    validation: readonly Prepared[],
    config: TrainConfig,
    classes: Classes = benignMalignant,
  ) {
    const labelled = train.filter((p) => p.label !== undefined);
    if (config.epochs.joint > 0 && labelled.length === 0) {
      throw new DataError(`${config.data}: no training image has a class, which the joint stage needs`);
    }
    this.unlabelled = SplitData.unlabelled(validation);
    this.bare = SplitData.bare(validation, config);
    this.#classes = labelled.map((p) => p.label!);
    this.classWeights =
      config.classWeights === "balanced" ? balancedWeights(this.#classes, config, classes) : undefined;
    if (config.sampling === "balanced") balancedWeights(this.#classes, config, classes);
    this.#config = config;
    this.#counts = { segmentation: train.length, joint: labelled.length };
    // Of images without a class only the outlines are used.
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
    return new Set(prepared.filter((p) => !taught || isBare(p)).map((p) => p.id));
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
