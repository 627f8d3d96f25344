/** The running statistics of all batch norms, in one tensor. */
import type { ParameterValue } from "../peer.ts";
import type { BatchStatistics } from "./batchnorm.ts";
import { scalar } from "./constants.ts";
import { tf } from "./library.ts";

/** The share of the batch's statistics in the new running ones; PyTorch's default. */
const MOMENTUM = 0.1;

export class RunningStatistics {
  readonly #names: readonly string[];
  readonly #sizes: readonly number[];
  readonly #running: tf.Variable;
  /** MOMENTUM for every mean, MOMENTUM n / (n - 1) for every variance: PyTorch's running variance is the unbiased one. */
  #momenta: tf.Tensor1D | undefined;

  /** @param layers paths of the batch norms in the order of `update` */
  constructor(parameters: ReadonlyMap<string, ParameterValue>, layers: readonly string[]) {
    this.#names = layers.flatMap((layer) => [`${layer}.running_mean`, `${layer}.running_var`]);
    const initial = this.#names.map((name) => parameters.get(name)!.data);
    this.#sizes = initial.map((data) => data.length);
    this.#running = tf.tidy(() => tf.variable(tf.tensor1d(initial.flatMap((data) => [...data]))));
  }

  /** Moves them towards those of the batch; call within tf.tidy. */
  update(statistics: readonly BatchStatistics[]): void {
    this.#momenta ??= tf.keep(tf.tensor1d(statistics.flatMap(momenta)));
    const batch = tf.concat(statistics.flatMap(({ mean, variance }) => [mean, variance]));
    this.#running.assign(tf.add(tf.mul(this.#running, scalar(1 - MOMENTUM)), tf.mul(batch, this.#momenta)));
  }

  /** By name. */
  async read(): Promise<Map<string, Float32Array>> {
    const values = (await this.#running.data()) as Float32Array;
    let end = 0;
    return new Map(this.#names.map((name, i) => [name, values.slice(end, (end += this.#sizes[i]!))]));
  }

  dispose(): void {
    tf.dispose(this.#running);
    if (this.#momenta) tf.dispose(this.#momenta);
  }
}

function momenta({ mean: { size }, count }: BatchStatistics): number[] {
  const [mean, variance] = [MOMENTUM, (MOMENTUM * count) / (count - 1)];
  return Array.from({ length: 2 * size }, (_, i) => (i < size ? mean : variance));
}
