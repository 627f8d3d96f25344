/** Trains and evaluates all runs of a study that are not finished yet. */
import { existsSync } from "node:fs";
import path from "node:path";
import type { Gpu } from "../gpu/gpu.ts";
import { writeWhole } from "../node/files.ts";
import { SplitData } from "../node/data/training-data.ts";
import { predictionsFile, RunFolder } from "../node/run-folder.ts";
import type { Place, StudyFolder } from "../node/study-folder.ts";
import { pretraining } from "../train/pretrained.ts";
import { sideNames } from "../train/study-file.ts";
import { runConfig, type Group, type RunKey } from "../train/study.ts";
import type { Stage } from "../train/stage.ts";
import { Trainer } from "../train/trainer.ts";
import { showMetrics, showSettings } from "./format.ts";
import { adapterName } from "./gpu.ts";
import { interruptible } from "./interruptible.ts";
import type { SaveOption } from "./options.ts";
import { Progress } from "./progress.ts";
import { StudyClock } from "./study-clock.ts";
import { loadStudyData, type StudyData, type StudySides } from "./study-data.ts";
import { evaluateSide, keptPredictions } from "./study-evaluate.ts";
import { StudyProgress, type Work } from "./study-progress.ts";
import { trainRun } from "./study-train.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

/** Whether a run is trained, and evaluated on all that the study evaluates on. */
export async function isFinished(folder: StudyFolder, run: RunKey): Promise<boolean> {
  const { sides, checkpoint } = folder.study;
  const dir = folder.runDir(run);
  if (sides.length === 0 || !existsSync(path.join(dir, "summary.json"))) return false;
  for (const side of sides) if (!(await keptPredictions(dir, checkpoint, side))) return false;
  return true;
}

/** @returns the exit code: 0 all are finished, 130 or 129 interrupted */
export async function trainStudy(
  folder: StudyFolder,
  groups: readonly Group[],
  options: TunedOption & SaveOption,
): Promise<number> {
  const todo = new Set<RunKey>();
  const runs = groups.flatMap((group) => group.runs);
  for (const run of runs) if (!(await isFinished(folder, run))) todo.add(run);
  if (todo.size === 0) return 0;
  const interrupt = interruptible();
  const { signal } = interrupt;
  const progress = new Progress();
  try {
    const finished = await withTunedGpu(options, async (gpu) => {
      introduce(gpu, folder, runs.length, runs.length - todo.size);
      const data = await loadStudyData(folder, progress, signal);
      await check(gpu, folder, runs, data);
      const sides = sideNames.filter((side) => data.folds[0]!.evaluated[side]);
      await folder.save({ data: data.name, external: data.external, sides, adapter: adapterName(gpu) });
      // After study.json, without which the folder would be taken for somebody else's.
      for (const [file, split] of data.drawn) await writeWhole(file, split);
      return new StudyRuns(gpu, folder, data, progress, { ...options, signal }).all(groups, todo);
    });
    progress.stop();
    if (finished) return 0;
    console.log("Stopped. The same command goes on from here.");
    return interrupt.code();
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    // While the images were being prepared: there is nothing to save.
    console.log("Stopped before training began. The same command goes on from here.");
    return interrupt.code();
  } finally {
    progress.stop();
    interrupt.dispose();
  }
}

function introduce(gpu: Gpu, { study, dir }: StudyFolder, runs: number, finished: number): void {
  console.log(`Study in ${dir}: ${runs} runs${finished > 0 ? `, ${finished} of them finished` : ""}`);
  console.log(`Preset ${showSettings(study.config)}; on ${adapterName(gpu)}`);
}

/**
 * Finds out what would fail later, before the first run has begun.
 * @throws ConfigError if a fold has too few images for a batch; PlanError if a row does not fit the adapter
 */
async function check(gpu: Gpu, folder: StudyFolder, runs: readonly RunKey[], { folds }: StudyData): Promise<void> {
  const { config } = folder.study;
  const rows = [...new Map(runs.map((run) => [run.row, run])).values()];
  for (const [i, { train, val }] of folds.entries()) {
    const data = new SplitData(train, val, config);
    try {
      // Whether a row fits the adapter does not depend on the fold.
      for (const run of i === 0 ? rows : rows.slice(0, 1)) {
        const trainer = new Trainer(gpu, runConfig(config, run), data);
        trainer.check();
        trainer.release();
      }
    } finally {
      await data.close();
    }
  }
}

interface RunOptions extends SaveOption {
  signal: AbortSignal;
}

class StudyRuns {
  readonly #gpu: Gpu;
  readonly #folder: StudyFolder;
  readonly #data: StudyData;
  readonly #progress: Progress;
  readonly #options: RunOptions;

  constructor(gpu: Gpu, folder: StudyFolder, data: StudyData, progress: Progress, options: RunOptions) {
    this.#gpu = gpu;
    this.#folder = folder;
    this.#data = data;
    this.#progress = progress;
    this.#options = options;
  }

