/** Trains one run of a study: from its beginning, or from where it was stopped. */
import path from "node:path";
import type { Gpu } from "../gpu/gpu.ts";
import { SplitData } from "../node/data/training-data.ts";
import { InputError, readInput, writeWhole } from "../node/files.ts";
import { RunFolder } from "../node/run-folder.ts";
import type { Prepared } from "../data/sample.ts";
import { parseCheckpoint } from "../train/checkpoint.ts";
import type { TrainConfig } from "../train/config.ts";
import { jointStart } from "../train/pretrained.ts";
import { DivergedError } from "../train/stage.ts";
import { Trainer } from "../train/trainer.ts";
import type { EpochRecord, StepRecord } from "../train/training.ts";
import { adapterName } from "./gpu.ts";

/** The two sides of a split that training needs, and the split as a file. */
export interface TrainingSides {
  train: readonly Prepared[];
  val: readonly Prepared[];
  split: string;
}

export interface StudyTraining {
  gpu: Gpu;
  /** A run folder; it may hold nothing, a run that was stopped, or one that is finished. */
  dir: string;
  config: TrainConfig;
  sides: TrainingSides;
  /** What is said of the data in the run's summary. */
  data: object;
  /** The run folder of the segmentation stage to begin from; undefined to train that too. */
  pretrained?: string | undefined;
  signal: AbortSignal;
  /** Seconds between two savings within an epoch. */
  saveEvery: number;
  /** Training begins, or goes on: nothing has been compiled yet. */
  onBegin?: () => void;
  onStep?: (step: StepRecord) => void;
  onEpoch?: (record: EpochRecord) => void;
  /** Something that people should know of. */
  onRemark?: (text: string) => void;
}

/** @returns whether the run is finished; false if it was interrupted, and saved */
export async function trainRun(training: StudyTraining): Promise<boolean> {
  const { gpu, dir, config, sides, signal } = training;
  const { run, resumed, file } = await openRun(training);
  if (run.isComplete) return true;
  if (signal.aborted) return false;
  const data = new SplitData(sides.train, sides.val, config);
  const trainer = new Trainer(gpu, config, data);
  try {
    if (resumed) trainer.resume(resumed, file);
    const { variants } = trainer;
    if (!(await run.computesWith(variants))) {
      training.onRemark?.(`${dir} was begun with other variants of the kernels: it goes on, but not bit for bit`);
    }
    training.onBegin?.();
    const { finished, last, best } = await trainer.fit(
      {
        onStep: (step) => training.onStep?.(step),
        async onEpoch(record) {
          await run.record(record);
          training.onEpoch?.(record);
        },
        save: (name, bytes) => run.save(name, bytes),
      },
      signal,
      training,
    );
    if (!finished) return false;
    await run.summary({
      config,
      adapter: adapterName(gpu),
      variants,
      seconds: run.seconds("segmentation") + run.seconds("joint"),
      data: training.data,
      last: last ?? run.lastEvaluation ?? null,
      best: best ?? null,
    });
    return true;
  } catch (error) {
    if (error instanceof DivergedError) throw new DivergedError(`${dir}: ${error.message}`, { cause: error });
    throw error;
  } finally {
    await data.close();
    trainer.release();
  }
}

/** The run of the folder, which is begun where there is none. */
async function openRun(training: StudyTraining) {
  const { dir, config } = training;
  const before = await RunFolder.reopen(dir);
  if (!before) return beginRun(training);
  const { run, checkpoint, file } = before;
  if (JSON.stringify(checkpoint.config) !== JSON.stringify(config)) {
    throw new InputError(`${dir}: this run has other settings than the study`);
  }
  return { run, resumed: checkpoint, file };
}

async function beginRun({ gpu, dir, config, sides, pretrained }: StudyTraining) {
  const run = await RunFolder.create(dir, config);
  await run.saveSplit(sides.split);
  if (pretrained === undefined) return { run, resumed: undefined, file: "" };
  const from = path.join(pretrained, "last.safetensors");
  const bytes = await jointStart(gpu, config, parseCheckpoint(await readInput(from), from), from);
  // The stage's curve belongs to this run as well. Before the checkpoint, without which the run begins once more.
  await writeWhole(run.file("metrics.jsonl"), await readInput(path.join(pretrained, "metrics.jsonl")));
  await run.save("last", bytes);
  const { run: opened, checkpoint, file } = await RunFolder.open(dir);
  return { run: opened, resumed: checkpoint, file };
}
