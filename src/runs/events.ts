/** Events of long-running work. Every event is plain data, so that a worker or another process can pass it on. */
import type { Classes } from "../data/classes.ts";
import type { Skipped } from "../data/sample.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import type { PlanSummary } from "../graph/plan.ts";
import type { Best } from "../train/checkpoint.ts";
import type { EpochRecord, PhaseRecord, StepRecord } from "../train/training.ts";
import type { FollowedEpoch, FollowedImage } from "./followed.ts";

/** Number of images by class name; those without a class are "unlabelled". */
export interface SideCounts {
  images: number;
  byClass: Readonly<Record<string, number>>;
}

/** The images of a training run. */
export interface DataEvent {
  type: "data";
  name: string;
  /** How the split was made. */
  how: string;
  train: SideCounts;
  val: SideCounts;
  /** null if the split has none. */
  test: SideCounts | null;
  /** Number of folds, each held out by a run of its own; 0 without folds. */
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
  /** The run's folder exists and training begins. */
  | { type: "run"; folder: string }
  /** Something the user should know. */
  | { type: "remark"; text: string }
  | ({ type: "phase" } & PhaseRecord)
  | { type: "compiled"; summary: PlanSummary; seconds: number }
  | ({ type: "step" } & StepRecord)
  | { type: "epoch"; record: EpochRecord }
  /** The images followed through the training, with what earlier epochs of a resumed run said of them. */
  | { type: "following"; images: readonly FollowedImage[]; epochs: readonly FollowedEpoch[] }
  | { type: "followed"; epoch: FollowedEpoch }
  /** A checkpoint was evaluated on further images at the end. */
  | { type: "evaluated"; checkpoint: string; side: "test" | "external"; images: number; metrics: Evaluation }
  | { type: "trained"; seconds: number; classes: Classes; last: Evaluation | undefined; best: Best | undefined };

/** Receives the events. It must not throw. */
export type EventSink = (event: RunEvent) => void;
