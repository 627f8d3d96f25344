/** The smallest training: a network of width 1/16 on 32 x 32 images that are made up. */
import { assembleBatch, planEpoch } from "../../src/data/batches.ts";
import type { Batch, Prepared } from "../../src/data/sample.ts";
import { checkConfig, presets, type TrainConfig } from "../../src/train/config.ts";
import type { Stage } from "../../src/train/stage.ts";
import type { EpochRecord, TrainingData } from "../../src/train/training.ts";
import { preparedImages } from "../data/prepared.ts";

export const config: TrainConfig = checkConfig({
  ...presets.quick,
  width: 1 / 16,
  size: [32, 32],
  batch: 4,
  epochs: { segmentation: 2, joint: 2 },
  evalEvery: 1,
});

/** What can happen to the data. */
export interface DataHooks {
  /** May change a batch before it is given out. */
  onBatch?: (batch: Batch, stage: Stage, epoch: number, index: number) => void;
  onValidation?: () => void;
}

/** Eighteen images to train on, twelve of them with a class, and six held out. */
export class MadeUpData implements TrainingData {
  readonly #train = preparedImages(18, 32, 32);
  readonly #held = preparedImages(6, 32, 32);
  readonly unlabelled: ReadonlySet<string> = new Set(this.#held.filter((p) => p.label === undefined).map((p) => p.id));
  readonly #hooks: DataHooks;

  constructor(hooks: DataHooks = {}) {
    this.#hooks = hooks;
  }

  #of(stage: Stage): Prepared[] {
    return stage === "joint" ? this.#train.filter((p) => p.label !== undefined) : this.#train;
  }

  images(stage: Stage): number {
    return this.#of(stage).length;
  }

  async *epoch(stage: Stage, { epoch, startBatch }: { epoch: number; startBatch: number }): AsyncGenerator<Batch> {
    const images = this.#of(stage);
    const options = { seed: 1, epoch, batchSize: config.batch, startBatch, shuffle: true, flip: true, dropLast: true };
    for (const [i, { indices, flips }] of planEpoch(images.length, options).entries()) {
      const batch = assembleBatch(
        indices.map((index) => images[index]!),
        flips,
      );
      this.#hooks.onBatch?.(batch, stage, epoch, startBatch + i);
      yield await Promise.resolve(batch);
    }
  }

  async *validation(): AsyncGenerator<Batch> {
    this.#hooks.onValidation?.();
    yield await Promise.resolve(assembleBatch(this.#held, []));
  }
}

/** A record without what depends on the clock. */
export function withoutTimes({ seconds, imagesPerSecond, ...rest }: EpochRecord): Partial<EpochRecord> {
  if (!(seconds >= 0 && imagesPerSecond >= 0)) throw new RangeError("times are not numbers");
  return rest;
}
