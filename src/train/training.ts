/** What training is given, and what it tells of itself. */
import type { Batch } from "../data/sample.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import type { Best } from "./checkpoint.ts";
import type { ImageResult, Stage, TrainingStep } from "./stage.ts";

/** Where the batches come from. Their order depends on nothing but the seed and the epoch. */
export interface TrainingData {
  /** Images that a stage trains on. */
  images(stage: Stage): number;
  /** The batches of an epoch from `startBatch` on; only whole ones. */
  epoch(stage: Stage, options: { epoch: number; startBatch: number }): AsyncIterable<Batch>;
  validation(): AsyncIterable<Batch>;
  /** Weights of the two classes in the loss; undefined where they count alike. */
  readonly classWeights?: readonly number[] | undefined;
  /** Validation images without a class. */
  readonly unlabelled: ReadonlySet<string>;
  /** Validation images of which no outline is known. */
  readonly bare?: ReadonlySet<string>;
}

/** A line of metrics.jsonl. */
export interface EpochRecord {
  stage: Stage;
  /** From 1. */
  epoch: number;
  /** Steps of both stages so far. */
  step: number;
  lr: number;
  /** Means over the epoch's batches. */
  loss: number;
  cls?: number;
  seg?: number;
  seconds: number;
  imagesPerSecond: number;
  validation?: Evaluation;
}

export interface StepRecord {
  stage: Stage;
  epoch: number;
  epochs: number;
  batch: number;
  batches: number;
  loss: number;
}

export interface TrainerEvents {
  onStage?(stage: Stage, info: { images: number; batches: number; epochs: number }): void;
  /** A stage's step has been compiled, in so many seconds. */
  onCompiled?(step: TrainingStep, seconds: number): void;
  onStep?(record: StepRecord): void;
  /** A stage has taken its first few steps, the last of them on `batch`. Training waits; the epoch's clock does too. */
  onWarm?(stage: Stage, step: TrainingStep, batch: Batch): Promise<void>;
  onEpoch?(record: EpochRecord): Promise<void> | void;
  /** The validation images have been evaluated with the present weights, which are the best so far where `best` says so. */
  onEvaluated?(images: readonly ImageResult[], best: boolean): Promise<void> | void;
  /** Keeps a checkpoint; must leave the previous one whole until the new one is. */
  save(name: "last" | "best", bytes: Uint8Array): Promise<void>;
}

export interface FitOptions {
  /** Seconds after which the state is saved within an epoch as well; 0: only at the end of each. */
  saveEvery?: number;
}

export interface TrainingResult {
  finished: boolean;
  last: Evaluation | undefined;
  best: Best | undefined;
}
