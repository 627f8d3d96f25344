/** What long work reports. Every event is plain data, so that a worker or another process can pass it on. */
import type { Classes } from "../data/classes.ts";
import type { Skipped } from "../data/sample.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import type { PlanSummary } from "../graph/plan.ts";
import type { Best } from "../train/checkpoint.ts";
import type { EpochRecord, PhaseRecord, StepRecord } from "../train/training.ts";

/** A number of images by class name; those without a class are "unlabelled". */
export interface SideCounts {
  images: number;
  byClass: Readonly<Record<string, number>>;
}

/** The images of a training. */
export interface DataEvent {
  type: "data";
  name: string;
  /** How the split came about. */
  how: string;
  train: SideCounts;
  val: SideCounts;
  /** null where the split has none. */
  test: SideCounts | null;
  /** How many folds hold out other images in other runs. */
  folds: number;
  skipped: readonly Skipped[];
  /** About the images, and about the split. */
  notes: readonly string[];
  splitNotes: readonly string[];
}

export type RunEvent =
  /** Images are being read: `done` of `total`. */
  | { type: "preparing"; what: "phantom" | "images"; done: number; total: number }
  | DataEvent
  | { type: "external"; name: string; images: SideCounts; skipped: readonly Skipped[]; notes: readonly string[] }
  /** The run's folder is there and training begins. */
  | { type: "run"; folder: string }
  /** Something that people should know. */
  | { type: "remark"; text: string }
  | ({ type: "phase" } & PhaseRecord)
  | { type: "compiled"; summary: PlanSummary; seconds: number }
  | ({ type: "step" } & StepRecord)
  | { type: "epoch"; record: EpochRecord }
  /** A checkpoint has been evaluated on further images at the end. */
  | { type: "evaluated"; checkpoint: string; side: "test" | "external"; images: number; metrics: Evaluation }
  | { type: "trained"; seconds: number; classes: Classes; last: Evaluation | undefined; best: Best | undefined };

/** Where the events go. It must not throw. */
export type EventSink = (event: RunEvent) => void;
