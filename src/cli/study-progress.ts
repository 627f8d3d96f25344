/** Shows a study in progress: one bar for all of it on a terminal, one line per run elsewhere. */
import type { Place } from "../study/plan.ts";
import type { StudyEvent, StudySink, StudyWork } from "../runs/study-events.ts";
import type { StepRecord } from "../train/training.ts";
import { showMetrics } from "./format.ts";
import { clock, type Progress } from "./progress.ts";
import { showImageEvent } from "./show-data.ts";
import { SHARED, StudyClock, type StepKind } from "./study-clock.ts";

const kindOf = ({ row }: Place): StepKind => row ?? SHARED;

/** A sink that prints events. */
export function showStudy(progress: Progress): StudySink {
  const bar = { begun: false };
  let shown: StudyProgress | undefined;
  return (event: StudyEvent) => {
    if (event.type === "works") shown = new StudyProgress(progress, new StudyClock(), event.works);
    else if (event.type === "remark") progress.line(event.text);
    else if (event.type === "run-begin") shown!.begin(event.place);
    else if (event.type === "run-step") shown!.step(event.place, event.left, event.step);
    else if (event.type === "run-end") {
      shown!.end(event.place, event.last ? showMetrics(event.last) : "trained", event.seconds);
    } else if (event.type === "run-failed") shown!.fail(event.place, event.failure.message);
    else if (event.type === "waiting") shown!.wait(event.runs);
    else showImageEvent(progress, event, bar);
  };
}

export class StudyProgress {
  readonly #progress: Progress;
  readonly #clock: StudyClock;
  readonly #works: readonly StudyWork[];
  /** Remaining steps. */
  readonly #left: Map<StudyWork, number>;
  /** How many runs of other processes were waited for last. */
  #waitsFor = 0;

  /** Starts from the recorded pace of finished runs. */
  constructor(progress: Progress, clock: StudyClock, works: readonly StudyWork[]) {
    this.#progress = progress;
    this.#clock = clock;
    this.#works = works;
    this.#left = new Map(works.map((work) => [work, work.finished ? 0 : work.steps]));
    for (const { place, seconds, steps } of works) if (seconds > 0) clock.add(kindOf(place), seconds, steps);
  }

  begin(place: Place): void {
    this.#clock.pause();
    // A short label, so that the remaining time still fits on the line.
    const work = this.#find(place);
    this.#progress.start(`${this.#count(work)} ${work.title}`, this.#total, this.#done);
  }

  /** @param left remaining steps of the run */
  step(
    place: Place,
    left: number,
    { stage, epoch, epochs, loss }: Pick<StepRecord, "stage" | "epoch" | "epochs" | "loss">,
  ): void {
    this.#clock.tick(kindOf(place));
    this.#left.set(this.#find(place), left);
    this.#progress.update(this.#done, `${stage} ${epoch}/${epochs} ${loss.toFixed(3)}`, this.left);
  }

  /** A run has ended with `result`. */
  end(place: Place, result: string, seconds: number): void {
    const work = this.#find(place);
    this.#left.set(work, 0);
    this.#progress.clear();
    const { left } = this;
    const rest = this.#works.every((w) => this.#left.get(w) === 0) ? "" : `; about ${left} for the rest`;
    this.#progress.line(`[${this.#count(work)}] ${work.title}: ${result}  (${clock(seconds)}${rest})`);
  }

  /** A run has failed, and is left alone. */
  fail(place: Place, message: string): void {
    const work = this.#find(place);
    this.#left.set(work, 0);
    this.#progress.clear();
    this.#progress.line(`[${this.#count(work)}] ${work.title}: FAILED: ${message}`);
  }

  /** Other processes train all that is left. */
  wait(runs: number): void {
    if (runs === this.#waitsFor) return;
    this.#waitsFor = runs;
    this.#progress.clear();
    this.#progress.line(`Waiting for ${runs === 1 ? "a run" : `${runs} runs`} of other processes`);
  }

  /** Estimated remaining time of the study: "1:20:00". */
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

  #count(work: StudyWork): string {
    return `${this.#works.indexOf(work) + 1}/${this.#works.length}`;
  }

  #find(place: Place): StudyWork {
    return this.#works.find(({ place: p }) => p.row === place.row && p.seed === place.seed && p.fold === place.fold)!;
  }
}
