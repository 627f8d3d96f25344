/**
 * `mganet-webgpu/train`: trains a network of one's own, and predicts with it.
 *
 * @module mganet-webgpu/train
 */
export type { HostArray } from "../kernels/kernel.ts";
export { accuracy } from "../loop/accuracy.ts";
export { DivergedError } from "../loop/diverged.ts";
export type { EvaluateOptions, Metric } from "../loop/evaluation.ts";
export type { Losses, LossAndTerms, Means, OutputsOf } from "../loop/loss.ts";
export {
  predictor,
  type Forward,
  type ForwardOutputs,
  type Predicted,
  type Predictor,
  type PredictorOptions,
} from "../loop/predictor.ts";
export type { Batches, BatchOf, SampleShapes, TensorsOf } from "../loop/samples.ts";
export {
  trainer,
  type EpochMeans,
  type FitOptions,
  type StepOptimizer,
  type Trainer,
  type TrainerOptions,
} from "../loop/trainer.ts";
