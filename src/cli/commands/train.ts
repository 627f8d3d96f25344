/** `mganet train`: trains a run, or resumes one. */
import path from "node:path";
import type { Command } from "commander";
import { commandLine } from "../../node/command-line.ts";
import type { Gpu } from "../../gpu/gpu.ts";
import { EventFile } from "../../node/event-file.ts";
import { requireWritableFile, writeWhole } from "../../node/files.ts";
import { FolderStore } from "../../node/folder-store.ts";
import { folderImages } from "../../node/image-source.ts";
import { requireResources } from "../../node/resources.ts";
import { hasCheckpoint, isComplete, readRecords, Run } from "../../runs/run.ts";
import { FolderGoneError, InputError } from "../../runs/store.ts";
import { train as trainRun, type TrainTask } from "../../runs/train.ts";
import { settingsText } from "../../report/show.ts";
import { presetFor, specOf, totalEpochs, type TrainConfig } from "../../train/config.ts";
import { initOf } from "../../train/origin.ts";
import { DivergedError } from "../../loop/diverged.ts";
import type { EpochRecord } from "../../train/training.ts";
import { interruptible } from "../interruptible.ts";
import { requireOnlyResume, type SaveOption } from "../options.ts";
import { Profiler, type ProfileOptions } from "../profile.ts";
import { Progress } from "../progress.ts";
import { byOption, configOf, type ConfigFlags } from "../settings.ts";
import { showTraining } from "../show-training.ts";
import { findSource } from "../targets.ts";
import { withTunedGpu, type TunedOption } from "../tuned.ts";

export type TrainCommand = ConfigFlags &
  TunedOption &
  SaveOption &
  ProfileOptions & {
    /** One for each time that it was given. */
    init?: readonly string[];
    out?: string;
    resume?: string;
    summary?: boolean;
    tensorboard?: boolean;
    json?: string;
  };

/** @returns the exit code: 0 finished, 130 or 129 interrupted */
export async function train(options: TrainCommand, command: Command): Promise<number> {
  if (options.resume !== undefined) requireOnlyResume(command);
  const resumed = options.resume === undefined ? undefined : await reopen(options.resume);
  const init = await Promise.all((options.init ?? []).map(findSource));
  const config =
    resumed?.loaded.checkpoint.config ?? configOf({ ...options, init: initOf(init.map(({ origin }) => origin)) });
  const store = resumed?.run.store ?? new FolderStore(options.out ?? defaultFolder(config), console.log);
  // Fail now, not after an hour, if failure is foreseeable.
  if (!resumed) await Run.requireFree(store);
  if (options.json !== undefined) await requireWritableFile(options.json);
  await Profiler.check(options);
  const interrupt = interruptible();
  const progress = new Progress();
  const { signal } = interrupt;
  const stopped = (message: string) => {
    console.log(message);
    return interrupt.code();
  };
  try {
    return await withTunedGpu(options, async (gpu) => {
      introduce(gpu, config, resumed !== undefined);
      await requireResources(gpu, config);
      const emit = showTraining(progress, config, { summaries: options.summary === true });
      const task: TrainTask = {
        ...{ gpu, store, config, init, resumed, emit, signal, source: folderImages, saveEvery: options.saveEvery },
        ...(options.tensorboard ? { onRecord: tensorBoard() } : {}),
        ...warmHook(gpu, options, progress),
        async onReport(summary, images) {
          progress.stop();
          // Loaded at the end, so that training does not wait for the plotting libraries.
          const { reportFinished } = await import("../run-report.ts");
          await reportFinished(gpu, store, images, summary);
        },
      };
      const summary = await fit(task, progress);
      progress.stop();
      if (!summary) return stopped(`Stopped. ${resumeHint(store.name)}`);
      if (options.json !== undefined) await writeWhole(options.json, `${JSON.stringify(summary, null, 2)}\n`);
      return 0;
    });
  } catch (error) {
    // Stopped while preparing images: there is nothing to save yet.
    if (signal.aborted && error === signal.reason) return stopped("Stopped before training began.");
    throw byOption(error, specOf(config));
  } finally {
    progress.stop();
    interrupt.dispose();
  }
}

async function reopen(dir: string) {
  const found = await Run.open(new FolderStore(dir, console.log));
  if (await isComplete(found.run.store)) throw new InputError(`${dir}: this run has finished`);
  return found;
}

const resumeHint = (dir: string): string => `Resume with:  ${commandLine("train", `--resume ${dir}`)}`;

/** Trains. On failure, says how to resume from the last checkpoint, unless that would fail in the same way. */
async function fit(task: TrainTask, progress: Progress) {
  try {
    return await trainRun(task);
  } catch (error) {
    progress.stop();
    if (error instanceof FolderGoneError) {
      console.log(`The run moved with its folder. ${resumeHint("NEW-FOLDER")}`);
    } else if (
      !(error instanceof DivergedError) &&
      error !== task.signal?.reason &&
      (await hasCheckpoint(task.store))
    ) {
      console.log(`Training failed. ${resumeHint(task.store.name)}`);
    }
    throw error;
  }
}

function introduce(gpu: Gpu, config: TrainConfig, resumed: boolean): void {
  console.log(`${resumed ? "Resuming" : "Preset"} ${settingsText(config)}; on ${gpu.name}`);
  if (config.preset === "quick" && !resumed) console.log(`(${paperText(config)})`);
}

/** "--preset paper trains as published: at full width on 224×224 images, for 200 epochs". */
function paperText({ model, data }: TrainConfig): string {
  const paper = presetFor("paper", data, model);
  const how = specOf(paper).published === true ? "trains as published" : "takes longer";
  return `--preset paper ${how}: at full width on ${paper.size[0]}×${paper.size[1]} images, for ${totalEpochs(paper)} epochs`;
}

function defaultFolder({ preset, data }: TrainConfig): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  return path.join("runs", `${stamp}-${preset}-${path.basename(path.resolve(data))}`);
}

/** Also records each epoch in TensorBoard's event file, which begins with the earlier ones. */
function tensorBoard() {
  let file: EventFile | undefined;
  return async ({ store }: Run, record: EpochRecord) => {
    if (file) await file.add(record);
    else file = await EventFile.begin(store.name, await readRecords(store));
  };
}

/** With --profile or --trace, a profile of each phase's step. */
function warmHook(gpu: Gpu, options: ProfileOptions, progress: Progress): Pick<TrainTask, "onWarm"> {
  const profiler = Profiler.for(gpu, options);
  if (!profiler) return {};
  return {
    async onWarm(stage, step, batch) {
      const lines: string[] = [];
      const nodes = await step.profile(gpu, batch);
      await profiler.add(`${stage} step`, nodes, (line) => lines.push(line));
      if (lines.length > 0) progress.line(lines.join("\n"));
    },
  };
}
