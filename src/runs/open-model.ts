/** Opens a checkpoint for inference: its network, with the weights on a device. */
import type { Gpu } from "../gpu/gpu.ts";
import type { Classes } from "../data/classes.ts";
import type { Model, Phase } from "../models/model.ts";
import { buildModel } from "../train/build.ts";
import { isClassifier, loadWeights, trainedPhase } from "../train/checkpoint.ts";
import { classesOf } from "../train/classes.ts";
import { outlinesOf } from "../train/config.ts";
import { Predictor, type PredictorOptions } from "../train/predictor.ts";
import type { Loaded } from "./run.ts";

/** What is needed of a loaded checkpoint, wherever it came from. */
type Opened = Omit<Loaded, "store">;

export class OpenModel implements Disposable {
  readonly model: Model;
  readonly loaded: Opened;
  readonly classes: Classes;
  /** Whether the classifier has been trained: otherwise its probabilities are meaningless. */
  readonly isClassifier: boolean;
  /** Whether the network has learned outlines: otherwise its masks are meaningless. */
  readonly hasOutlines: boolean;
  readonly #gpu: Gpu;
  readonly #phase: Phase;
  readonly #predictors: Predictor[] = [];

  constructor(gpu: Gpu, loaded: Opened, model: Model) {
    const { checkpoint } = loaded;
    this.#gpu = gpu;
    this.loaded = loaded;
    this.model = model;
    this.classes = classesOf(checkpoint.config);
    this.isClassifier = isClassifier(checkpoint);
    this.hasOutlines = outlinesOf(checkpoint.config).learned;
    const trained = trainedPhase(checkpoint);
    this.#phase = trained ? model.phase(trained.name) : model.phases[0]!;
  }

  /**
   * A predictor of everything that the checkpoint can predict.
   * @param options.masksOnly leave out the classifier if the model has masks
   */
  async predictor({
    batch,
    half = false,
    masksOnly = false,
  }: Pick<PredictorOptions, "batch" | "half"> & { masksOnly?: boolean }): Promise<Predictor> {
    const { size } = this.loaded.checkpoint.config;
    const phase = masksOnly ? (this.model.phases.find((p) => !p.classifies) ?? this.#phase) : this.#phase;
    const predictor = await Predictor.create(this.#gpu, (x) => phase.infer(x), { batch, size, half });
    this.#predictors.push(predictor);
    return predictor;
  }

  /** Frees the network and its predictors. */
  [Symbol.dispose](): void {
    for (const predictor of this.#predictors) predictor.destroy();
    this.model.net.release(this.#gpu);
  }
}

/** @throws CheckpointError if the weights are not the network's */
export function openModel(gpu: Gpu, loaded: Opened): OpenModel {
  const model = buildModel(loaded.checkpoint.config);
  loadWeights(gpu, model.net, loaded.checkpoint, loaded.file);
  return new OpenModel(gpu, loaded, model);
}
