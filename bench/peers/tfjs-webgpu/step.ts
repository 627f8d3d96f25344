/**
 * TensorFlow.js 4 on WebGPU, as well as it can do the training step: on our device, with the formulation of each
 * convolution that is fastest there (tfjs/conv2d.ts), reductions that avoid its slow ones (tfjs/means.ts), gradients of its
 * own for batch norm, attention, resizing, linear layers and layer norm, where tfjs' are slow or wrong, and one update for all small parameters.
 */
import type { Batch } from "../../../src/data/sample.ts";
import type { Gpu } from "../../../src/gpu/gpu.ts";
import type { LossAndGradients, StepImplementation, StepSetup } from "../peer.ts";
import { Trainables } from "../tfjs/adam.ts";
import { disposeConstants } from "../tfjs/constants.ts";
import { Convolutions } from "../tfjs/conv2d.ts";
import { flush, tf, useBackend, useDevice, type Backend } from "../tfjs/library.ts";
import type { TfjsNetwork } from "../tfjs/network.ts";
import { networkOf } from "../tfjs/networks.ts";
import { RunningStatistics } from "../tfjs/running-statistics.ts";
import { TrainingLayers } from "../tfjs/training-layers.ts";

export class TfjsStep implements StepImplementation {
  readonly #gpu: Gpu;
  readonly #backend: Backend;
  readonly #setup: StepSetup;
  readonly #network: TfjsNetwork;
  readonly #convolutions: Convolutions;
  readonly #trainables: Trainables;
  #running: RunningStatistics | undefined;

  private constructor(gpu: Gpu, backend: Backend, setup: StepSetup) {
    this.#gpu = gpu;
    this.#backend = backend;
    this.#setup = setup;
    this.#network = networkOf(setup.network);
    this.#convolutions = new Convolutions(setup.thorough);
    this.#trainables = new Trainables(setup.parameters);
  }

  /** @throws UnableError for a network that tfjs cannot compute */
  static async create(gpu: Gpu, setup: StepSetup): Promise<TfjsStep> {
    networkOf(setup.network);
    return new TfjsStep(gpu, await useDevice(gpu), setup);
  }

  async prepare(): Promise<void> {
    // A first pass tells which convolutions there are.
    await this.lossAndGradients(this.#setup.batch);
    await this.#convolutions.tune(async () => {
      flush(this.#backend);
      await this.#gpu.idle();
    });
  }

  async lossAndGradients(batch: Batch): Promise<LossAndGradients> {
    await useBackend("webgpu");
    const { value, grads } = tf.tidy(() => this.#pass(batch));
    const [loss] = await value.data();
    const gradients = new Map<string, Float32Array>();
    for (const [i, name] of this.#trainables.names.entries()) {
      gradients.set(name, (await grads[i]!.data()) as Float32Array);
    }
    tf.dispose([value, ...grads]);
    this.#gpu.check();
    return { loss: loss!, gradients };
  }

  async step(): Promise<number> {
    await useBackend("webgpu");
    const loss = tf.tidy(() => {
      const { value, grads, statistics } = this.#backpropagate(this.#setup.batch);
      this.#trainables.update(grads, this.#setup.lr);
      const layers = statistics.map(({ layer }) => layer);
      if (layers.length > 0) {
        this.#running ??= new RunningStatistics(this.#setup.parameters, layers);
        this.#running.update(statistics);
      }
      for (const { mean, variance } of statistics) tf.dispose([mean, variance]);
      return value;
    });
    const value = await this.#read(loss);
    loss.dispose();
    this.#gpu.check();
    return value;
  }

  /** Reads a scalar. Like our own plans, it waits without taking a core from a software adapter. */
  async #read(tensor: tf.Scalar): Promise<number> {
    flush(this.#backend);
    const [value] = await this.#gpu.wait(tensor.data());
    return value!;
  }

  /** Loss and gradients of a batch, statistics left alone. */
  #pass(batch: Batch) {
    const { value, grads, statistics } = this.#backpropagate(batch);
    for (const { mean, variance } of statistics) tf.dispose([mean, variance]);
    return { value, grads };
  }

  #backpropagate(batch: Batch) {
    const { size, options } = this.#setup;
    const { forward, loss } = this.#network;
    const [h, w] = size;
    const n = batch.label.length;
    const image = tf.tensor4d(batch.image, [n, h, w, 3]);
    const target = tf.tensor4d(batch.target, [n, h, w, 1]);
    const label = tf.oneHot(tf.tensor1d(Int32Array.from(batch.label), "int32"), 2) as tf.Tensor2D;
    const { names } = this.#trainables;
    let layers: TrainingLayers;
    const gradients = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
      layers = new TrainingLayers(new Map(names.map((name, i) => [name, tensors[i]!])), this.#convolutions);
      return loss(forward(image, layers, options), { label, target }, options);
    });
    const { value, grads } = gradients(this.#trainables.tensors());
    return { value, grads, statistics: layers!.statistics };
  }

  async state(): Promise<Map<string, Float32Array>> {
    await useBackend("webgpu");
    const tensors = tf.tidy(() => this.#trainables.tensors().map((t) => t.clone()));
    const state = (await this.#running?.read()) ?? new Map<string, Float32Array>();
    for (const [i, name] of this.#trainables.names.entries()) {
      state.set(name, (await tensors[i]!.data()) as Float32Array);
    }
    tf.dispose(tensors);
    return state;
  }

  /** Tensors that tfjs holds; constant from step to step unless something leaks. */
  get tensors(): number {
    return tf.memory().numTensors;
  }

  async destroy(): Promise<void> {
    await useBackend("webgpu");
    this.#trainables.dispose();
    this.#running?.dispose();
    this.#convolutions.dispose();
    disposeConstants();
  }
}
