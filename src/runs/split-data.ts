/** Provides the two sides of a split to the trainer. */
import { type Batch, DataError, type Prepared } from "../data/sample.ts";
import { hasTarget } from "../data/target.ts";
import type { Classes } from "../data/classes.ts";
import { classifies } from "../models/model.ts";
import { classesOf } from "../train/classes.ts";
import { outlinesOf, specOf, type TrainConfig } from "../train/config.ts";
import type { PhaseOfData, TrainingData } from "../train/training.ts";
import type { BatchSource, ImageSource } from "./images.ts";

/** The ids of images without a class. */
export const unlabelledIds = (prepared: readonly Prepared[]): ReadonlySet<string> =>
  new Set(prepared.filter((p) => p.label === undefined).map((p) => p.id));

/** The ids of images without the target that a run learns, or of all if it learns none: they have no Dice. */
export function bareIds(prepared: readonly Prepared[], config: TrainConfig): ReadonlySet<string> {
  const { learned, target = "ellipse" } = outlinesOf(config);
  return new Set(prepared.filter((p) => !learned || !hasTarget(p, target)).map((p) => p.id));
}

/** The true outlines by id of the images where they are known; none if a run learns nothing of them. */
export function outlinesById(prepared: readonly Prepared[], config: TrainConfig): ReadonlyMap<string, Uint8Array> {
  if (!outlinesOf(config).learned) return new Map();
  return new Map(
    prepared.flatMap(({ id, shape, outline, width, height }): [string, Uint8Array][] => {
      const known = outline === "none" ? new Uint8Array(width * height) : shape;
      return known ? [[id, known]] : [];
    }),
  );
}

/**
 * n / (K n_c) for each of the K classes, as scikit-learn's "balanced".
 * @throws DataError for a class without images
 */
export function balancedWeights(labels: readonly number[], { names }: Classes, data: string): number[] {
  return names.map((name, c) => {
    const count = labels.filter((label) => label === c).length;
    if (count > 0) return labels.length / (names.length * count);
    throw new DataError(`${data}: no training image is ${name}: there is nothing to balance`);
  });
}

export class SplitData implements TrainingData {
  readonly unlabelled: ReadonlySet<string>;
  readonly bare: ReadonlySet<string>;
  readonly outlines: ReadonlyMap<string, Uint8Array>;
  /** Per class, for the loss; undefined if all are equal. */
  readonly classWeights: readonly number[] | undefined;
  readonly #labels: readonly number[];
  /** All training images, those with a class, and those that are held out. */
  readonly #all: BatchSource;
  readonly #labelled: BatchSource;
  readonly #validation: BatchSource;
  readonly #counts: { all: number; labelled: number };
  readonly #config: TrainConfig;

  constructor(
    source: ImageSource,
    { train, val }: { train: readonly Prepared[]; val: readonly Prepared[] },
    config: TrainConfig,
  ) {
    const labelled = train.filter((p) => p.label !== undefined);
    const { phases } = specOf(config);
    const needing = phases.find((phase) => classifies(phase) && config.epochs[phase.name]! > 0);
    if (needing && labelled.length === 0) {
      throw new DataError(`${config.data}: no training image has a class, which the ${needing.name} phase needs`);
    }
    this.unlabelled = unlabelledIds(val);
    this.bare = bareIds(val, config);
    this.outlines = outlinesById(val, config);
    this.#labels = labelled.map((p) => p.label!);
    const balanced = () => balancedWeights(this.#labels, classesOf(config), config.data);
    this.classWeights = config.classWeights === "balanced" ? balanced() : undefined;
    if (config.sampling === "balanced") balanced();
    this.#config = config;
    this.#counts = { all: train.length, labelled: labelled.length };
    const { target } = outlinesOf(config);
    this.#all = source.batches(train, target);
    this.#labelled =
      labelled.length > 0 && labelled.length < train.length ? source.batches(labelled, target) : this.#all;
    this.#validation = source.batches(val, target);
  }

  images(phase: PhaseOfData): number {
    return classifies(phase) ? this.#counts.labelled : this.#counts.all;
  }

  epoch(phase: PhaseOfData, { epoch, startBatch }: { epoch: number; startBatch: number }): AsyncIterable<Batch> {
    const { seed, batch: batchSize, flip, sampling, epochs } = this.#config;
    const { phases } = specOf(this.#config);
    // Each phase and epoch has its own order: epochs are numbered across phases.
    const before = phases.slice(
      0,
      phases.findIndex(({ name }) => name === phase.name),
    );
    const number = before.reduce((sum, { name }) => sum + epochs[name]!, 0) + epoch;
    const source = classifies(phase) ? this.#labelled : this.#all;
    return source.epoch({
      seed,
      epoch: number,
      startBatch,
      batchSize,
      shuffle: true,
      flip,
      dropLast: true,
      ...(classifies(phase) && sampling === "balanced" ? { classes: this.#labels } : {}),
    });
  }

  validation(): AsyncIterable<Batch> {
    return this.#validation.epoch({ seed: 0, epoch: 0, batchSize: this.#config.batch });
  }

  async close(): Promise<void> {
    await Promise.all([...new Set([this.#all, this.#labelled, this.#validation])].map((s) => s.close()));
  }
}
