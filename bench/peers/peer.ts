/** What the benchmark asks of every implementation, ours and the other libraries' alike. */
import type { Batch } from "../../src/data/sample.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Layout } from "../../src/nn/layout.ts";
import type { Built } from "../shared-networks.ts";
import type { KernelCase } from "../kernels/case.ts";
import type { Operands } from "../kernels/data.ts";

/** A parameter or running statistic, in our layout: HWIO convolution weights, [in, out] linear weights. */
export interface ParameterValue {
  readonly shape: readonly number[];
  readonly layout: Layout;
  readonly data: Float32Array;
  /** False for running statistics. */
  readonly trainable: boolean;
}

/** Values by PyTorch's names, in order of definition. */
export type ParameterValues = ReadonlyMap<string, ParameterValue>;

/** One training step of a network's last phase: everything that must be equal for all. */
export interface StepSetup extends Built {
  /** Images [N, H, W, 3], classes [N], targets [N, H, W, 1]. */
  readonly batch: Batch;
  readonly lr: number;
  /** Whether a peer may take its time to find what is fastest. */
  readonly thorough?: boolean;
  /** Initial values. */
  readonly parameters: ParameterValues;
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
  destroy(): void | Promise<void>;
}

/** Inference on a batch of images with fixed parameters. */
export interface InferenceSetup extends Built {
  readonly n: number;
  /** [N, H, W, 3]. */
  readonly image: Float32Array;
  readonly parameters: ParameterValues;
}

export interface Inferred {
  /** Probability of malignancy of each image. */
  readonly malignant: Float32Array;
  /** Probability of nodule at every pixel, [N, H, W]; undefined if the network has no mask. */
  readonly mask: Float32Array | undefined;
}

export interface InferenceImplementation {
  /** Uploads the setup's images and brings the results back. */
  infer(): Promise<Inferred>;
  destroy(): void | Promise<void>;
}

/** One kernel on operands that are on the device already. */
export interface KernelImplementation {
  /** Runs it and brings back the results by name, in our layout. To be called before `run`. */
  results(): Promise<ReadonlyMap<string, Float32Array>>;
  /** Runs it so many times and waits until the device has done so; nothing is brought back. */
  run(times: number): Promise<void>;
  destroy(): void | Promise<void>;
}

/** A peer truly cannot compute something; the benchmark goes on without it, and says why. */
export class UnableError extends Error {
  override name = "UnableError";
}

/** Another library. What it has no part in is undefined. */
export interface Peer {
  /** As in the results. */
  readonly name: string;
  readonly version: string;
  /**
   * Peers that run on WebGPU use `gpu`'s device.
   * @throws UnableError for a network that the library cannot compute
   */
  createStep?(gpu: Gpu, setup: StepSetup): Promise<StepImplementation>;
  /** @throws UnableError, as `createStep` */
  createInference?(gpu: Gpu, setup: InferenceSetup): Promise<InferenceImplementation>;
  /** Whether it takes part in a kernel's benchmark; in all of them where undefined. */
  covers?(c: KernelCase): boolean;
  /** @throws UnableError where it turns out that the library cannot compute it */
  createKernel?(gpu: Gpu, c: KernelCase, operands: Operands): Promise<KernelImplementation>;
  /** Frees what the library itself keeps for later use; after everything that was created is destroyed. */
  release?(): void;
}
