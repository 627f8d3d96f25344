/** The trainer: runs a model's phases one after another. */
import type { Batch } from "../data/sample.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { releaseVariables } from "../graph/storage.ts";
import type { Evaluation } from "../metrics/evaluation.ts";
import { ConfigError } from "../models/config-error.ts";
import type { Model, Phase } from "../models/model.ts";
import { Adam, adamDefaults } from "../optim/adam.ts";
import { learningRate } from "../optim/schedule.ts";
import { betterThan } from "./best.ts";
import { buildModel } from "./build.ts";
import {
  loadMoments,
  loadWeights,
  start,
  writeCheckpoint,
  type Best,
  type Checkpoint,
  type Position,
} from "./checkpoint.ts";
import { classesOf } from "./classes.ts";
import { specOf, type TrainConfig } from "./config.ts";
import { evaluate, type ImageResult } from "./evaluate.ts";
import type { InitialWeights } from "./initial.ts";
import { variantsOf } from "./kernels.ts";
import { runSteps, until } from "../loop/pipeline.ts";
import { Predictor } from "./predictor.ts";
import { TrainingStep, type StepLosses, type StepOptions, type StepResult } from "./step.ts";
import type { EpochRecord, FitOptions, TrainerEvents, TrainingData, TrainingResult } from "./training.ts";

/** Steps after which a phase is warm. */
const WARM_STEPS = 3;

/** A phase in progress. */
interface Fitting {
  phase: Phase;
  step: TrainingStep;
  adam: Adam;
  predictor: Predictor;
  /** Steps per epoch. */
  batches: number;
  epochs: number;
  /** Called after each step; the next one may be in progress. */
  onTaken: (batch: Batch) => Promise<void>;
}

export class Trainer {
  readonly model: Model;
  readonly #gpu: Gpu;
  readonly #config: TrainConfig;
  readonly #data: TrainingData;
  #position: Position;
  #best: Best | undefined;
  /** Milliseconds between saves, 0 for only after each epoch; and when the last one was. */
  #saveEveryMs = 0;
  #savedMs = 0;
  #follow: Float32Array | undefined;
  #resumed: { checkpoint: Checkpoint; file: string } | undefined;

  constructor(gpu: Gpu, config: TrainConfig, data: TrainingData) {
    this.#gpu = gpu;
    this.#config = config;
    this.#data = data;
    this.model = buildModel(config);
    this.#position = this.#settled(start);
  }

