/** One process's work on a study: which run it takes next, and what becomes of those that fail. */
import { PlanError } from "../graph/compile.ts";
import { ConfigError } from "../models/config-error.ts";
import type { Place } from "../study/plan.ts";
import { CheckpointError } from "../train/checkpoint.ts";
import { DivergedError } from "../loop/diverged.ts";
import { DamagedRunError } from "./damage.ts";
import { FolderGoneError } from "./store.ts";
import type { StudyEvent, StudySink } from "./study-events.ts";
import type { StudyFolder } from "./study-folder.ts";
import { failureOf, isFinished, noteEnded, recordFailure, type Failure } from "./study-state.ts";

/** What is done at the places of a study. */
export interface StudyWorkings {
  /** Whether a run can be trained now: one that starts from a shared phase needs that phase's end. */
  isReady(place: Place): Promise<boolean>;
  /** Trains a run to its end and evaluates it. @returns false if interrupted */
  train(place: Place): Promise<boolean>;
  /** What is said of a run that has ended. */
  ended(place: Place): Promise<Extract<StudyEvent, { type: "run-end" }>>;
}

export interface WorkerTask {
  folder: StudyFolder;
  emit: StudySink;
  signal: AbortSignal;
  /** This process, for whoever looks on. */
  process: { host: string; pid: number };
  /** The first place that it looks at, so that many processes do not all look at the same one; default 0. */
  from?: number;
  /** Whether it waits for runs that others train, and trains what they leave; default true. */
  waits?: boolean;
}

/** How the work on a study ended. */
export interface StudyEnd {
  /** interrupted: on request, with runs left; left: other processes are still at work. */
  how: "finished" | "interrupted" | "left";
  failed: { place: Place; failure: Failure }[];
}

/**
 * Trains what no other process trains.
 * @param places the unfinished runs, in the order in which they are wanted, each shared phase before its rows
 * @throws FolderGoneError if the study is gone; what belongs to no run, such as a full disk or a lost device
 */
export const workOn = (task: WorkerTask, runs: StudyWorkings, places: readonly Place[]): Promise<StudyEnd> =>
  new Worker(task, runs).work(turned(places, task.from ?? 0));

const turned = <T>(list: readonly T[], by: number): T[] => {
  const at = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
};

/** Seconds between looks at what other processes train; the wait grows while nothing changes. */
const LOOK_SECONDS = { least: 1, most: 15 };

/** One process's work on a study. */
class Worker {
  readonly #task: WorkerTask;
  readonly #runs: StudyWorkings;
  readonly #failed: StudyEnd["failed"] = [];

  constructor(task: WorkerTask, runs: StudyWorkings) {
    this.#task = task;
    this.#runs = runs;
  }

  async work(places: readonly Place[]): Promise<StudyEnd> {
    const { signal, waits = true } = this.#task;
    const left = [...places];
    let wait = LOOK_SECONDS.least;
    while (left.length > 0) {
      const before = left.length;
      const outcome = await this.#pass(left);
      if (outcome === "interrupted") return { how: "interrupted", failed: this.#failed };
      if (outcome === "worked" || left.length < before) wait = LOOK_SECONDS.least;
      else if (!waits) return { how: "left", failed: this.#failed };
      else {
        this.#task.emit({ type: "waiting", runs: left.length });
        await pause(1000 * wait * (0.75 + 0.5 * Math.random()), signal);
        wait = Math.min(1.5 * wait, LOOK_SECONDS.most);
      }
    }
    await noteEnded(this.#task.folder);
    return { how: "finished", failed: this.#failed };
  }

  /** Looks through the runs, drops those that have ended, and trains the first that is free. */
  async #pass(left: Place[]): Promise<"worked" | "idle" | "interrupted"> {
    const { folder, signal } = this.#task;
    for (const place of [...left]) {
      if (signal.aborted) return "interrupted";
      const store = folder.runStore(place);
      if (await this.#hasEnded(place, left)) continue;
      // Otherwise a phase that has ended would be waited for, and the claim would make a folder in the place of one that was deleted.
      await folder.requireThere();
      if (!(await this.#runs.isReady(place))) {
        await this.#dropOrphan(place, left);
        continue;
      }
      const release = await store.claim();
      if (!release) continue;
      try {
        // Of a study that was moved before, this claim is the only trace.
        await folder.requireThere();
        // Another process may have ended it between the look and the claim.
        if (await this.#hasEnded(place, left)) continue;
        if (!(await this.#train(place))) return "interrupted";
      } finally {
        await release();
        await folder.removeIfEmpty(place);
      }
      return "worked";
    }
    return "idle";
  }

  /** Whether there is nothing left to do at a place, which is then dropped. */
  async #hasEnded(place: Place, left: Place[]): Promise<boolean> {
    const { folder, emit } = this.#task;
    const failure = await failureOf(folder.runStore(place));
    if (failure) this.#failed.push({ place, failure });
    else if (!(await isFinished(folder, place))) return false;
    left.splice(left.indexOf(place), 1);
    emit(failure ? { type: "run-failed", place, failure } : await this.#runs.ended(place));
    return true;
  }

  /** A row whose shared phase has failed will never be ready. */
  async #dropOrphan(place: Place, left: Place[]): Promise<void> {
    const failure = await failureOf(this.#task.folder.runStore({ ...place, row: null }));
    if (!failure) return;
    const { message, ...rest } = failure;
    left.splice(left.indexOf(place), 1);
    const own = { ...rest, message: `the phase that it starts from has failed: ${message}` };
    this.#failed.push({ place, failure: own });
    this.#task.emit({ type: "run-failed", place, failure: own });
  }

  /** @returns false if interrupted */
  async #train(place: Place): Promise<boolean> {
    const { folder, process, emit } = this.#task;
    try {
      return await this.#runs.train(place);
    } catch (error) {
      // What fails without the study fails because of that.
      await folder.requireThere();
      // Another machine took this process for dead, and goes on with the run.
      if (error instanceof FolderGoneError) {
        emit({ type: "remark", text: error.message });
        return true;
      }
      if (!isOfRun(error)) throw error;
      await recordFailure(folder.runStore(place), {
        message: error.message,
        host: process.host,
        at: new Date().toISOString(),
      });
      return true;
    }
  }
}

/** Whether an error is one run's own: the others may be trained. */
const isOfRun = (error: unknown): error is Error =>
  [DivergedError, CheckpointError, DamagedRunError, PlanError, ConfigError].some((type) => error instanceof type);

/** Waits, or less if the signal comes. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
