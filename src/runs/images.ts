/** The interface through which runs get their images: reading, splitting and batching. */
import type { Batch, Prepared, Skipped } from "../data/sample.ts";
import type { Classes } from "../data/classes.ts";
import type { MaskTarget } from "../data/target.ts";
import type { EpochOptions } from "../data/batches.ts";
import type { TrainConfig } from "../train/config.ts";

export interface PreparedData {
  name: string;
  /** What their labels index. */
  classes: Classes;
  prepared: Prepared[];
  skipped: Skipped[];
  /** Changes to images that were kept. */
  notes: string[];
}

export interface PrepareOptions {
  /**
   * Images without the target that the configuration trains on: "keep", for evaluation, or "skip". Default: skip if it trains on any.
   */
  bare?: "keep" | "skip";
  /** Whether a class without images is an error, as in training, or not, as when evaluating another set. Default: refuse. */
  missingClasses?: "refuse" | "allow";
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

/** Which images are on which side. */
export interface SplitSides {
  train: Prepared[];
  val: Prepared[];
  /** Evaluated at the end; empty if there is none. */
  test: Prepared[];
  /** Images on no side, and why. */
  left: Skipped[];
  notes: string[];
  /** How the split was made. */
  how: string;
}

/** A split saved as a file. */
export interface KeptSplit {
  /** For messages. */
  file: string;
  text: string;
}

/** A source of batches; closing it ends the threads that make them. */
export interface BatchSource {
  epoch(options: EpochOptions): AsyncIterable<Batch>;
  close(): Promise<void>;
}

export interface ImageSource {
  /**
   * Reads a configuration's annotations, without decoding an image. @returns its classes
   * @throws DataError for what `prepare` would refuse before it decodes the first
   */
  check(config: TrainConfig, options?: PrepareOptions): Promise<Classes>;
  /**
   * Reads and prepares all images of a configuration.
   * @throws DataError if there are none, or for classes that the set does not have
   */
  prepare(config: TrainConfig, options?: PrepareOptions): Promise<PreparedData>;
  /**
   * Splits images as configured, or as in a saved split.
   * @throws DataError if nothing is left to train on or to hold out
   */
  split(prepared: readonly Prepared[], config: TrainConfig, kept?: KeptSplit): SplitSides;
  /** The split in file form. */
  splitText(sides: SplitSides, data: string): string;
  /** Leaves images seen in training out of an external set: it would not be external. */
  withoutSeen(external: readonly Prepared[], seen: readonly Prepared[]): { images: Prepared[]; left: Skipped[] };
  /** @param target what the batches' targets are; default the ellipses of the boxes */
  batches(prepared: readonly Prepared[], target?: MaskTarget): BatchSource;
}
