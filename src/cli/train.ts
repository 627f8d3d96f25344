/** `mganet train`. */
import path from "node:path";
import type { Command } from "commander";
import type { Gpu } from "../gpu/gpu.ts";
import { InputError, requireWritableFile, writeWhole } from "../node/files.ts";
import { FolderGoneError } from "../node/folder-lock.ts";
import { EventFile } from "../node/event-file.ts";
import { predictionsOf } from "../node/predictions.ts";
import { RunFolder, withOwnSplit } from "../node/run-folder.ts";
import type { Checkpoint } from "../train/checkpoint.ts";
import type { TrainConfig } from "../train/config.ts";
import { DivergedError } from "../train/stage.ts";
import { Trainer } from "../train/trainer.ts";
import type { EpochRecord, TrainerEvents, TrainingResult } from "../train/training.ts";
import { showConfusion, showMetrics, showSettings, showSummary } from "./format.ts";
import { adapterName } from "./gpu.ts";
import { interruptible } from "./interruptible.ts";
import { byOption, configOf, requireOnlyResume, type SaveOption, type TrainFlags } from "./options.ts";
import { Profiler, type ProfileOptions } from "./profile.ts";
import { clock, Progress } from "./progress.ts";
import { evaluateOthers, loadData } from "./train-data.ts";
import { withTunedGpu, type TunedOption } from "./tuned.ts";

export interface TrainCommand extends TrainFlags, TunedOption, SaveOption, ProfileOptions {
  out?: string;
  resume?: string;
  summary?: boolean;
  tensorboard?: boolean;
  json?: string;
}

/** @returns the exit code: 0 finished, 130 or 129 interrupted */
export async function train(options: TrainCommand, command: Command): Promise<number> {
  const begun = performance.now();
  if (options.resume !== undefined) requireOnlyResume(command);
  const resumed = options.resume === undefined ? undefined : await RunFolder.open(options.resume);
  if (resumed?.run.isComplete) throw new InputError(`${resumed.run.dir}: this run is finished`);
  const config = resumed?.checkpoint.config ?? configOf(options);
  const out = options.out ?? defaultFolder(config);
  // Whatever can be known to fail fails now, not after an hour.
  if (!resumed) await RunFolder.requireFree(out);
  if (options.json !== undefined) await requireWritableFile(options.json);
  await Profiler.check(options);
  const interrupt = interruptible();
  const progress = new Progress();
  try {
    return await withTunedGpu(options, async (gpu) => {
      introduce(gpu, config, resumed !== undefined);
      const own = resumed ? withOwnSplit(config, resumed.run.dir) : config;
      const { data, report, split, held, others } = await loadData(own, progress, interrupt.signal);
      try {
        const trainer = new Trainer(gpu, config, data);
        if (resumed) trainer.resume(resumed.checkpoint, resumed.file);
        trainer.check();
        const run = resumed?.run ?? (await RunFolder.create(out, config));
        if (!resumed) await run.saveSplit(split);
        progress.line(`Run folder: ${run.dir}`);
        const { variants } = trainer;
        if (!(await run.computesWith(variants))) {
          progress.line(
            "This run was begun with other variants of the kernels (npm run tune, --no-tuned or another version since then): it goes on, but not bit for bit",
          );
        }
        const handlers = events(run, progress, options, config, resumed?.checkpoint);
        let hasBest = resumed?.checkpoint.best !== undefined;
        handlers.onEvaluated = async (results, best) => {
          hasBest ||= best;
          // As `evaluate` chooses: the best weights, or the last where none are.
          if (hasBest && !best) return;
          const checkpoint = `${best ? "best" : "last"}.safetensors`;
          const images = predictionsOf(results, held);
          await run.savePredictions({ checkpoint, data: report.name, on: "val", threshold: 0.5, images });
        };
        if (options.tensorboard) handlers.onEpoch = withEventFile(run, handlers);
        const profiler = Profiler.for(gpu, options);
        if (profiler) {
          handlers.onWarm = async (stage, step, batch) => {
            const lines: string[] = [];
            const nodes = await step.profile(gpu, batch);
            await profiler.add(`${stage} step`, nodes, (line) => lines.push(line));
            if (lines.length > 0) progress.line(lines.join("\n"));
          };
        }
        const result = await fit(trainer, handlers, run, progress, { ...options, signal: interrupt.signal });
        progress.stop();
        if (!result.finished) return interrupted(`Stopped. ${goOn(run)}`, interrupt.code());
        const seconds = (performance.now() - begun) / 1000;
        const { last = run.lastEvaluation, best } = result;
        const further = await evaluateOthers(gpu, run, others, report);
        const summary = {
          config,
          adapter: adapterName(gpu),
          device: [gpu.info.vendor, gpu.info.architecture, gpu.info.device].filter(Boolean).join(" "),
          variants,
          seconds,
          data: report,
          last: last ?? null,
          best: best ?? null,
          ...further,
        };
        conclude({ last, best }, run, seconds);
        // Loaded at the end: training does not wait for what plots need.
        const { reportRun } = await import("./report.ts");
        await reportRun(gpu, run.dir, { val: held, test: others.test ?? [] }, summary);
        // The last of all files: a run that has one has everything.
        await run.summary(summary);
        if (options.json !== undefined) await writeWhole(options.json, `${JSON.stringify(summary, null, 2)}\n`);
        return 0;
      } finally {
        await data.close();
      }
    });
  } catch (error) {
    // Stopped while the images were being prepared: there is nothing to save yet.
    if (interrupt.signal.aborted && error === interrupt.signal.reason)
      return interrupted("Stopped before training began.", interrupt.code());
    throw byOption(error);
  } finally {
    progress.stop();
    interrupt.dispose();
  }
}

