/** Events of a study while it runs. */
import type { Evaluation } from "../metrics/evaluation.ts";
import type { Place } from "../study/plan.ts";
import type { StepRecord } from "../train/training.ts";
import type { Failure } from "./study-state.ts";
import type { DataEvent, RunEvent } from "./events.ts";

/** A run of the study, and how much work it is. */
export interface StudyWork {
  place: Place;
  /** "Base, seed 1", or "Segmentation stage, seed 1". */
  title: string;
  /** Steps of its own phases, from the beginning. */
  steps: number;
  finished: boolean;
  /** Seconds that the steps of a finished run took; 0 if unknown. */
  seconds: number;
}

export type StudyEvent =
  | Extract<RunEvent, { type: "preparing" | "external" | "remark" }>
  | DataEvent
  /** All runs of the study, in order. */
  | { type: "works"; works: readonly StudyWork[] }
  | { type: "run-begin"; place: Place }
  | { type: "run-step"; place: Place; step: StepRecord; /** Remaining steps of the run. */ left: number }
  /** Trained here or by another process. `last`: the last evaluation in training. */
  | { type: "run-end"; place: Place; seconds: number; last: Evaluation | undefined }
  | { type: "run-failed"; place: Place; failure: Failure }
  /** Other processes train all that is left: this many runs. */
  | { type: "waiting"; runs: number };

export type StudySink = (event: StudyEvent) => void;
