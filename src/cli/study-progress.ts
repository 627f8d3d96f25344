/** What people see of a study under way: a bar over all of it on a terminal, a line a run elsewhere. */
import { RunFolder } from "../node/run-folder.ts";
import type { Stage } from "../train/stage.ts";
import { runTitle } from "../train/study.ts";
import type { StepRecord } from "../train/training.ts";
import type { Place } from "../node/study-folder.ts";
import { clock, type Progress } from "./progress.ts";
import { SEGMENTATION, type StepKind, type StudyClock } from "./study-clock.ts";

/** A run, and how many steps it takes in the study. */
export interface Work {
  place: Place;
  dir: string;
  stage: Stage;
  steps: number;
  finished: boolean;
}

/** "Base, seed 1", or "segmentation stage, seed 1". */
export function titleOf({ row, seed, fold }: Place): string {
  if (row !== null) return runTitle({ row, seed, fold });
  return `segmentation stage, seed ${seed}${fold === undefined ? "" : `, fold ${fold}`}`;
}

const kindOf = ({ row }: Place): StepKind => row ?? SEGMENTATION;

export class StudyProgress {
  readonly #progress: Progress;
  readonly #clock: StudyClock;
  readonly #works: readonly Work[];
  /** Steps that are left. */
  readonly #left: Map<Work, number>;
  #current: Work | undefined;

  constructor(progress: Progress, clock: StudyClock, works: readonly Work[]) {
    this.#progress = progress;
    this.#clock = clock;
    this.#works = works;
    this.#left = new Map(works.map((work) => [work, work.finished ? 0 : work.steps]));
  }

  /** Takes up what earlier runs of the study have recorded of their pace. */
  async learn(): Promise<void> {
    for (const { place, dir, stage, steps, finished } of this.#works) {
      if (!finished) continue;
      const records = (await RunFolder.records(dir)).filter((record) => record.stage === stage);
      const seconds = records.reduce((sum, record) => sum + record.seconds, 0);
      if (seconds > 0) this.#clock.add(kindOf(place), seconds, steps);
    }
  }

  begin(place: Place): void {
    this.#current = this.#find(place);
    this.#clock.pause();
    // The label is short, so that what is left still fits the line.
    this.#progress.start(`${this.#count(this.#current)} ${titleOf(place)}`, this.#total, this.#done);
  }

  step({ stage, epoch, epochs, batch, batches, loss }: StepRecord): void {
    const work = this.#current!;
    this.#clock.tick(kindOf(work.place));
    this.#left.set(work, (epochs - epoch) * batches + batches - batch);
    this.#progress.update(this.#done, `${stage} ${epoch}/${epochs} ${loss.toFixed(3)}`, this.left);
  }

  /** A run has ended; `result` says how. */
  end(place: Place, result: string, seconds: number): void {
    const work = this.#find(place);
    this.#left.set(work, 0);
    this.#progress.clear();
    const { left } = this;
    const rest = this.#works.every((w) => this.#left.get(w) === 0) ? "" : `; about ${left} for the rest`;
    this.#progress.line(`[${this.#count(work)}] ${titleOf(place)}: ${result}  (${clock(seconds)}${rest})`);
  }

  /** About how long the study will go on: "1:20:00". */
  get left(): string {
    const ahead = this.#works.map((work) => ({ kind: kindOf(work.place), steps: this.#left.get(work)! }));
    return clock(this.#clock.left(ahead.filter(({ steps }) => steps > 0)) ?? NaN);
  }

  get #total(): number {
    return this.#works.reduce((sum, { steps }) => sum + steps, 0);
  }

  get #done(): number {
    return this.#total - [...this.#left.values()].reduce((a, b) => a + b, 0);
  }

  #count(work: Work): string {
    return `${this.#works.indexOf(work) + 1}/${this.#works.length}`;
  }

  #find(place: Place): Work {
    return this.#works.find(({ place: p }) => p.row === place.row && p.seed === place.seed && p.fold === place.fold)!;
  }
}
