/** `mganet train`. */
import path from "node:path";
import type { Gpu } from "../gpu/gpu.ts";
import { InputError, writeWhole } from "../node/files.ts";
import { prepareData, PHANTOM, splitData, SplitData } from "../node/data/training-data.ts";
import { RunFolder } from "../node/run-folder.ts";
import { onInterrupt } from "../node/vulkan/interrupt.ts";
import type { Checkpoint } from "../train/checkpoint.ts";
import type { TrainConfig } from "../train/config.ts";
import { Trainer, type EpochRecord, type TrainerEvents, type TrainingResult } from "../train/trainer.ts";
import { showConfusion, showMetrics, showSkipped, showSummary } from "./format.ts";
import { adapterName, withGpu, type GpuOption } from "./gpu.ts";
import { configOf, type TrainFlags } from "./options.ts";
import { clock, Progress } from "./progress.ts";

export interface TrainCommand extends TrainFlags, GpuOption {
  out?: string;
  resume?: string;
  summary?: boolean;
  json?: string;
}

export async function train(options: TrainCommand): Promise<void> {
  const begun = performance.now();
  const resumed = options.resume ? await RunFolder.open(options.resume) : undefined;
  if (resumed && resumed.checkpoint.position.stage > 1) throw new InputError(`${options.resume}: this run is finished`);
  const config = resumed?.checkpoint.config ?? configOf(options);
  const interrupt = interruptible();
  const progress = new Progress();
  try {
    await withGpu(options, async (gpu) => {
      introduce(gpu, config, resumed !== undefined);
      const data = await loadData(config, progress, interrupt.signal);
      const run = resumed?.run ?? (await RunFolder.create(options.out ?? defaultFolder(config), config));
      progress.line(`Run folder: ${run.dir}`);
      try {
        const trainer = new Trainer(gpu, config, data);
        if (resumed) trainer.resume(resumed.checkpoint, resumed.file);
        const result = await trainer.fit(events(run, progress, options, config, resumed?.checkpoint), interrupt.signal);
        progress.stop();
        await conclude(result, run, gpu, config, (performance.now() - begun) / 1000, options);
      } finally {
        await data.close();
      }
    });
  } catch (error) {
    if (!interrupt.signal.aborted || error !== interrupt.signal.reason) throw error;
    // Stopped while the images were being prepared: there is nothing to save yet.
    console.log("Stopped before training began.");
    process.exitCode = 130;
  } finally {
    progress.stop();
    interrupt.dispose();
  }
}

/** The first Ctrl-C asks for an orderly end, the second ends at once. */
function interruptible() {
  const controller = new AbortController();
  const dispose = onInterrupt((signal) => {
    console.error(`\n${signal}: finishing the step and saving; once more to stop at once.`);
    controller.abort(new InputError("interrupted"));
  });
  return { signal: controller.signal, dispose };
}

function introduce(gpu: Gpu, config: TrainConfig, resumed: boolean): void {
  const { preset, width, size, batch, epochs } = config;
  const what = `width ${width}, ${size[0]}×${size[1]}, batch ${batch}, ${epochs.segmentation} + ${epochs.joint} epochs`;
  console.log(`${resumed ? "Going on with" : "Preset"} ${preset}: ${what}; on ${adapterName(gpu)}`);
  if (preset === "quick" && !resumed)
    console.log("(--preset paper trains at full width on 224×224 images, for 60 + 140 epochs)");
}

async function loadData(config: TrainConfig, progress: Progress, signal: AbortSignal): Promise<SplitData> {
  const what = config.data === PHANTOM ? "drawing the phantom" : "preparing images";
  let started = false;
  const { name, prepared, skipped, notes } = await prepareData(config, {
    signal,
    onProgress: (done, total) => {
      if (!started) progress.start(what, total);
      started = true;
      progress.update(done);
    },
  });
  progress.clear();
  const { train, val, notes: splitNotes } = splitData(prepared, config);
  const count = (indices: readonly number[], label: number) =>
    indices.filter((i) => prepared[i]!.label === label).length;
  const describe = (side: string, indices: readonly number[]) => {
    const unknown = indices.length - count(indices, 0) - count(indices, 1);
    const parts = [
      `${count(indices, 0)} benign`,
      `${count(indices, 1)} malignant`,
      ...(unknown ? [`${unknown} without a class`] : []),
    ];
    return `${indices.length} ${side} (${parts.join(", ")})`;
  };
  console.log(`Data: ${name}: ${describe("for training", train)}, ${describe("held out", val)}`);
  for (const line of [...showSkipped(skipped), ...notes.slice(0, 5), ...splitNotes]) console.log(line);
  if (notes.length > 5) console.log(`and ${notes.length - 5} more remarks`);
  return new SplitData(
    train.map((i) => prepared[i]!),
    val.map((i) => prepared[i]!),
    config,
  );
}

function defaultFolder({ preset, data }: TrainConfig): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  return path.join("runs", `${stamp}-${preset}-${path.basename(path.resolve(data))}`);
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

async function conclude(
  { finished, last, best }: TrainingResult,
  run: RunFolder,
  gpu: Gpu,
  config: TrainConfig,
  seconds: number,
  options: TrainCommand,
): Promise<void> {
  if (!finished) {
    console.log(`Stopped. Go on with:  npm run train -- --resume ${run.dir}`);
    process.exitCode = 130;
    return;
  }
  const summary = { config, adapter: adapterName(gpu), seconds, last: last ?? null, best: best ?? null };
  await run.summary(summary);
  if (options.json) await writeWhole(options.json, `${JSON.stringify(summary, null, 2)}\n`);
  console.log(`\nDone in ${clock(seconds)}.`);
  if (last) console.log(`After the last epoch, on the ${last.images} held-out images: ${showMetrics(last)}`);
  if (best) {
    console.log(`Best by F1 (${best.stage} epoch ${best.epoch}):  ${showMetrics(best.metrics)}`);
    console.log(showConfusion(best.metrics));
  }
  console.log(`\nTry it:  npm run predict -- --run ${run.dir} IMAGE...`);
}
