/** The smallest training: a network of width 1/16 on 32 x 32 images that are made up. */
import { assembleBatch, planEpoch } from "../../src/data/batches.ts";
import type { Batch, Prepared } from "../../src/data/sample.ts";
import { classifies } from "../../src/models/model.ts";
import { mganet } from "../../src/models/mganet/spec.ts";
import type { EpochRecord, PhaseOfData, TrainingData } from "../../src/train/training.ts";
import { preparedImages } from "../data/prepared.ts";
import { mganetConfig } from "../support/mganet.ts";

export const config = mganetConfig({
  width: 1 / 16,
  size: [32, 32],
  batch: 4,
  epochs: { segmentation: 2, joint: 2 },
  evalEvery: 1,
});

/** As the data are asked for the batches of the joint stage. */
export const joint: PhaseOfData = mganet.phases.find(({ name }) => name === "joint")!;

/** What can happen to the data. */
export interface DataHooks {
  /** May change a batch before it is given out. */
  onBatch?: (batch: Batch, stage: string, epoch: number, index: number) => void;
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

  #of(phase: PhaseOfData): Prepared[] {
    return classifies(phase) ? this.#train.filter((p) => p.label !== undefined) : this.#train;
  }

  images(phase: PhaseOfData): number {
    return this.#of(phase).length;
  }

  async *epoch(
    phase: PhaseOfData,
    { epoch, startBatch }: { epoch: number; startBatch: number },
  ): AsyncGenerator<Batch> {
    const images = this.#of(phase);
    const options = { seed: 1, epoch, batchSize: config.batch, startBatch, shuffle: true, flip: true, dropLast: true };
    for (const [i, { indices, flips }] of planEpoch(images.length, options).entries()) {
      const batch = assembleBatch(
        indices.map((index) => images[index]!),
        flips,
      );
      this.#hooks.onBatch?.(batch, phase.name, epoch, startBatch + i);
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
