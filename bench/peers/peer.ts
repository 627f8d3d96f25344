/** What the benchmark asks of every implementation of a training step, ours and the other libraries' alike. */
import type { Batch } from "../../src/data/sample.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { MGANetOptions } from "../../src/models/mganet.ts";

/** A parameter or running statistic, in our layout: HWIO convolution weights, [in, out] linear weights. */
export interface ParameterValue {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** False for running statistics. */
  readonly trainable: boolean;
}

/** One joint training step: everything that must be equal for all. */
export interface StepSetup {
  readonly model: MGANetOptions;
  /** Height and width of the input. */
  readonly size: readonly [number, number];
  /** Images [N, H, W, 3], classes [N], targets [N, H, W, 1]. */
  readonly batch: Batch;
  /** Weight of the segmentation loss. */
  readonly alpha: number;
  readonly lr: number;
  /** Initial values by PyTorch's names, in order of definition. */
  readonly parameters: ReadonlyMap<string, ParameterValue>;
}

export interface LossAndGradients {
  loss: number;
  /** By parameter name, in our layout. */
  gradients: Map<string, Float32Array>;
}

/** One implementation of the training step, its parameters at the setup's initial values. */
export interface StepImplementation {
  /** Compiles and tunes what `step` runs; to be called once, before it. */
  prepare(): Promise<void>;
  /** The loss of a batch of images of the setup's size and its gradients, at the present parameters; changes nothing. */
  lossAndGradients(batch: Batch): Promise<LossAndGradients>;
  /** Uploads the setup's batch, takes one step of Adam, moves the running statistics, and brings back the loss before the step. */
  step(): Promise<number>;
  /** The present parameters and running statistics, in our layout. */
  state(): Promise<Map<string, Float32Array>>;
  destroy(): void;
}

/** Another library. */
export interface Peer {
  /** As in the results. */
  readonly name: string;
  readonly version: string;
  /** Peers that run on WebGPU use `gpu`'s device. */
  createStep(gpu: Gpu, setup: StepSetup): Promise<StepImplementation>;
}