  /** Resumes from a checkpoint. @throws CheckpointError */
  resume(checkpoint: Checkpoint, file: string): void {
    loadWeights(this.#gpu, this.model.net, checkpoint, file);
    this.#position = this.#settled(checkpoint.position);
    this.#best = checkpoint.best;
    this.#resumed = { checkpoint, file };
  }

  /** Begins from these weights instead of the seed's. @throws StateDictError if they are not the network's */
  begin({ state }: Pick<InitialWeights, "state">): void {
    this.model.net.loadStateDict(this.#gpu, state);
  }

  /** The current state before the first step of a phase, serialised: `resume` goes on from there. */
  checkpoint(): Promise<Uint8Array> {
    return this.#checkpoint(undefined);
  }

  /**
   * Checks, before any work, for what would make `fit` fail.
   * @throws ConfigError if a phase has too few images for one batch; PlanError if its step does not fit the adapter
   */
  check(): void {
    for (const phase of this.model.trained) {
      this.#batches(phase);
      TrainingStep.requireFit(this.#gpu, phase, this.#stepOptions);
    }
  }

  /** The kernel variants in use (kernels.ts). */
  get variants(): string {
    return variantsOf(this.#gpu, this.model, this.#stepOptions);
  }

  /**
   * Trains from the current position to the end, or until `signal` is aborted; then the last step is completed and saved.
   * With `saveEvery` the state is also saved within long epochs, which does not affect the results.
   * @throws ConfigError and PlanError as `check` does; DivergedError
   */
  async fit(
    events: TrainerEvents,
    signal?: AbortSignal,
    { saveEvery = 0, follow }: FitOptions = {},
  ): Promise<TrainingResult> {
    this.#follow = follow;
    this.#saveEveryMs = saveEvery * 1000;
    this.#savedMs = performance.now();
    let last: Evaluation | undefined;
    for (;;) {
      const phase = this.model.phases[this.#position.stage];
      if (!phase) return { finished: true, last, best: this.#best };
      const outcome = await this.#fitPhase(phase, events, signal);
      last = outcome.last ?? last;
      if (!outcome.finished) return { finished: false, last, best: this.#best };
    }
  }

  /** Frees the network's device memory; the trainer cannot be used afterwards. */
  release(): void {
    this.model.net.release(this.#gpu);
  }

  get #stepOptions(): StepOptions {
    const { batch, size, recompute } = this.#config;
    return { batch, size, recompute, weight: this.#data.classWeights };
  }

  #epochs({ name }: Phase): number {
    return this.#config.epochs[name]!;
  }

  /** The same position, unless its phase is done: then the beginning of the next one with epochs. */
  #settled(position: Position): Position {
    const phase = this.model.phases[position.stage];
    if (phase === undefined || position.epoch < this.#epochs(phase)) return position;
    return this.#settled({ ...start, stage: position.stage + 1, step: position.step });
  }

  /** Batches per epoch. @throws ConfigError if there is none */
  #batches(phase: Phase): number {
    const { batch } = this.#config;
    const images = this.#data.images(phase);
    if (images < batch) {
      const where = phase.title.toLowerCase();
      throw new ConfigError(`${batch} is more than the ${images} training images of the ${where}`, "batch");
    }
    return Math.floor(images / batch);
  }

  async #fitPhase(phase: Phase, events: TrainerEvents, signal: AbortSignal | undefined) {
    const fitting = await this.#begin(phase, events);
    let last: Evaluation | undefined;
    try {
      while (this.model.phases[this.#position.stage] === phase) {
        const record = await this.#fitEpoch(fitting, events, signal);
        const evaluated = record && this.#isEvaluated(record) ? await this.#evaluate(fitting, signal) : undefined;
        if (!record || signal?.aborted) {
          await this.#save(events, await this.#checkpoint(fitting.adam));
          return { finished: false, last };
        }
        if (evaluated) last = record.validation = evaluated.metrics;
        await this.#endEpoch(record, evaluated?.images, fitting.adam, events);
        if (this.#follow) await events.onFollowed?.(record, await fitting.predictor.predict(this.#follow));
      }
      return { finished: true, last };
    } finally {
      fitting.step.plan.destroy();
      fitting.predictor.destroy();
      releaseVariables(
        this.#gpu,
        fitting.adam.state.map(([, v]) => v),
      );
    }
  }

  /** Compiles what a phase runs, and announces it. */
  async #begin(phase: Phase, events: TrainerEvents): Promise<Fitting> {
    const { batch, size } = this.#config;
    const epochs = this.#epochs(phase);
    const batches = this.#batches(phase);
    const { epoch, batch: inEpoch } = this.#position;
    const images = this.#data.images(phase);
    const done = epoch * batches + inEpoch;
    events.onPhase?.({ stage: phase.name, title: phase.title, images, batches, epochs, done });
    const adam = new Adam(phase.slabs, adamDefaults);
    if (this.#resumed && this.#position.adamSteps > 0)
      loadMoments(this.#gpu, adam, this.#resumed.checkpoint, this.#resumed.file);
    this.#resumed = undefined;
    const begun = performance.now();
    const step = await TrainingStep.create(this.#gpu, phase, adam, this.#stepOptions);
    const predictor = await Predictor.create(this.#gpu, (x) => phase.infer(x), { batch, size });
    const next = this.model.phases[this.#position.stage + 1];
    if (next && this.#epochs(next) > 0) {
      // A failure here recurs, and is reported, when that phase begins.
      TrainingStep.ahead(this.#gpu, next, this.#stepOptions).catch(() => {});
    }
    events.onCompiled?.(step, (performance.now() - begun) / 1000);
    let untilWarm = Math.min(WARM_STEPS, epochs * batches - done);
    const onTaken = async (batch: Batch) => {
      if (--untilWarm === 0) await events.onWarm?.(phase.name, step, batch);
    };
    return { phase, step, adam, predictor, batches, epochs, onTaken };
  }

  #isEvaluated({ stage, epoch }: EpochRecord): boolean {
    return epoch % this.#config.evalEvery === 0 || epoch === this.#config.epochs[stage];
  }

  /** Evaluates the validation images; undefined if interrupted. */
  async #evaluate({ phase, predictor }: Fitting, signal: AbortSignal | undefined) {
    const { unlabelled, bare, outlines } = this.#data;
    const result = await evaluate(predictor, until(signal, this.#data.validation()), {
      unlabelled,
      ...(bare ? { bare } : {}),
      ...(outlines ? { outlines } : {}),
      classes: classesOf(this.#config),
      classifies: phase.classifies,
      loss: { maskTerm: specOf(this.#config).maskTerm(this.#config) },
    });
    return signal?.aborted ? undefined : result;
  }

  /** Saves the results of an epoch. */
  async #endEpoch(
    record: EpochRecord,
    evaluated: readonly ImageResult[] | undefined,
    adam: Adam,
    events: TrainerEvents,
  ): Promise<void> {
    const better = betterThan(this.#best, record, this.model.phase(record.stage).best);
    this.#best = better ?? this.#best;
    this.#position = this.#settled({ ...this.#position, epoch: record.epoch, batch: 0, sums: {} });
    const bytes = await this.#checkpoint(adam);
    if (better) await events.save("best", bytes);
    if (evaluated) await events.onEvaluated?.(evaluated, better !== undefined);
    // Before the checkpoint: a run killed between the two writes this record again, instead of never.
    await events.onEpoch?.(record);
    await this.#save(events, bytes);
  }

  /** Trains the rest of the current epoch; undefined if interrupted. */
  async #fitEpoch(
    { phase, step, adam, batches, epochs, onTaken }: Fitting,
    events: TrainerEvents,
    signal: AbortSignal | undefined,
  ): Promise<EpochRecord | undefined> {
    const { schedule, batch: batchSize } = this.#config;
    const { name: stage } = phase;
    const { epoch, batch: startBatch } = this.#position;
    const rate = (batch: number) =>
      learningRate(schedule, phase.learningRate, epoch * batches + batch, epochs * batches);
    let begun = performance.now();
    /** Work that is not training: stops the epoch's clock. */
    const aside = async (work: () => Promise<void>) => {
      const from = performance.now();
      await work();
      begun += performance.now() - from;
    };
    let started = startBatch;
    await runSteps<Batch, StepResult>(until(signal, this.#data.epoch(phase, { epoch, startBatch })), {
      begin: (batch) => step.run(batch, rate(started++)),
      end: async (batch, { losses, finite }) => {
        if (!finite) throw await step.diagnose(batch, this.#position.step + 1);
        this.#count(losses);
        events.onStep?.({ stage, epoch: epoch + 1, epochs, batch: this.#position.batch, batches, loss: losses.loss });
        await aside(() => onTaken(batch));
      },
      pauses: () => this.#isSavingDue,
      onPause: () => aside(async () => this.#save(events, await this.#checkpoint(adam))),
    });
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
      imagesPerSecond: ((batches - startBatch) * batchSize) / seconds,
    };
  }

  /** Counts a finished step. */
  #count(losses: StepLosses): void {
    const { sums, batch, step, adamSteps, ...rest } = this.#position;
    const added = Object.fromEntries(Object.entries(losses).map(([name, value]) => [name, (sums[name] ?? 0) + value]));
    this.#position = { ...rest, batch: batch + 1, step: step + 1, sums: added, adamSteps: adamSteps + 1 };
  }

  get #isSavingDue(): boolean {
    return this.#saveEveryMs > 0 && performance.now() - this.#savedMs >= this.#saveEveryMs;
  }

  /** Saves a checkpoint to resume from. */
  async #save(events: TrainerEvents, bytes: Uint8Array): Promise<void> {
    await events.save("last", bytes);
    this.#savedMs = performance.now();
  }

  /** The current state, serialised. @throws DivergedError rather than let a bad one replace a good one */
  #checkpoint(adam: Adam | undefined): Promise<Uint8Array> {
    const { net } = this.model;
    return writeCheckpoint(this.#gpu, net, adam, { config: this.#config, position: this.#position, best: this.#best });
  }
}
