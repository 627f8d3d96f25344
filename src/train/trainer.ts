/** Training in two stages: the segmentation branch alone, then both branches jointly. */
import type { Batch } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { releaseVariables } from "../graph/storage.ts";
import type { Slab } from "../graph/storage.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import { MGANet } from "../models/mganet.ts";
import { Adam, adamDefaults } from "../optim/adam.ts";
import { learningRate } from "../optim/schedule.ts";
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
import { stageSlabs, variantsOf } from "./kernels.ts";
import {
  evaluate,
  Predictor,
  stages,
  TrainingStep,
  type ImageResult,
  type Stage,
  type StepLosses,
  type StepOptions,
  type StepResult,
} from "./stage.ts";
import type { EpochRecord, FitOptions, TrainerEvents, TrainingData, TrainingResult } from "./training.ts";

/** Steps after which a stage is warm. */
const WARM_STEPS = 3;

export class Trainer {
  readonly net: MGANet;
  readonly #gpu: Gpu;
  readonly #config: TrainConfig;
  readonly #data: TrainingData;
  readonly #slabs: Record<Stage, readonly Slab[]>;
  #position: Position;
  #best: Best | undefined;
  /** Milliseconds between two savings, 0 for those after each epoch alone; and when the last one was. */
  #saveEvery = 0;
  #saved = 0;
  #resumed: { checkpoint: Checkpoint; file: string } | undefined;

