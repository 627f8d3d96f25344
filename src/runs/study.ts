/** Trains and evaluates all unfinished runs of a study. */
import type { Prepared } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import {
  requireClasses,
  runConfig,
  runTitle,
  startsShared,
  type Group,
  type Place,
  type RunKey,
} from "../study/plan.ts";
import { sideNames, type SideName } from "../study/figures.ts";
import { classesOf } from "../train/classes.ts";
import { specOf, type TrainConfig } from "../train/config.ts";
import { DEFAULT_THRESHOLD } from "../metrics/decision.ts";
import { classifies } from "../models/model.ts";
import type { PhaseSpec } from "../models/spec.ts";
import { continuation, pretraining, sharedPhase, trainingKey } from "../train/pretrained.ts";
import { Trainer } from "../train/trainer.ts";
import { evaluateImages } from "./evaluate-images.ts";
import { beginRun, fitRun } from "./fit.ts";
import type { ImageSource } from "./images.ts";
import { openModel } from "./open-model.ts";
import { keptPredictions } from "./predictions.ts";
import {
  copyRecords,
  hasCheckpoint,
  isComplete,
  readCheckpoint,
  readRecords,
  Run,
  runCheckpoint,
  savePredictions,
  secondsOf,
  type Loaded,
} from "./run.ts";
import { SplitData } from "./split-data.ts";
import { InputError } from "./store.ts";
import type { StudyFolder } from "./study-folder.ts";
import type { StudySink, StudyWork } from "./study-events.ts";
import { loadStudyImages, type FoldImages, type StudyImages } from "./study-images.ts";

export interface StudyTask {
  gpu: Gpu;
  folder: StudyFolder;
  groups: readonly Group[];
  source: ImageSource;
  emit: StudySink;
  signal: AbortSignal;
  /** Seconds between saves within an epoch; 0: only at its end. */
  saveEvery: number;
}

/** Whether a run is trained, and evaluated on all the study's sides. */
export async function isFinished(folder: StudyFolder, run: RunKey): Promise<boolean> {
  const { sides, checkpoint } = folder.study;
  const store = folder.runStore(run);
  if (sides.length === 0 || !(await isComplete(store))) return false;
  for (const side of sides) if (!(await keptPredictions(store, checkpoint, side))) return false;
  return true;
}

/** The unfinished runs of a study. */
export async function unfinishedRuns(folder: StudyFolder, groups: readonly Group[]): Promise<Set<RunKey>> {
  const todo = new Set<RunKey>();
  for (const run of groups.flatMap(({ runs }) => runs)) if (!(await isFinished(folder, run))) todo.add(run);
  return todo;
}

/**
 * Trains and evaluates the runs of `todo`. @returns false if it was interrupted
 * @throws ConfigError, DataError, PlanError before the first run starts
 */
export async function trainStudy(task: StudyTask, todo: ReadonlySet<RunKey>): Promise<boolean> {
  const { gpu, folder, groups, source } = task;
  const images = await loadStudyImages(folder.store, folder.study, source, task);
  const { config, folds, drawn, name, external } = images;
  requireClasses(folder.study.tables, classesOf(config));
  await requireTrainable(task, images);
  const sides = sideNames.filter((side) => folds[0]!.evaluated[side]);
  await folder.save({ config, data: name, external, sides, adapter: gpu.name });
  // After study.json, without which the folder would not look like a study's.
  for (const [file, split] of drawn) await folder.store.write(file, split);
  const runs = new StudyRuns(task, images);
  task.emit({ type: "works", works: await runs.works(groups, todo) });
  for (const { seed, fold, runs: all } of groups) {
    const mine = all.filter((run) => todo.has(run));
    if ((await runs.needsPretraining(mine)) && !(await runs.train({ row: null, seed, fold }))) return false;
    for (const run of mine) if (!(await runs.train(run))) return false;
  }
  return true;
}

/** Checks, before the first run starts, for what would fail later. */
async function requireTrainable({ gpu, groups, source }: StudyTask, { config, folds }: StudyImages): Promise<void> {
  const rows = [...new Map(groups.flatMap(({ runs }) => runs).map((run) => [run.row, run])).values()];
  const models = new Map<string, TrainConfig[]>();
  for (const own of rows.map((run) => runConfig(config, run))) {
    models.set(own.model, [...(models.get(own.model) ?? []), own]);
  }
  for (const [i, { sides }] of folds.entries()) {
    for (const same of models.values()) {
      // The counts of images depend only on the model.
      const data = new SplitData(source, sides, same[0]!);
      try {
        // Whether a row fits the adapter does not depend on the fold.
        for (const own of i === 0 ? same : same.slice(0, 1)) {
          const trainer = new Trainer(gpu, own, data);
          try {
            trainer.check();
          } finally {
            trainer.release();
          }
        }
      } finally {
        await data.close();
      }
    }
  }
}

class StudyRuns {
  readonly #task: StudyTask;
  readonly #images: StudyImages;

  constructor(task: StudyTask, images: StudyImages) {
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
        const done = (await isComplete(this.#task.folder.runStore(place))) || !(await this.needsPretraining(mine));
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

  /** Whether any of the runs has yet to start from a shared phase. */
  async needsPretraining(runs: readonly RunKey[]): Promise<boolean> {
    for (const run of runs) {
      if (this.#shares(run) && !(await hasCheckpoint(this.#task.folder.runStore(run)))) return true;
    }
    return false;
  }

  /** Trains a run to the end and evaluates it. @returns false if interrupted */
  async train(place: Place): Promise<boolean> {
    const { folder, emit } = this.#task;
    const store = folder.runStore(place);
    const fold = this.#fold(place);
    const config = this.#configOf(place);
    const before = await isComplete(store);
    if (!before) {
      await folder.note(place, "begun", 0);
      if (!(await this.#fit(place, config, fold))) return false;
    }
    if (place.row !== null) await this.#evaluate(place, fold);
    const seconds = await this.#seconds(place);
    await folder.note(place, "finished", seconds);
    const last = (await readRecords(store)).findLast((record) => record.validation)?.validation;
    if (!before || place.row !== null) emit({ type: "run-end", place, seconds, last });
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
        emit({ type: "run-step", place, step: event, left: left - taken });
      },
    });
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
      throw new InputError(`${store.name}: this run has other settings than the study`);
    }
    if (place.row === null || !this.#shares({ ...place, row: place.row })) return undefined;
    const run = await beginRun(store, config, split);
    const shared = folder.runStore({ ...place, row: null });
    const { checkpoint, file } = await readCheckpoint(shared, "last.safetensors");
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
      if (images && !(await keptPredictions(store, checkpoint, side))) waiting.push([side, images]);
    }
    if (waiting.length === 0) return;
    const loaded = await runCheckpoint(store, checkpoint);
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
    const records = await readRecords(this.#task.folder.runStore(place));
    return this.#ownPhases(place).reduce((sum, { name }) => sum + secondsOf(records, name), 0);
  }

  #fold({ fold = 0 }: Place): FoldImages {
    return this.#images.folds[fold]!;
  }
}
