/** The runs of a study: what each is, and how it is trained and evaluated. */
import type { Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { runTitle, startsShared, type Group, type Place, type RunKey } from "../study/plan.ts";
import { sideNames, type SideName } from "../study/figures.ts";
import { DEFAULT_THRESHOLD } from "../metrics/decision.ts";
import { classifies } from "../models/model.ts";
import type { PhaseSpec } from "../models/spec.ts";
import { specOf, type TrainConfig } from "../train/config.ts";
import { CheckpointError } from "../train/checkpoint.ts";
import { continuation, pretraining, sharedPhase, trainingKey } from "../train/pretrained.ts";
import { evaluateImages } from "./evaluate-images.ts";
import { beginRun, fitRun } from "./fit.ts";
import type { ImageSource } from "./images.ts";
import { openModel } from "./open-model.ts";
import { keptPredictions } from "./predictions.ts";
import {
  beginAgain,
  copyRecords,
  hasCheckpoint,
  isComplete,
  LAST,
  readCheckpoint,
  readRecords,
  readSummary,
  Run,
  runCheckpoint,
  savePredictions,
  secondsOf,
  type Loaded,
} from "./run.ts";
import { DamagedRunError, readingRun } from "./damage.ts";
import { PaceWriter } from "./study-pace.ts";
import type { StudyFolder } from "./study-folder.ts";
import type { StudyEvent, StudySink, StudyWork } from "./study-events.ts";
import { awaitsShared, isFinished, recordsOf } from "./study-state.ts";
import type { FoldImages, StudyImages } from "./study-images.ts";
import type { StudyWorkings } from "./study-worker.ts";

export interface StudyRunsTask {
  gpu: Gpu;
  folder: StudyFolder;
  source: ImageSource;
  emit: StudySink;
  signal: AbortSignal;
  /** Seconds between saves within an epoch; 0: only at its end. */
  saveEvery: number;
  /** This process, for whoever looks on. */
  process: { host: string; pid: number };
}

/** The runs of a study, by their places. */
export class StudyRuns implements StudyWorkings {
  readonly #task: StudyRunsTask;
  readonly #images: StudyImages;

  constructor(task: StudyRunsTask, images: StudyImages) {
    this.#task = task;
    this.#images = images;
  }

  /** All runs of the study in order, with their steps. */
  async works(groups: readonly Group[], todo: ReadonlySet<RunKey>): Promise<StudyWork[]> {
    const works: StudyWork[] = [];
    for (const { seed, fold, runs } of groups) {
      const mine = runs.filter((run) => todo.has(run));
      const sharing = runs.find((run) => this.#shares(run));
      if (sharing) {
        const place: Place = { row: null, seed, fold };
        const done = (await isFinished(this.#task.folder, place)) || !(await this.#needsPretraining(mine));
        works.push(await this.#work(place, done));
      }
      for (const run of runs) works.push(await this.#work(run, !todo.has(run)));
    }
    return works;
  }

  async #work(place: Place, finished: boolean): Promise<StudyWork> {
    const steps = this.#stepsOf(place).reduce((sum, phase) => sum + phase.steps, 0);
    return { place, title: this.#titleOf(place), steps, finished, seconds: finished ? await this.#seconds(place) : 0 };
  }

  /** The phases trained in a place, with their steps. */
  #stepsOf(place: Place): { stage: string; steps: number }[] {
    const { epochs, batch } = this.#configOf(place);
    const { train } = this.#fold(place).sides;
    const labelled = train.filter(({ label }) => label !== undefined);
    return this.#ownPhases(place).map((phase) => {
      const images = classifies(phase) ? labelled : train;
      return { stage: phase.name, steps: epochs[phase.name]! * Math.floor(images.length / batch) };
    });
  }

  async isReady(place: Place): Promise<boolean> {
    const { folder } = this.#task;
    const { row } = place;
    if (row === null || !(await awaitsShared(folder, { ...place, row }))) return true;
    const shared = folder.runStore({ ...place, row: null });
    return (await isComplete(shared)) && hasCheckpoint(shared);
  }

  async ended(place: Place): Promise<Extract<StudyEvent, { type: "run-end" }>> {
    const records = await recordsOf(this.#task.folder.runStore(place));
    const last = records.findLast((record) => record.validation)?.validation;
    return { type: "run-end", place, seconds: await this.#seconds(place), last };
  }

  /** Whether any of the runs has yet to start from a shared phase. */
  async #needsPretraining(runs: readonly RunKey[]): Promise<boolean> {
    for (const run of runs) if (await awaitsShared(this.#task.folder, run)) return true;
    return false;
  }

  /** Trains a run to the end and evaluates it. @returns false if interrupted */
  async train(place: Place): Promise<boolean> {
    const { folder, emit } = this.#task;
    const fold = this.#fold(place);
    const store = folder.runStore(place);
    if (place.row === null && (await isComplete(store)) && !(await hasCheckpoint(store))) {
      const text = `${store.name}: trained again, since rows start from its weights, which are gone`;
      emit({ type: "remark", text });
      await beginAgain(store);
    }
    if (await isComplete(store)) await readingRun(() => readSummary(store));
    else {
      await folder.note(place, "begun", 0);
      if (!(await this.#fit(place, this.#configOf(place), fold))) return false;
    }
    if (place.row !== null) await this.#evaluate(place, fold);
    await folder.note(place, "finished", await this.#seconds(place));
    return true;
  }

  async #fit(place: Place, config: TrainConfig, { sides, split }: FoldImages): Promise<boolean> {
    const { folder, emit, signal, gpu, source, saveEvery } = this.#task;
    const store = folder.runStore(place);
    const resumed = await this.#open(place, config, split);
    if (signal.aborted) return false;
    emit({ type: "run-begin", place });
    const phases = this.#stepsOf(place);
    /** Remaining steps of the current and later phases. */
    let left = 0;
    const pace = new PaceWriter(store, this.#task.process, config.batch);
    const outcome = await fitRun({
      ...{ gpu, store, config, source, sides, split, resumed, signal, saveEvery },
      data: this.#images.name,
      emit: (event) => {
        if (event.type === "remark") emit(event);
        if (event.type === "phase") {
          const at = phases.findIndex(({ stage }) => stage === event.stage);
          left = phases.slice(at).reduce((sum, { steps }) => sum + steps, 0);
        }
        if (event.type !== "step") return;
        const taken = (event.epoch - 1) * event.batches + event.batch;
        pace.step(event, left - taken);
        emit({ type: "run-step", place, step: event, left: left - taken });
      },
    }).finally(() => pace.end());
    if (!outcome.finished) return false;
    const { run, variants, last, best } = outcome;
    await run.summary({
      config,
      adapter: gpu.name,
      variants,
      seconds: run.seconds(),
      data: this.#images.report,
      last: last ?? null,
      best: best ?? null,
    });
    return true;
  }

  /** The folder's run; one that starts from a shared phase is created there. Undefined for one that starts from scratch. */
  async #open(place: Place, config: TrainConfig, split: string): Promise<{ run: Run; loaded: Loaded } | undefined> {
    const { folder, gpu } = this.#task;
    const store = folder.runStore(place);
    const before = await Run.reopen(store);
    if (before) {
      if (trainingKey(before.loaded.checkpoint.config) === trainingKey(config)) return before;
      throw new DamagedRunError(`${store.name}: this run has other settings than the study; remove this folder`);
    }
    if (place.row === null || !this.#shares({ ...place, row: place.row })) return undefined;
    const shared = folder.runStore({ ...place, row: null });
    const { checkpoint, file } = await readingRun(() => readCheckpoint(shared, LAST));
    await readingRun(() => readRecords(shared));
    const run = await beginRun(store, config, split);
    const bytes = await continuation(gpu, config, checkpoint, file);
    // The phase's curve belongs to this run too. Copied before the checkpoint, without which the run starts over.
    await copyRecords(shared, store);
    await run.save("last", bytes);
    return Run.open(store);
  }

  /** Evaluates the run's checkpoint on the sides not evaluated yet. */
  async #evaluate(place: Place, { evaluated }: FoldImages): Promise<void> {
    const { folder, gpu, source } = this.#task;
    const { checkpoint } = folder.study;
    const store = folder.runStore(place);
    const waiting: [SideName, Prepared[]][] = [];
    for (const side of sideNames) {
      const images = evaluated[side];
      if (images && !(await readingRun(() => keptPredictions(store, checkpoint, side)))) waiting.push([side, images]);
    }
    if (waiting.length === 0) return;
    // Training it again would take what was kept of it: that is for the user to decide.
    if (!(await store.exists(`${checkpoint}.safetensors`))) {
      const sides = waiting.map(([side]) => side).join(" and ");
      throw new CheckpointError(
        `${store.name}: it is trained, but its ${checkpoint}.safetensors is gone, so it cannot be evaluated (${sides}); remove this folder to have it trained again`,
      );
    }
    const loaded = await readingRun(() => runCheckpoint(store, checkpoint));
    using open = openModel(gpu, loaded);
    for (const [side, prepared] of waiting) {
      const { images } = await evaluateImages(open, source, prepared);
      const data = side === "external" ? this.#images.external : this.#images.name;
      const head = { checkpoint: loaded.name, data, on: side, threshold: DEFAULT_THRESHOLD, classes: open.classes };
      await savePredictions(store, { ...head, images });
    }
  }

  #shares(run: RunKey): boolean {
    return startsShared(this.#images.config, run);
  }

  #configOf(place: Place): TrainConfig {
    const config = this.#task.folder.configOf(place);
    return place.row === null ? pretraining(config) : config;
  }

  #titleOf({ row, seed, fold }: Place): string {
    if (row !== null) return runTitle({ row, seed, fold });
    const shared = sharedPhase(this.#task.folder.configOf({ row, seed, fold }))!;
    return `${shared.title}, seed ${seed}${fold === undefined ? "" : `, fold ${fold}`}`;
  }

  /** The phases trained in a place: those of a row except the one that it starts from. */
  #ownPhases(place: Place): PhaseSpec[] {
    const config = this.#configOf(place);
    const { row } = place;
    const shared = row !== null && this.#shares({ ...place, row }) ? sharedPhase(config) : undefined;
    return specOf(config).phases.filter((phase) => phase !== shared && config.epochs[phase.name]! > 0);
  }

  async #seconds(place: Place): Promise<number> {
    const records = await recordsOf(this.#task.folder.runStore(place));
    return this.#ownPhases(place).reduce((sum, { name }) => sum + secondsOf(records, name), 0);
  }

  #fold({ fold = 0 }: Place): FoldImages {
    return this.#images.folds[fold]!;
  }
}