  /** Trains and evaluates the runs of `todo`. @returns false if it was interrupted */
  async all(groups: readonly Group[], todo: ReadonlySet<RunKey>): Promise<boolean> {
    const shown = new StudyProgress(this.#progress, new StudyClock(), this.#works(groups, todo));
    await shown.learn();
    for (const { seed, fold, runs } of groups) {
      const mine = runs.filter((run) => todo.has(run));
      const place: Place = { row: null, seed, fold };
      const pretrained = this.#needsPretraining(mine);
      if (pretrained && !(await this.#train(place, shown))) return false;
      for (const run of mine) {
        if (!(await this.#train(run, shown))) return false;
      }
    }
    return true;
  }

  /** Whether a run has yet to begin from a segmentation stage. */
  #needsPretraining(runs: readonly RunKey[]): boolean {
    const begun = (run: RunKey) => existsSync(path.join(this.#folder.runDir(run), "last.safetensors"));
    return this.#folder.study.config.epochs.segmentation > 0 && !runs.every(begun);
  }

  /** Trains a run to its end and evaluates it. @returns false if it was interrupted */
  async #train(place: Place, shown: StudyProgress): Promise<boolean> {
    const folder = this.#folder;
    const dir = folder.runDir(place);
    const { config: shared } = folder.study;
    const sides = this.#sides(place);
    const proposed = { ...place, row: place.row ?? "proposed" } as const;
    const whole = runConfig(shared, proposed);
    const before = existsSync(path.join(dir, "summary.json"));
    if (!before) await folder.note(place, "begun", 0);
    const stage = { row: null, seed: place.seed, fold: place.fold };
    const finished = await trainRun({
      gpu: this.#gpu,
      dir,
      config: place.row === null ? pretraining(whole) : whole,
      sides,
      data: this.#data.report,
      pretrained: place.row === null || shared.epochs.segmentation === 0 ? undefined : folder.runDir(stage),
      signal: this.#options.signal,
      saveEvery: this.#options.saveEvery,
      onBegin: () => shown.begin(place),
      onStep: (step) => shown.step(step),
      onRemark: (text) => this.#progress.line(text),
    });
    if (!finished) return false;
    if (place.row !== null) await this.#evaluate(dir, sides);
    const seconds = await this.#seconds(dir, place.row === null ? "segmentation" : "joint");
    await folder.note(place, "finished", seconds);
    if (!before || place.row !== null) shown.end(place, await this.#outcome(dir), seconds);
    return true;
  }

  /** Asks the run's checkpoint about all images that it has not been asked about. */
  async #evaluate(dir: string, { evaluated }: StudySides): Promise<void> {
    const { checkpoint } = this.#folder.study;
    for (const side of sideNames) {
      const images = evaluated[side];
      if (!images || (await keptPredictions(dir, checkpoint, side))) continue;
      const data = side === "external" ? this.#data.external : this.#data.name;
      await evaluateSide(this.#gpu, dir, checkpoint, { side, images, data });
    }
  }

  /** "F1 0.912  AUC 0.953 ...", by the last evaluation in training. */
  async #outcome(dir: string): Promise<string> {
    const last = (await RunFolder.records(dir)).findLast((record) => record.validation)?.validation;
    return last ? showMetrics(last) : `see ${predictionsFile("val")}`;
  }

  async #seconds(dir: string, stage: Stage): Promise<number> {
    const records = await RunFolder.records(dir);
    return records.reduce((sum, record) => sum + (record.stage === stage ? record.seconds : 0), 0);
  }

  #sides({ fold = 0 }: Place): StudySides {
    return this.#data.folds[fold]!;
  }

  /** All segmentation stages and runs of the study in order, with their steps. */
  #works(groups: readonly Group[], todo: ReadonlySet<RunKey>): Work[] {
    const { epochs, batch } = this.#folder.study.config;
    const steps = (stage: Stage, place: Place) => {
      const { train } = this.#sides(place);
      const images = stage === "joint" ? train.filter(({ label }) => label !== undefined) : train;
      return epochs[stage] * Math.floor(images.length / batch);
    };
    const work = (place: Place, stage: Stage, finished: boolean): Work => {
      return { place, dir: this.#folder.runDir(place), stage, steps: steps(stage, place), finished };
    };
    return groups.flatMap(({ seed, fold, runs }) => {
      const place: Place = { row: null, seed, fold };
      const first = () => {
        const done = existsSync(path.join(this.#folder.runDir(place), "summary.json"));
        return work(place, "segmentation", done || !this.#needsPretraining(runs.filter((run) => todo.has(run))));
      };
      return [...(epochs.segmentation > 0 ? [first()] : []), ...runs.map((run) => work(run, "joint", !todo.has(run)))];
    });
  }
}
