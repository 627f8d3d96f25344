/** Estimates a study's remaining time: steps left, times the time such a step has taken so far. */
import type { RowName } from "../study/rows.ts";

/** What a step belongs to: the phase that rows share, or a row. */
export const SHARED = "shared";
export type StepKind = typeof SHARED | RowName;

/** Rough ratio of a row's step time to the shared phase's, used while only one of them is known. */
const ROW_TO_SHARED = 2.2;

/** Steps still ahead. */
export interface Ahead {
  kind: StepKind;
  steps: number;
}

export class StudyClock {
  readonly #taken = new Map<StepKind, { seconds: number; steps: number }>();
  #last: number | undefined;

  /** Adds steps that took `seconds`. */
  add(kind: StepKind, seconds: number, steps = 1): void {
    const before = this.#taken.get(kind) ?? { seconds: 0, steps: 0 };
    this.#taken.set(kind, { seconds: before.seconds + seconds, steps: before.steps + steps });
  }

  /** Restarts the clock: the time since the last step was not training. */
  pause(): void {
    this.#last = undefined;
  }

  /** One more step has ended. Counts the time since the previous one, including evaluation and saving in between. */
  tick(kind: StepKind, now = performance.now()): void {
    if (this.#last !== undefined) this.add(kind, (now - this.#last) / 1000);
    this.#last = now;
  }

  /** Seconds for the steps ahead; undefined while nothing is known. Unseen rows are assumed to take the mean of those seen. */
  left(ahead: readonly Ahead[]): number | undefined {
    if (this.#taken.size === 0) return undefined;
    const known = (kind: StepKind) => {
      const taken = this.#taken.get(kind);
      return taken && taken.seconds / taken.steps;
    };
    const first = known(SHARED);
    const rows = [...this.#taken.keys()].filter((kind) => kind !== SHARED).map((kind) => known(kind)!);
    const joint = rows.length > 0 ? rows.reduce((a, b) => a + b, 0) / rows.length : ROW_TO_SHARED * first!;
    const rate = (kind: StepKind) => known(kind) ?? (kind === SHARED ? joint / ROW_TO_SHARED : joint);
    return ahead.reduce((sum, { kind, steps }) => sum + steps * rate(kind), 0);
  }
}
