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
import { evaluate, Predictor, stages, TrainingStep, type Stage, type StepLosses, type StepResult } from "./stage.ts";

/** Where the batches come from. Their order depends on nothing but the seed and the epoch. */
export interface TrainingData {
  /** Images that a stage trains on. */
  images(stage: Stage): number;
  /** The batches of an epoch from `startBatch` on; only whole ones. */
  epoch(stage: Stage, options: { epoch: number; startBatch: number }): AsyncIterable<Batch>;
  validation(): AsyncIterable<Batch>;
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

export class Trainer {
  readonly net: MGANet;
  readonly #gpu: Gpu;
  readonly #config: TrainConfig;
  readonly #data: TrainingData;
  readonly #slabs: Record<Stage, readonly Slab[]>;
  #position: Position = start;
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
  }

  /** Goes on from a checkpoint. @throws CheckpointError */
  resume(checkpoint: Checkpoint, file: string): void {
    loadWeights(this.#gpu, this.net, checkpoint, file);
    this.#position = checkpoint.position;
    this.#best = checkpoint.best;
    this.#resumed = { checkpoint, file };
  }

  /**
   * Trains from the present position to the end, or until `signal` is aborted; then the last step is completed and saved.
   * @throws ConfigError if a stage has too few images for one batch, DivergedError
   */
  async fit(events: TrainerEvents, signal?: AbortSignal): Promise<TrainingResult> {
    for (const stage of stages) this.#batches(stage);
    let last: Evaluation | undefined;
    for (let stage = this.#stage(); stage !== undefined; stage = this.#stage()) {
      const outcome = await this.#fitStage(stage, events, signal);
      last = outcome.last ?? last;
      if (!outcome.finished) return { finished: false, last, best: this.#best };
    }
    return { finished: true, last, best: this.#best };
  }

  /** The stage of the present position; undefined when training is finished. Stages without epochs are passed over. */
  #stage(): Stage | undefined {
    for (;;) {
      const { stage: number, epoch, step } = this.#position;
      const stage = stages[number];
      if (stage === undefined || epoch < this.#config.epochs[stage]) return stage;
      this.#position = { ...start, stage: number + 1, step };
    }
  }

  /** Batches of an epoch. @throws ConfigError if there is none although the stage has epochs */
  #batches(stage: Stage): number {
    const { batch, epochs } = this.#config;
    const images = this.#data.images(stage);
    if (epochs[stage] > 0 && images < batch) {
      throw new ConfigError(`batch: ${batch} is more than the ${images} images that the ${stage} stage trains on`);
    }
    return Math.floor(images / batch);
  }

  async #fitStage(stage: Stage, events: TrainerEvents, signal: AbortSignal | undefined) {
    const config = this.#config;
    const epochs = config.epochs[stage];
    const batches = this.#batches(stage);
    events.onStage?.(stage, { images: this.#data.images(stage), batches, epochs });
    const adam = new Adam(this.#slabs[stage], { ...adamDefaults, lr: config.lr });
    if (this.#resumed && this.#position.adamSteps > 0)
      loadMoments(this.#gpu, adam, this.#resumed.checkpoint, this.#resumed.file);
    this.#resumed = undefined;
    const begun = performance.now();
    const step = await TrainingStep.create(this.#gpu, this.net, adam, stage, config);
    const predictor = await Predictor.create(this.#gpu, this.net, { batch: config.batch, size: config.size, stage });
    events.onCompiled?.(step, (performance.now() - begun) / 1000);
    let last: Evaluation | undefined;
    try {
      while (this.#stage() === stage) {
        const record = await this.#fitEpoch({ stage, adam, step, batches, epochs }, events, signal);
        if (!record) {
          await events.save("last", await this.#checkpoint(adam));
          return { finished: false, last };
        }
        let improved = false;
        if (record.epoch % config.evalEvery === 0 || record.epoch === epochs) {
          const { metrics } = await evaluate(predictor, this.#data.validation(), stage, this.#data.unlabelled);
          last = record.validation = metrics;
          const { f1 } = metrics;
          improved = f1 !== undefined && (this.#best === undefined || f1 > this.#best.f1);
          if (improved) this.#best = { stage, epoch: record.epoch, f1: f1!, metrics };
        }
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
    {
      stage,
      adam,
      step,
      batches,
      epochs,
    }: { stage: Stage; adam: Adam; step: TrainingStep; batches: number; epochs: number },
    events: TrainerEvents,
    signal: AbortSignal | undefined,
  ): Promise<EpochRecord | undefined> {
    const { epoch, batch: startBatch } = this.#position;
    const begun = performance.now();
    const settle = async (pending: Pending) => {
      const { losses, finite } = await pending.result;
      if (!finite) throw await step.diagnose(pending.batch, this.#position.step + 1);
      this.#count(losses, adam);
      events.onStep?.({ stage, epoch: epoch + 1, epochs, batch: this.#position.batch, batches, loss: losses.loss });
    };
    let pending: Pending | undefined;
    let lr = 0;
    let started = startBatch;
    for await (const batch of this.#data.epoch(stage, { epoch, startBatch })) {
      if (signal?.aborted) break;
      lr = this.#learningRate(epoch * batches + started, epochs * batches);
      // The next step is on its way before the previous one's loss is awaited, so that the device never waits.
      const next: Pending = { batch, result: step.run(batch, lr) };
      next.result.catch(() => {}); // It is awaited below; until then a failure is not unhandled.
      started++;
      const previous = pending;
      pending = next;
      if (previous) await settle(previous);
    }
    if (pending) await settle(pending);
    if (this.#position.batch < batches) return undefined;
    const { sums, step: steps } = this.#position;
    const seconds = (performance.now() - begun) / 1000;
    const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / batches]));
    this.#position = { ...this.#position, epoch: epoch + 1, batch: 0, sums: {} };
    return {
      stage,
      epoch: epoch + 1,
      step: steps,
      lr,
      ...(means as { loss: number }),
      seconds,
      imagesPerSecond: ((batches - startBatch) * this.#config.batch) / seconds,
    };
  }

  #count(losses: StepLosses, adam: Adam): void {
    const { sums, batch, step } = this.#position;
    const added = Object.fromEntries(
      Object.entries(losses).map(([name, value]) => [name, (sums[name] ?? 0) + Number(value)]),
    );
    this.#position = { ...this.#position, batch: batch + 1, step: step + 1, sums: added, adamSteps: adam.steps };
  }

  /** The rate of step `step` of a stage's `total`. */
  #learningRate(step: number, total: number): number {
    const { lr, schedule } = this.#config;
    return schedule === "constant" ? lr : 0.5 * lr * (1 + Math.cos((Math.PI * step) / total));
  }

  /** The present state as a file's bytes. @throws DivergedError rather than let a bad one replace a good one */
  async #checkpoint(adam: Adam): Promise<Uint8Array> {
    // An epoch that is done counts as the next one, or the next stage, at its beginning.
    this.#stage();
    const fresh = this.#position.epoch === 0 && this.#position.batch === 0;
    const position = { ...this.#position, adamSteps: fresh ? 0 : adam.steps };
    return writeCheckpoint(this.#gpu, this.net, adam, { config: this.#config, position, best: this.#best });
  }
}

interface Pending {
  batch: Batch;
  result: Promise<StepResult>;
}
