/** How long a training takes: the real steps, compiled and run a few times on noise, before there are images. */
import type { Batch } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { releaseVariables } from "../graph/storage.ts";
import { ConfigError } from "../models/config-error.ts";
import { classifies, type Phase } from "../models/model.ts";
import { Adam, adamDefaults } from "../optim/adam.ts";
import { buildModel } from "./build.ts";
import type { TrainConfig } from "./config.ts";
import { runSteps, until } from "../loop/pipeline.ts";
import { Predictor } from "./predictor.ts";
import { TrainingStep } from "./step.ts";

/** Numbers of images. */
export interface ImageCounts {
  train: number;
  /** Those of them with a class, on which alone a classifier is trained. */
  labelled: number;
  val: number;
}

/** All times in seconds. */
export interface PhaseTime {
  stage: string;
  title: string;
  /** Of one step on a batch. */
  step: number;
  imagesPerSecond: number;
  epochs: number;
  /** Steps of an epoch. */
  batches: number;
  /** Of an epoch, with its share of the evaluations, and of the whole phase. */
  epoch: number;
  all: number;
}

export interface TimeEstimate {
  /** Spent on compiling now, which a training on the same device is spared. */
  compiling: number;
  phases: PhaseTime[];
  /** Of the training, without reading images and compiling. */
  all: number;
}

export interface EstimateOptions {
  signal?: AbortSignal;
  /** What is being done. */
  onPhase?: (title: string, what: "compiling" | "running") => void;
  /** Milliseconds; for tests. */
  clock?: () => number;
}

/** Steps after a first one, which warms up; only one if the first took long. */
const STEPS = 3;
const LONG_MS = 10_000;

/**
 * @throws ConfigError if a phase has too few images for one batch; PlanError if a step does not fit the adapter; OutOfMemoryError and other GpuErrors of the device; the signal's reason
 */
export async function estimateTime(
  gpu: Gpu,
  config: TrainConfig,
  counts: ImageCounts,
  options: EstimateOptions = {},
): Promise<TimeEstimate> {
  const { signal } = options;
  const model = buildModel(config);
  const estimate: TimeEstimate = { compiling: 0, phases: [], all: 0 };
  try {
    for (const phase of model.trained) {
      signal?.throwIfAborted();
      const images = classifies(phase) ? counts.labelled : counts.train;
      const batches = Math.floor(images / config.batch);
      if (batches === 0) {
        const where = phase.title.toLowerCase();
        throw new ConfigError(`${config.batch} is more than the ${images} training images of the ${where}`, "batch");
      }
      const { compiling, step, evaluation } = await measured(gpu, phase, config, options);
      const epochs = config.epochs[phase.name]!;
      // The last epoch is evaluated, whichever it is.
      const evaluations = Math.ceil(epochs / config.evalEvery) * Math.ceil(counts.val / config.batch);
      const all = epochs * batches * step + evaluations * evaluation;
      estimate.compiling += compiling;
      estimate.all += all;
      estimate.phases.push({
        ...{ stage: phase.name, title: phase.title, step, imagesPerSecond: config.batch / step },
        ...{ epochs, batches, epoch: all / epochs, all },
      });
    }
    return estimate;
  } finally {
    model.net.release(gpu);
  }
}

/** Seconds of compiling, of a step, and of evaluating a batch. */
async function measured(
  gpu: Gpu,
  phase: Phase,
  config: TrainConfig,
  { signal, onPhase, clock = () => performance.now() }: EstimateOptions,
) {
  const { batch, size, recompute } = config;
  const adam = new Adam(phase.slabs, adamDefaults);
  const open: { destroy(): void }[] = [];
  try {
    onPhase?.(phase.title, "compiling");
    const begun = clock();
    const step = await TrainingStep.create(gpu, phase, adam, { batch, size, recompute });
    open.push(step.plan);
    signal?.throwIfAborted();
    const predictor = await Predictor.create(gpu, (x) => phase.infer(x), { batch, size });
    open.push(predictor);
    const compiling = (clock() - begun) / 1000;
    onPhase?.(phase.title, "running");
    const noise = noiseBatch(config);
    /** Seconds a run, over as many as the first one leaves time for. Two are in flight, as in a training. */
    const timed = async (run: () => Promise<unknown>) => {
      signal?.throwIfAborted();
      const first = clock();
      await run();
      const count = clock() - first > LONG_MS ? 1 : STEPS;
      const from = clock();
      const steps = { begin: run, end: () => Promise.resolve(), pauses: () => false, onPause: () => Promise.resolve() };
      await runSteps(until(signal, repeated(noise, count)), steps);
      signal?.throwIfAborted();
      return (clock() - from) / 1000 / count;
    };
    // At a learning rate of 0 nothing diverges.
    const ofStep = await timed(() => step.run(noise, 0));
    return { compiling, step: ofStep, evaluation: await timed(() => predictor.predict(noise.image)) };
  } finally {
    for (const plan of open) plan.destroy();
    releaseVariables(
      gpu,
      adam.state.map(([, variable]) => variable),
    );
  }
}

async function* repeated(batch: Batch, count: number): AsyncGenerator<Batch> {
  for (let i = 0; i < count; i++) yield await Promise.resolve(batch);
}

/** Levels about as those of images; half of each target is nodule, half of the images are of the second class. */
function noiseBatch({ batch, size: [height, width] }: TrainConfig): Batch {
  const pixels = height * width;
  return {
    image: Float32Array.from({ length: 3 * batch * pixels }, (_, i) => (Math.imul(i, 0x9e3779b1) >>> 8) / 2 ** 23 - 1),
    target: Float32Array.from({ length: batch * pixels }, (_, i) => (i % pixels < pixels / 2 ? 1 : 0)),
    label: Uint32Array.from({ length: batch }, (_, i) => i % 2),
    ids: Array.from({ length: batch }, (_, i) => `noise ${i}`),
  };
}
