/** Training in two stages: the segmentation branch alone, then both branches jointly. */
import type { Batch } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { releaseVariables } from "../graph/storage.ts";
import type { Slab } from "../graph/storage.ts";
import { MGANet } from "../models/mganet.ts";
import { Adam, adamDefaults, slabsOf } from "./adam.ts";
import {
  loadMoments,
  loadWeights,
  start,
  writeCheckpoint,
  type Best,
  type Checkpoint,
  type Position,
} from "./checkpoint.ts";
import { ConfigError, type TrainConfig } from "./config.ts";
import type { Evaluation } from "./metrics.ts";
import {
  evaluate,
  Predictor,
  stages,
  TrainingStep,
  type Stage,
  type StepLosses,
  type StepOptions,
  type StepResult,
} from "./stage.ts";

/** Where the batches come from. Their order depends on nothing but the seed and the epoch. */
export interface TrainingData {
  /** Images that a stage trains on. */
  images(stage: Stage): number;
  /** The batches of an epoch from `startBatch` on; only whole ones. */
  epoch(stage: Stage, options: { epoch: number; startBatch: number }): AsyncIterable<Batch>;
  validation(): AsyncIterable<Batch>;
  /** Weights of the two classes in the loss; undefined where they count alike. */
  readonly classWeights?: readonly number[] | undefined;
  /** Validation images without a class. */
  readonly unlabelled: ReadonlySet<string>;
}

/** A line of metrics.jsonl. */
export interface EpochRecord {
  stage: Stage;
  /** From 1. */
  epoch: number;
  /** Steps of both stages so far. */
  step: number;
  lr: number;
  /** Means over the epoch's batches. */
  loss: number;
  cls?: number;
  seg?: number;
  seconds: number;
  imagesPerSecond: number;
  validation?: Evaluation;
}

export interface StepRecord {
  stage: Stage;
  epoch: number;
  epochs: number;
  batch: number;
  batches: number;
  loss: number;
}

export interface TrainerEvents {
  onStage?(stage: Stage, info: { images: number; batches: number; epochs: number }): void;
  /** A stage's step has been compiled, in so many seconds. */
  onCompiled?(step: TrainingStep, seconds: number): void;
  onStep?(record: StepRecord): void;
  onEpoch?(record: EpochRecord): Promise<void> | void;
  /** Keeps a checkpoint; must leave the previous one whole until the new one is. */
  save(name: "last" | "best", bytes: Uint8Array): Promise<void>;
}

export interface TrainingResult {
  finished: boolean;
  last: Evaluation | undefined;
  best: Best | undefined;
}

/** Share of a stage's steps over which the cosine schedule rises. */
const WARM_UP = 0.05;

export class Trainer {
  readonly net: MGANet;
  readonly #gpu: Gpu;
  readonly #config: TrainConfig;
  readonly #data: TrainingData;
  readonly #slabs: Record<Stage, readonly Slab[]>;
  #position: Position;
  #best: Best | undefined;
  #resumed: { checkpoint: Checkpoint; file: string } | undefined;

  constructor(gpu: Gpu, config: TrainConfig, data: TrainingData) {
    this.#gpu = gpu;
    this.#config = config;
    this.#data = data;
    this.net = new MGANet(config, config.seed);
    const segmenter = slabsOf(this.net.segmenter.parameters());
    const rest = slabsOf(this.net.parameters().filter((p) => !p.place));
    this.#slabs = { segmentation: segmenter, joint: [...segmenter, ...rest] };
    this.#position = this.#settled(start);
  }

