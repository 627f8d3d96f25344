/** The layers in training mode. */
import { batchNorm, type BatchStatistics } from "./batchnorm.ts";
import type { Convolutions } from "./conv2d.ts";
import { tf } from "./library.ts";
import { addBias, trainableLinear } from "./linear.ts";
import type { ConvOptions, Layers, LinearOptions } from "./network.ts";

export type Parameters = ReadonlyMap<string, tf.Tensor>;

/** Those of one forward pass. */
export class TrainingLayers implements Layers {
  /** Of every batch norm, in order of execution; the caller's to dispose. */
  readonly statistics: (BatchStatistics & { layer: string })[] = [];
  readonly #parameters: Parameters;
  readonly #convolutions: Convolutions;

  constructor(parameters: Parameters, convolutions: Convolutions) {
    this.#parameters = parameters;
    this.#convolutions = convolutions;
  }

  get<T extends tf.Tensor>(name: string): T {
    const tensor = this.#parameters.get(name);
    if (!tensor) throw new Error(`parameter ${name} is missing`);
    return tensor as T;
  }

  has(path: string): boolean {
    return this.#parameters.has(`${path}.weight`);
  }

  conv(path: string, x: tf.Tensor4D): tf.Tensor4D {
    return this.#convolve(path, x, {});
  }

  block(conv: string, layer: string, x: tf.Tensor4D, options: ConvOptions): tf.Tensor4D {
    const { relu = false, residual } = options;
    const report = (statistics: BatchStatistics) => this.statistics.push({ ...statistics, layer });
    const y = this.#convolve(conv, x, options);
    return batchNorm(y, this.get(`${layer}.weight`), this.get(`${layer}.bias`), { relu, residual, report });
  }

  linear<T extends tf.Tensor>(path: string, x: T, options: LinearOptions = {}): T {
    const { relu = false, weight = `${path}.weight`, bias = `${path}.bias` } = options;
    const i = x.shape.at(-1)!;
    const [w, b] = [this.get(weight), this.get<tf.Tensor1D>(bias)];
    const matrix: tf.Tensor2D = w.reshape([i, w.size / i]);
    const y = trainableLinear(x.reshape([x.size / i, i]), matrix, b, relu);
    return y.reshape([...x.shape.slice(0, -1), b.size]);
  }

  #convolve(path: string, x: tf.Tensor4D, { stride = 1, onImage = false }: ConvOptions): tf.Tensor4D {
    const y = this.#convolutions.apply(x, this.get(`${path}.weight`), stride, !onImage);
    const bias = this.#parameters.get(`${path}.bias`);
    return bias ? addBias(y, bias as tf.Tensor1D) : y;
  }
}
