/** The training in progress, and the runs of this browser. */
import { signal } from "@preact/signals";
import type { EpochRecord, StepRecord } from "../../src/train/training.ts";
import type { TrainConfig } from "../../src/train/config.ts";
import type { RunEnd, RunnerEvent } from "../../src/web/runner.ts";
import type { Followed } from "../../src/runs/followed.ts";
import type { ModelId } from "../worker/models.ts";
import type { RunInfo } from "../worker/run-list.ts";
import { computeWorker } from "./engine.ts";
import { keep, kept } from "./kept.ts";
import { messageOf, say } from "./messages.ts";

export interface Live {
  /** The run's folder; undefined while images are read. */
  name: string | undefined;
  config: TrainConfig;
  /** What is being done, in words. */
  doing: string;
  /** Title of the phase at work; "" before the first. */
  phase: string;
  /** Losses by step over the whole training, thinned. */
  losses: { step: number; loss: number }[];
  records: EpochRecord[];
  step: StepRecord | undefined;
  /** Steps in all phases, and those taken. */
  steps: { done: number; total: number };
  /** Images a second over the last steps, and seconds left; undefined before the first steps. */
  speed: number | undefined;
  left: number | undefined;
  remarks: string[];
  /** Undefined before they are known. */
  followed: Followed | undefined;
  stopping: boolean;
}

export const live = signal<Live | undefined>(undefined);
/** The run that has just ended. */
export const ended = signal<{ name: string; stopped: boolean } | undefined>(undefined);
export const runs = signal<readonly RunInfo[] | undefined>(undefined);

let controller: AbortController | undefined;

export async function listRuns(): Promise<void> {
  try {
    runs.value = await computeWorker().runs();
  } catch (error) {
    runs.value ??= [];
    say(messageOf(error));
  }
}

export interface NewTraining {
  /** What the images are called. */
  data: string;
  /** The model whose weights it begins with; null: with random ones. */
  from: ModelId | null;
  /** Ids of images to follow through the training, or "default". */
  watched: readonly string[] | "default";
}

export function start(config: TrainConfig, { data, from, watched }: NewTraining): Promise<void> {
  const name = `${new Date().toISOString().slice(0, 19).replaceAll(":", "-").replace("T", " ")} ${data}`;
  return follow(config, [], (options) => computeWorker().train(config, name, from, watched, options));
}

export function resume({ name, config, records }: RunInfo): Promise<void> {
  return follow(config, records, (options) => computeWorker().resume(name, options));
}

/** Has the training save and pause; it can be resumed. */
export function stop(): void {
  controller?.abort();
  if (live.value) live.value = { ...live.value, stopping: true, doing: "Saving" };
}

/** Ends the training for good, with what it has learned as its result. */
export function end(): void {
  computeWorker()
    .end()
    .catch((error: unknown) => say(messageOf(error)));
  if (live.value) live.value = { ...live.value, stopping: true, doing: "Ending" };
}

/** A run that goes on after the page was reloaded in the same tab. */
const RUNNING = "running run";

/** Resumes the run during which this tab was reloaded. */
export async function resumeAfterReload(): Promise<void> {
  const name = kept("tab", RUNNING);
  if (name === undefined || live.value) return;
  await listRuns();
  const run = runs.value?.find((other) => other.name === name && other.summary === null);
  if (run) await resume(run);
  else keep("tab", RUNNING, undefined);
}

