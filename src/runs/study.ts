/** Trains and evaluates all unfinished runs of a study, beside whoever else works on it. */
import { requireClasses, runConfig, type Group, type Place } from "../study/plan.ts";
import { sideNames } from "../study/figures.ts";
import { classesOf } from "../train/classes.ts";
import type { TrainConfig } from "../train/config.ts";
import { Trainer } from "../train/trainer.ts";
import { SplitData } from "./split-data.ts";
import { loadStudyImages, type StudyImages } from "./study-images.ts";
import { StudyRuns, type StudyRunsTask } from "./study-run.ts";
import { workOn, type StudyEnd, type WorkerTask } from "./study-worker.ts";
import { unfinishedRuns } from "./study-state.ts";

export interface StudyTask extends WorkerTask, StudyRunsTask {
  groups: readonly Group[];
  /** Which runs this process trains, shared phases among them; default all. */
  only?: (place: Place) => boolean;
  /** Called when all has been checked, before the first run. */
  onBegin?: () => Promise<void>;
}

/**
 * Trains and evaluates the unfinished runs that no other process is training, and waits for the others.
 * A run that fails for reasons of its own is recorded, and the rest goes on.
 * @throws ConfigError, DataError, PlanError before the first run starts; InputError if the folder cannot be written
 */
export async function trainStudy(task: StudyTask): Promise<StudyEnd> {
  const { gpu, folder, groups, source } = task;
  const images = await loadStudyImages(folder.store, folder.study, source, task);
  const { config, folds, drawn, name, external } = images;
  requireClasses(folder.study.tables, classesOf(config));
  await requireTrainable(task, images);
  const sides = sideNames.filter((side) => folds[0]!.evaluated[side]);
  await folder.save({ config, data: name, external, sides, adapter: gpu.name });
  // After study.json, without which the folder would not look like a study's.
  for (const [file, split] of drawn) await folder.store.write(file, split);
  await task.onBegin?.();
  const runs = new StudyRuns(task, images);
  const works = await runs.works(groups, await unfinishedRuns(folder, groups));
  task.emit({ type: "works", works });
  const { only = () => true } = task;
  const places = works.filter(({ finished, place }) => !finished && only(place)).map(({ place }) => place);
  return workOn(task, runs, places);
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