  /** Goes on from a checkpoint. @throws CheckpointError */
  resume(checkpoint: Checkpoint, file: string): void {
    loadWeights(this.#gpu, this.net, checkpoint, file);
    this.#position = this.#settled(checkpoint.position);
    this.#best = checkpoint.best;
    this.#resumed = { checkpoint, file };
  }

  /**
   * Finds out, before any work, what `fit` would fail at.
   * @throws ConfigError if a stage has too few images for one batch; PlanError if its step does not fit the adapter
   */
  check(): void {
    for (const stage of stages) {
      if (this.#config.epochs[stage] === 0) continue;
      this.#batches(stage);
      const adam = new Adam(this.#slabs[stage], adamDefaults);
      TrainingStep.requireFit(this.#gpu, this.net, adam, stage, this.#stepOptions);
    }
  }

  /**
   * Trains from the present position to the end, or until `signal` is aborted; then the last step is completed and saved.
   * @throws ConfigError and PlanError as `check` does; DivergedError
   */
  async fit(events: TrainerEvents, signal?: AbortSignal): Promise<TrainingResult> {
    let last: Evaluation | undefined;
    for (;;) {
      const stage = stages[this.#position.stage];
      if (!stage) return { finished: true, last, best: this.#best };
      const outcome = await this.#fitStage(stage, events, signal);
      last = outcome.last ?? last;
      if (!outcome.finished) return { finished: false, last, best: this.#best };
    }
  }

  get #stepOptions(): StepOptions {
    return { ...this.#config, weight: this.#data.classWeights };
  }

  /** The same position, unless its stage is done: then the beginning of the next one that has epochs. */
  #settled(position: Position): Position {
    const stage = stages[position.stage];
    if (stage === undefined || position.epoch < this.#config.epochs[stage]) return position;
    return this.#settled({ ...start, stage: position.stage + 1, step: position.step });
  }

  /** Batches of an epoch. @throws ConfigError if there is none */
  #batches(stage: Stage): number {
    const { batch } = this.#config;
    const images = this.#data.images(stage);
    if (images < batch) {
      throw new ConfigError(`${batch} is more than the ${images} images that the ${stage} stage trains on`, "batch");
    }
    return Math.floor(images / batch);
  }

  async #fitStage(stage: Stage, events: TrainerEvents, signal: AbortSignal | undefined) {
    const config = this.#config;
    const epochs = config.epochs[stage];
    const batches = this.#batches(stage);
    events.onStage?.(stage, { images: this.#data.images(stage), batches, epochs });
    const adam = new Adam(this.#slabs[stage], adamDefaults);
    if (this.#resumed && this.#position.adamSteps > 0)
      loadMoments(this.#gpu, adam, this.#resumed.checkpoint, this.#resumed.file);
    this.#resumed = undefined;
    const begun = performance.now();
    const step = await TrainingStep.create(this.#gpu, this.net, adam, stage, this.#stepOptions);
    const predictor = await Predictor.create(this.#gpu, this.net, { batch: config.batch, size: config.size, stage });
    events.onCompiled?.(step, (performance.now() - begun) / 1000);
    let last: Evaluation | undefined;
    try {
      while (stages[this.#position.stage] === stage) {
        const record = await this.#fitEpoch({ stage, step, batches, epochs }, events, signal);
        if (record && (record.epoch % config.evalEvery === 0 || record.epoch === epochs)) {
          const batches = until(signal, this.#data.validation());
          const { metrics } = await evaluate(predictor, batches, stage, this.#data.unlabelled);
          if (!signal?.aborted) last = record.validation = metrics;
        }
        if (!record || signal?.aborted) {
          await events.save("last", await this.#checkpoint(adam));
          return { finished: false, last };
        }
        const improved = this.#improves(record);
        const position = { ...this.#position, epoch: record.epoch, batch: 0, sums: {} };
        this.#position = this.#settled(position);
        const bytes = await this.#checkpoint(adam);
        if (improved) await events.save("best", bytes);
        // Before the checkpoint: a run that is killed between the two writes this record once more, instead of never.
        await events.onEpoch?.(record);
        await events.save("last", bytes);
      }
      return { finished: true, last };
    } finally {
      step.plan.destroy();
      predictor.destroy();
      releaseVariables(
        this.#gpu,
        adam.state.map(([, v]) => v),
      );
    }
  }

  /** The rest of the present epoch; undefined if it was interrupted. */
  async #fitEpoch(
    { stage, step, batches, epochs }: { stage: Stage; step: TrainingStep; batches: number; epochs: number },
    events: TrainerEvents,
    signal: AbortSignal | undefined,
  ): Promise<EpochRecord | undefined> {
    const { epoch, batch: startBatch } = this.#position;
    const begun = performance.now();
    const settle = async (pending: Pending) => {
      const { losses, finite } = await pending.result;
      if (!finite) throw await step.diagnose(pending.batch, this.#position.step + 1);
      this.#count(losses);
      events.onStep?.({ stage, epoch: epoch + 1, epochs, batch: this.#position.batch, batches, loss: losses.loss });
    };
    const rate = (batch: number) => this.#learningRate(stage, epoch * batches + batch, epochs * batches);
    let pending: Pending | undefined;
    let started = startBatch;
    try {
      for await (const batch of until(signal, this.#data.epoch(stage, { epoch, startBatch }))) {
        // The next step is on its way before the previous one's loss is awaited, so that the device never waits.
        const next: Pending = { batch, result: step.run(batch, rate(started)) };
        next.result.catch(() => {}); // It is awaited below; until then a failure is not unhandled.
        started++;
        const previous = pending;
        pending = next;
        if (previous) await settle(previous);
      }
      if (pending) await settle(pending);
    } finally {
      // When one step fails, the next is under way: it needs the plan to its end.
      await pending?.result.catch(() => {});
    }
    const { sums, batch, step: steps } = this.#position;
    if (batch < batches) return undefined;
    const seconds = (performance.now() - begun) / 1000;
    const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / batches]));
    return {
      stage,
      epoch: epoch + 1,
      step: steps,
      lr: rate(batches - 1),
      ...(means as { loss: number }),
      seconds,
      imagesPerSecond: ((batches - startBatch) * this.#config.batch) / seconds,
    };
  }

  /** Counts one step that is done. */
  #count(losses: StepLosses): void {
    const { sums, batch, step, adamSteps, ...rest } = this.#position;
    const added = Object.fromEntries(
      Object.entries(losses).map(([name, value]) => [name, (sums[name] ?? 0) + Number(value)]),
    );
    this.#position = { ...rest, batch: batch + 1, step: step + 1, sums: added, adamSteps: adamSteps + 1 };
  }

  /** Whether this epoch is the best by F1 so far; it is then remembered as that. */
  #improves({ stage, epoch, validation: metrics }: EpochRecord): boolean {
    if (metrics?.f1 === undefined || (this.#best && metrics.f1 <= this.#best.f1)) return false;
    this.#best = { stage, epoch, f1: metrics.f1, metrics };
    return true;
  }

  /** The rate of step `step` of a stage's `total`. */
  #learningRate(stage: Stage, step: number, total: number): number {
    const { lr, jointLr, schedule } = this.#config;
    const peak = stage === "joint" ? jointLr : lr;
    if (schedule === "constant") return peak;
    // Fresh Adam state takes full steps in every direction at first: the warm-up keeps what the stage before has learnt.
    const warmUp = Math.max(1, Math.round(WARM_UP * total));
    if (step < warmUp) return (peak * (step + 1)) / warmUp;
    return 0.5 * peak * (1 + Math.cos((Math.PI * (step - warmUp)) / (total - warmUp)));
  }

  /** The present state as a file's bytes. @throws DivergedError rather than let a bad one replace a good one */
  #checkpoint(adam: Adam): Promise<Uint8Array> {
    const { net } = this;
    return writeCheckpoint(this.#gpu, net, adam, { config: this.#config, position: this.#position, best: this.#best });
  }
}

/** Ends early when `signal` is aborted. */
async function* until<T>(signal: AbortSignal | undefined, items: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const item of items) {
    if (signal?.aborted) return;
    yield item;
  }
}

interface Pending {
  batch: Batch;
  result: Promise<StepResult>;
}
