/** The inputs of training, and the events it reports. */
import type { Batch } from "../data/sample.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import type { PhaseSpec } from "../models/spec.ts";
import type { Best } from "./checkpoint.ts";
import type { ImageResult } from "./evaluate.ts";
import type { Prediction } from "./predictor.ts";
import type { TrainingStep } from "./step.ts";

/** What the data source must know about a phase. */
export type PhaseOfData = Pick<PhaseSpec, "name" | "inputs">;

/** The source of batches. Their order depends only on the seed and the epoch. */
export interface TrainingData {
  /** Number of images that a phase trains on. */
  images(phase: PhaseOfData): number;
  /** The batches of an epoch from `startBatch` on; only full ones. */
  epoch(phase: PhaseOfData, options: { epoch: number; startBatch: number }): AsyncIterable<Batch>;
  validation(): AsyncIterable<Batch>;
  /** Class weights in the loss; undefined if all are equal. */
  readonly classWeights?: readonly number[] | undefined;
  /** Validation images without a class. */
  readonly unlabelled: ReadonlySet<string>;
  /** Validation images without a target. */
  readonly bare?: ReadonlySet<string>;
  /** The true outlines of validation images, by id, as in `Prepared.shape`. */
  readonly outlines?: ReadonlyMap<string, Uint8Array>;
}

/** A line of metrics.jsonl. Loss terms appear beside the loss under their names, such as `cls` and `seg`. */
export interface EpochRecord {
  /** Name of the phase. */
  stage: string;
  /** From 1. */
  epoch: number;
  /** Steps over all phases so far. */
  step: number;
  lr: number;
  /** Mean over the epoch's batches. */
  loss: number;
  seconds: number;
  imagesPerSecond: number;
  validation?: Evaluation;
  [term: string]: unknown;
}

export interface StepRecord {
  stage: string;
  epoch: number;
  epochs: number;
  batch: number;
  batches: number;
  loss: number;
}

/** A phase that is about to begin. */
export interface PhaseRecord {
  stage: string;
  title: string;
  images: number;
  /** Steps per epoch. */
  batches: number;
  epochs: number;
  /** Steps of the phase taken before the run was resumed. */
  done: number;
}

export interface TrainerEvents {
  onPhase?(record: PhaseRecord): void;
  /** A phase's step has been compiled, in `seconds`. */
  onCompiled?(step: TrainingStep, seconds: number): void;
  onStep?(record: StepRecord): void;
  /** A phase has taken its first few steps, the last of them on `batch`. Training and the epoch's clock wait. */
  onWarm?(stage: string, step: TrainingStep, batch: Batch): Promise<void>;
  onEpoch?(record: EpochRecord): Promise<void> | void;
  /** The validation images have been evaluated with the current weights; `best` if these are the best so far. */
  onEvaluated?(images: readonly ImageResult[], best: boolean): Promise<void> | void;
  /** After each epoch, once it is saved: what the network says of the images of `FitOptions.follow`. Training waits. */
  onFollowed?(record: EpochRecord, predictions: readonly Prediction[]): Promise<void> | void;
  /** Saves a checkpoint; must leave the previous one intact until the new one is complete. */
  save(name: "last" | "best", bytes: Uint8Array): Promise<void>;
}

export interface FitOptions {
  /** Seconds between saves within an epoch; 0: only at the end of each. */
  saveEvery?: number;
  /** Images [N, H, W, 3] to predict after each epoch, which changes nothing in the training; none by default. */
  follow?: Float32Array | undefined;
}

export interface TrainingResult {
  finished: boolean;
  last: Evaluation | undefined;
  best: Best | undefined;
}
