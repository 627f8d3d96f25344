/** How long a study will go on: steps that are left, times what such a step has taken so far. */
import type { RowName } from "../train/study.ts";

/** What a step is of: the segmentation stage, or the joint stage of a row. */
export const SEGMENTATION = "segmentation";
export type StepKind = typeof SEGMENTATION | RowName;

/** How many steps of the segmentation stage a step of the joint stage takes, roughly, while only one of them is known. */
const JOINT = 2.2;

/** Steps that are still to be taken. */
export interface Ahead {
  kind: StepKind;
  steps: number;
}

export class StudyClock {
  readonly #taken = new Map<StepKind, { seconds: number; steps: number }>();
  #last: number | undefined;

  /** Steps that were taken in so many seconds. */
  add(kind: StepKind, seconds: number, steps = 1): void {
    const before = this.#taken.get(kind) ?? { seconds: 0, steps: 0 };
    this.#taken.set(kind, { seconds: before.seconds + seconds, steps: before.steps + steps });
  }

  /** The clock begins anew: what passed since the last step was no training. */
  pause(): void {
    this.#last = undefined;
  }

  /** One more step has ended. Counts the time since the one before, what was evaluated and saved in between included. */
  tick(kind: StepKind, now = performance.now()): void {
    if (this.#last !== undefined) this.add(kind, (now - this.#last) / 1000);
    this.#last = now;
  }

  /** Seconds for what is ahead; undefined before anything is known. A row not seen yet is taken for the mean of those seen. */
  left(ahead: readonly Ahead[]): number | undefined {
    if (this.#taken.size === 0) return undefined;
    const known = (kind: StepKind) => {
      const taken = this.#taken.get(kind);
      return taken && taken.seconds / taken.steps;
    };
    const first = known(SEGMENTATION);
    const rows = [...this.#taken.keys()].filter((kind) => kind !== SEGMENTATION).map((kind) => known(kind)!);
    const joint = rows.length > 0 ? rows.reduce((a, b) => a + b, 0) / rows.length : JOINT * first!;
    const rate = (kind: StepKind) => known(kind) ?? (kind === SEGMENTATION ? joint / JOINT : joint);
    return ahead.reduce((sum, { kind, steps }) => sum + steps * rate(kind), 0);
  }
}