async function follow(
  config: TrainConfig,
  records: readonly EpochRecord[],
  begin: (options: { onEvent: (event: RunnerEvent) => void; signal: AbortSignal }) => Promise<RunEnd>,
): Promise<void> {
  if (live.value) return;
  ended.value = undefined;
  controller = new AbortController();
  live.value = {
    ...{
      name: undefined,
      config,
      doing: "Opening the images",
      phase: "",
      losses: [],
      records: [...records],
      step: undefined,
    },
    ...{
      steps: { done: 0, total: 0 },
      speed: undefined,
      left: undefined,
      remarks: [],
      followed: undefined,
      stopping: false,
    },
  };
  const clock = new Clock();
  try {
    const end = await begin({ signal: controller.signal, onEvent: (event) => take(event, clock) });
    const name = end.folder.split("/").at(-1)!;
    if (end.type === "finished") ended.value = { name, stopped: end.summary.stopped !== undefined };
    if (end.type === "failed")
      say(`The training has ended: ${end.message}${end.resumable ? "; the run can be resumed" : ""}`);
  } catch (error) {
    say(`The training has ended: ${messageOf(error)}`);
  } finally {
    keep("tab", RUNNING, undefined);
    // First the list: a run that has ended is never offered as one to resume.
    await listRuns();
    live.value = undefined;
  }
}

/** The speed of the last steps. */
class Clock {
  #times: number[] = [];

  tick(): void {
    this.#times.push(performance.now());
    if (this.#times.length > STEPS_OF_SPEED) this.#times.shift();
  }

  reset(): void {
    this.#times = [];
  }

  /** Steps a second. */
  get rate(): number | undefined {
    const [first, last] = [this.#times[0], this.#times.at(-1)];
    if (first === undefined || last === undefined || this.#times.length < 3) return undefined;
    return (1000 * (this.#times.length - 1)) / (last - first);
  }
}

const STEPS_OF_SPEED = 20;
/** More points than a curve has pixels are thinned by two. */
const MOST_POINTS = 1200;

function take(event: RunnerEvent, clock: Clock): void {
  const now = live.value;
  if (!now) return;
  if (event.type === "preparing") {
    live.value = { ...now, doing: `Preparing image ${event.done} of ${event.total}` };
  } else if (event.type === "run") {
    const name = event.folder.split("/").at(-1)!;
    keep("tab", RUNNING, name);
    live.value = { ...now, name };
  } else if (event.type === "following") {
    live.value = { ...now, followed: { images: [...event.images], epochs: [...event.epochs] } };
  } else if (event.type === "followed") {
    const { images, epochs } = now.followed!;
    live.value = { ...now, followed: { images, epochs: [...epochs, event.epoch] } };
  } else if (event.type === "remark") {
    live.value = { ...now, remarks: [...now.remarks, event.text] };
  } else if (event.type === "phase") {
    clock.reset();
    live.value = { ...now, phase: event.title, doing: `${event.title}: compiling`, ...phaseSteps(now, event) };
  } else if (event.type === "step") {
    clock.tick();
    step(now, event, clock.rate);
  } else if (event.type === "epoch") {
    clock.reset(); // The evaluation between epochs is not a step.
    live.value = { ...now, records: [...now.records, event.record] };
  }
}

/** The steps of all phases, as if later ones had as many an epoch; earlier ones were taken, or are a resumed run's. */
function phaseSteps(
  { config: { epochs }, steps }: Live,
  phase: { stage: string; batches: number; epochs: number; done: number },
): Pick<Live, "steps"> {
  const names = Object.keys(epochs).filter((name) => epochs[name]! > 0);
  const later = names.slice(names.indexOf(phase.stage) + 1).reduce((sum, name) => sum + epochs[name]!, 0);
  const earlier = names.slice(0, names.indexOf(phase.stage)).reduce((sum, name) => sum + epochs[name]!, 0);
  const before = steps.done > 0 ? steps.done : earlier * phase.batches;
  return { steps: { done: before + phase.done, total: before + phase.batches * (phase.epochs + later) } };
}

function step(now: Live, record: StepRecord & { type: "step" }, rate: number | undefined): void {
  const done = now.steps.done + 1;
  const losses = [...now.losses, { step: done, loss: record.loss }];
  live.value = {
    ...now,
    step: record,
    doing: `${now.phase}: epoch ${record.epoch} of ${record.epochs}`,
    losses: losses.length > MOST_POINTS ? losses.filter((_, i) => i % 2 === 0) : losses,
    steps: { ...now.steps, done },
    speed: rate === undefined ? now.speed : rate * now.config.batch,
    left: rate === undefined ? now.left : (now.steps.total - done) / rate,
  };
}
