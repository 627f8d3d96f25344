/** Where runs get their images from: what reads and divides them, and what makes batches of them. */
import type { Batch, Prepared, Skipped } from "../data/sample.ts";
import type { Classes } from "../data/classes.ts";
import type { EpochOptions } from "../data/batches.ts";
import type { TrainConfig } from "../train/config.ts";

export interface PreparedData {
  name: string;
  /** What their labels count. */
  classes: Classes;
  prepared: Prepared[];
  skipped: Skipped[];
  /** What was changed in images that were kept. */
  notes: string[];
}

export interface PrepareOptions {
  /**
   * Images of which the set marks no nodule: "keep", for evaluation, or "skip". Default: skip where the configuration trains
   * on outlines.
   */
  bare?: "keep" | "skip";
  /** Whether a class without an image is an error, as in training, or not, as in another set that is evaluated. Default: refuse. */
  missingClasses?: "refuse" | "allow";
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

/** Which images are on which side. */
export interface SplitSides {
  train: Prepared[];
  val: Prepared[];
  /** Evaluated at the end; empty where there is none. */
  test: Prepared[];
  /** Images on no side, and why. */
  left: Skipped[];
  notes: string[];
  /** How the split came about. */
  how: string;
}

/** A split that was kept as a file. */
export interface KeptSplit {
  /** For messages. */
  file: string;
  text: string;
}

/** Batches of some images; closing it ends the threads that make them. */
export interface BatchSource {
  epoch(options: EpochOptions): AsyncIterable<Batch>;
  close(): Promise<void>;
}

export interface ImageSource {
  /**
   * Reads and prepares all images that a configuration names.
   * @throws DataError if there is none, or for classes that the set does not have
   */
  prepare(config: TrainConfig, options?: PrepareOptions): Promise<PreparedData>;
  /**
   * Divides images as a configuration says, or as a split that was kept does.
   * @throws DataError if nothing is left to train on or to hold out
   */
  split(prepared: readonly Prepared[], config: TrainConfig, kept?: KeptSplit): SplitSides;
  /** The split as a file. */
  splitText(sides: SplitSides, data: string): string;
  /** Leaves out of an external set what has been seen in training: it would not be external. */
  withoutSeen(external: readonly Prepared[], seen: readonly Prepared[]): { images: Prepared[]; left: Skipped[] };
  batches(prepared: readonly Prepared[]): BatchSource;
}