  constructor(gpu: Gpu, config: TrainConfig, data: TrainingData) {
    this.#gpu = gpu;
    this.#config = config;
    this.#data = data;
    this.net = new MGANet(config, config.seed);
    this.#slabs = stageSlabs(this.net);
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

  /** Which variants of the kernels it computes with (kernels.ts). */
  get variants(): string {
    return variantsOf(this.#gpu, this.net, this.#slabs, this.#stepOptions);
  }

  /**
   * Trains from the present position to the end, or until `signal` is aborted; then the last step is completed and saved.
   * With `saveEvery` the state is saved within long epochs, too; that changes nothing of the results.
   * @throws ConfigError and PlanError as `check` does; DivergedError
   */
  async fit(events: TrainerEvents, signal?: AbortSignal, { saveEvery = 0 }: FitOptions = {}): Promise<TrainingResult> {
    this.#saveEvery = saveEvery * 1000;
    this.#saved = performance.now();
    let last: Evaluation | undefined;
    for (;;) {
      const stage = stages[this.#position.stage];
      if (!stage) return { finished: true, last, best: this.#best };
      const outcome = await this.#fitStage(stage, events, signal);
      last = outcome.last ?? last;
      if (!outcome.finished) return { finished: false, last, best: this.#best };
    }
  }

  /** Gives back what the network has on the device; the trainer is of no use afterwards. */
  release(): void {
    this.net.release(this.#gpu);
  }

  get #stepOptions(): TrainConfig & StepOptions {
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
    const next = stages[this.#position.stage + 1];
    if (next && config.epochs[next] > 0) {
      const later = new Adam(this.#slabs[next], adamDefaults);
      // What fails here fails again, and is reported, when that stage begins.
      TrainingStep.ahead(this.#gpu, this.net, later, next, this.#stepOptions).catch(() => {});
    }
    events.onCompiled?.(step, (performance.now() - begun) / 1000);
    let last: Evaluation | undefined;
    let untilWarm = Math.min(WARM_STEPS, (epochs - this.#position.epoch) * batches - this.#position.batch);
    const onTaken = async (batch: Batch) => {
      if (--untilWarm === 0) await events.onWarm?.(stage, step, batch);
    };
    try {
      while (stages[this.#position.stage] === stage) {
        const record = await this.#fitEpoch({ stage, step, adam, batches, epochs, onTaken }, events, signal);
        let evaluated: readonly ImageResult[] | undefined;
        if (record && (record.epoch % config.evalEvery === 0 || record.epoch === epochs)) {
          const batches = until(signal, this.#data.validation());
          const { unlabelled, bare } = this.#data;
          const { metrics, images } = await evaluate(predictor, batches, stage, unlabelled, bare, config);
          if (!signal?.aborted) {
            last = record.validation = metrics;
            evaluated = images;
          }
        }
        if (!record || signal?.aborted) {
          await this.#save(events, await this.#checkpoint(adam));
          return { finished: false, last };
        }
        const improved = this.#improves(record);
        const position = { ...this.#position, epoch: record.epoch, batch: 0, sums: {} };
        this.#position = this.#settled(position);
        const bytes = await this.#checkpoint(adam);
        if (improved) await events.save("best", bytes);
        if (evaluated) await events.onEvaluated?.(evaluated, improved);
        // Before the checkpoint: a run that is killed between the two writes this record once more, instead of never.
        await events.onEpoch?.(record);
        await this.#save(events, bytes);
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
    { stage, step, adam, batches, epochs, onTaken }: FittedStage,
    events: TrainerEvents,
    signal: AbortSignal | undefined,
  ): Promise<EpochRecord | undefined> {
    const { epoch, batch: startBatch } = this.#position;
    let begun = performance.now();
    const settle = async (pending: Pending) => {
      const { losses, finite } = await pending.result;
      if (!finite) throw await step.diagnose(pending.batch, this.#position.step + 1);
      this.#count(losses);
      events.onStep?.({ stage, epoch: epoch + 1, epochs, batch: this.#position.batch, batches, loss: losses.loss });
    };
    const { schedule, lr, jointLr } = this.#config;
    const peak = stage === "joint" ? jointLr : lr;
    const rate = (batch: number) => learningRate(schedule, peak, epoch * batches + batch, epochs * batches);
    const take = async (done: Pending) => {
      await settle(done);
      const settled = performance.now();
      await onTaken(done.batch);
      begun += performance.now() - settled;
    };
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
        if (!previous) continue;
        await take(previous);
        if (!this.#isSavingDue) continue;
        // What is saved is the state after a step that has ended, with none under way.
        pending = undefined;
        await take(next);
        const settled = performance.now();
        await this.#save(events, await this.#checkpoint(adam));
        begun += performance.now() - settled;
      }
      if (pending) await take(pending);
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

  /** Whether this epoch is the best so far, by F1 or, where that says nothing, by the loss; it is then remembered as that. */
  #improves({ stage, epoch, validation: metrics }: EpochRecord): boolean {
    const { f1, loss } = metrics ?? {};
    if (metrics && loss !== undefined) {
      if (this.#best?.loss !== undefined && loss >= this.#best.loss) return false;
      this.#best = { stage, epoch, loss, metrics };
      return true;
    }
    if (!metrics || f1 === undefined || (this.#best?.f1 !== undefined && f1 <= this.#best.f1)) return false;
    this.#best = { stage, epoch, f1, metrics };
    return true;
  }

  get #isSavingDue(): boolean {
    return this.#saveEvery > 0 && performance.now() - this.#saved >= this.#saveEvery;
  }

  /** Keeps a checkpoint to go on from. */
  async #save(events: TrainerEvents, bytes: Uint8Array): Promise<void> {
    await events.save("last", bytes);
    this.#saved = performance.now();
  }

  /** The present state as a file's bytes. @throws DivergedError rather than let a bad one replace a good one */
  #checkpoint(adam: Adam): Promise<Uint8Array> {
    const { net } = this;
    return writeCheckpoint(this.#gpu, net, adam, { config: this.#config, position: this.#position, best: this.#best });
  }
}

/** A stage under way. */
interface FittedStage {
  stage: Stage;
  step: TrainingStep;
  adam: Adam;
  /** Steps an epoch. */
  batches: number;
  epochs: number;
  /** Called after each step; the next one may be under way. */
  onTaken: (batch: Batch) => Promise<void>;
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
