/** What training takes, and what it reports. */
import type { Batch } from "../data/sample.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import type { PhaseSpec } from "../models/spec.ts";
import type { Best } from "./checkpoint.ts";
import type { ImageResult } from "./evaluate.ts";
import type { TrainingStep } from "./step.ts";

/** What data needs to know of a phase. */
export type PhaseOfData = Pick<PhaseSpec, "name" | "inputs">;

/** Where the batches come from. Their order depends on nothing but the seed and the epoch. */
export interface TrainingData {
  /** Images that a phase trains on. */
  images(phase: PhaseOfData): number;
  /** The batches of an epoch from `startBatch` on; only whole ones. */
  epoch(phase: PhaseOfData, options: { epoch: number; startBatch: number }): AsyncIterable<Batch>;
  validation(): AsyncIterable<Batch>;
  /** Weights of the classes in the loss; undefined where they count alike. */
  readonly classWeights?: readonly number[] | undefined;
  /** Validation images without a class. */
  readonly unlabelled: ReadonlySet<string>;
  /** Validation images of which no outline is known. */
  readonly bare?: ReadonlySet<string>;
}

/** A line of metrics.jsonl. Loss terms stand beside the loss by their names, such as `cls` and `seg`. */
export interface EpochRecord {
  /** Name of the phase. */
  stage: string;
  /** From 1. */
  epoch: number;
  /** Steps of all phases so far. */
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
  /** Steps an epoch. */
  batches: number;
  epochs: number;
  /** Steps of the phase that an earlier part of the training has taken. */
  done: number;
}

export interface TrainerEvents {
  onPhase?(record: PhaseRecord): void;
  /** A phase's step has been compiled, in `seconds`. */
  onCompiled?(step: TrainingStep, seconds: number): void;
  onStep?(record: StepRecord): void;
  /** A phase has taken its first few steps, the last of them on `batch`. Training waits; the epoch's clock does too. */
  onWarm?(stage: string, step: TrainingStep, batch: Batch): Promise<void>;
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