function interrupted(message: string, code: number): number {
  console.log(message);
  return code;
}

const goOn = (run: RunFolder): string => `Go on with:  npm run train -- --resume ${run.dir}`;

/** Trains. When that fails, says how to go on from the last checkpoint, unless that would fail in the same way. */
async function fit(
  trainer: Trainer,
  handlers: TrainerEvents,
  run: RunFolder,
  progress: Progress,
  { signal, saveEvery }: SaveOption & { signal: AbortSignal },
): Promise<TrainingResult> {
  try {
    return await trainer.fit(handlers, signal, { saveEvery });
  } catch (error) {
    progress.stop();
    if (error instanceof FolderGoneError) {
      if (run.hasCheckpoint) console.log("The run went with its folder:  npm run train -- --resume ITS-NEW-PLACE");
    } else if (!run.hasCheckpoint) await run.discard();
    else if (!(error instanceof DivergedError)) console.log(`Training broke off. ${goOn(run)}`);
    throw error;
  }
}

function introduce(gpu: Gpu, config: TrainConfig, resumed: boolean): void {
  const { preset } = config;
  console.log(`${resumed ? "Going on with" : "Preset"} ${showSettings(config)}; on ${adapterName(gpu)}`);
  if (preset === "quick" && !resumed)
    console.log("(--preset paper trains at full width on 224×224 images, for 60 + 140 epochs)");
}

function defaultFolder({ preset, data }: TrainConfig): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  return path.join("runs", `${stamp}-${preset}-${path.basename(path.resolve(data))}`);
}

/** Keeps each epoch in TensorBoard's event file as well, which begins with those before it. */
function withEventFile(run: RunFolder, { ...handlers }: TrainerEvents) {
  let file: EventFile | undefined;
  return async (record: EpochRecord) => {
    await handlers.onEpoch?.(record);
    if (file) await file.add(record);
    else file = await EventFile.begin(run.dir, await RunFolder.records(run.dir));
  };
}

function events(
  run: RunFolder,
  progress: Progress,
  options: TrainCommand,
  config: TrainConfig,
  resumed: Checkpoint | undefined,
): TrainerEvents {
  let begun = performance.now();
  let images = 0;
  return {
    onStage(stage, info) {
      progress.clear();
      console.log(
        `${stage === "joint" ? "Joint" : "Segmentation"} stage: ${info.epochs} epochs of ${info.batches} steps`,
      );
      const { batch, epoch } = resumed?.position ?? { batch: 0, epoch: 0 };
      const from =
        resumed && ["segmentation", "joint"].indexOf(stage) === resumed.position.stage
          ? epoch * info.batches + batch
          : 0;
      progress.start(stage, info.epochs * info.batches, from);
      begun = performance.now();
      images = 0;
    },
    onCompiled(step, seconds) {
      if (options.summary) progress.line(`  ${showSummary(step.plan.summary)}; compiled in ${seconds.toFixed(1)} s`);
      begun = performance.now();
    },
    onStep({ epoch, batch, batches, loss }) {
      images += config.batch;
      const speed = images / ((performance.now() - begun) / 1000);
      progress.update((epoch - 1) * batches + batch, `loss ${loss.toFixed(4)} | ${speed.toFixed(0)} images/s`);
    },
    async onEpoch(record) {
      progress.line(showEpoch(record, config));
      await run.record(record);
    },
    save: (name, bytes) => run.save(name, bytes),
  };
}

function showEpoch({ stage, epoch, loss, imagesPerSecond, validation }: EpochRecord, config: TrainConfig): string {
  const of = config.epochs[stage];
  const number = `${String(epoch).padStart(String(of).length)}/${of}`;
  const held = validation ? `  held out: ${showMetrics(validation)}` : "";
  return `  ${stage} ${number}  loss ${loss.toFixed(4)}  ${imagesPerSecond.toFixed(1)} images/s${held}`;
}

function conclude({ last, best }: Pick<TrainingResult, "last" | "best">, run: RunFolder, seconds: number): void {
  console.log(`\nDone in ${clock(seconds)}.`);
  if (last) console.log(`After the last epoch, on the ${last.images} held-out images: ${showMetrics(last)}`);
  if (best) {
    const by = best.loss === undefined ? "F1" : "loss, as not both classes are held out";
    console.log(`Best by ${by} (${best.stage} epoch ${best.epoch}):  ${showMetrics(best.metrics)}`);
    if (best.metrics.confusion) console.log(showConfusion(best.metrics.confusion));
  }
  console.log(`\nTry it:  npm run predict -- --run ${run.dir} IMAGE...`);
}
