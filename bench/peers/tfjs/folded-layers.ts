/** The layers in inference: batch norm folded into the convolutions, bias and ReLU fused with them where tfjs can. */
import { foldAll, type Folded } from "../fold.ts";
import type { ParameterValues } from "../peer.ts";
import { tf } from "./library.ts";
import { linear } from "./linear.ts";
import type { ConvOptions, Layers, LinearOptions } from "./network.ts";
import { Tuner } from "./tune.ts";

/** A convolution with the batch norm behind it. */
interface Layer {
  filter: tf.Tensor4D;
  /** Of the transposed convolution that does the same at stride 1: rotated by 180 degrees, channels swapped. */
  turned: tf.Tensor4D;
  bias: tf.Tensor1D;
}

type Formulation = (x: tf.Tensor4D, layer: Layer, options: ConvOptions) => tf.Tensor4D;

const fused: Formulation = (x, { filter, bias }, { stride = 1, relu = false, residual }) => {
  const pad = (filter.shape[0] - 1) / 2;
  const activation = relu && !residual ? "relu" : "linear";
  const y = tf.fused.conv2d<tf.Tensor4D>({ x, filter, strides: stride, pad: pads(pad), bias, activation });
  return finish(y, relu && !!residual, residual);
};

// Its shader does without shared memory and barriers, which lavapipe runs faster.
const transposed: Formulation = (x, { turned, bias }, { relu = false, residual }) => {
  const [n, h, w] = x.shape;
  const [kernel, , co] = turned.shape;
  const y = tf.conv2dTranspose(x, turned, [n, h, w, co], 1, pads((kernel - 1) / 2));
  return finish(tf.add(y, bias), relu, residual);
};

function finish(y: tf.Tensor4D, relu: boolean, residual: tf.Tensor4D | undefined): tf.Tensor4D {
  const sum = residual ? tf.add<tf.Tensor4D>(y, residual) : y;
  return relu ? tf.relu(sum) : sum;
}

const pads = (n: number): [[0, 0], [number, number], [number, number], [0, 0]] => [[0, 0], [n, n], [n, n], [0, 0]]; // prettier-ignore

export class FoldedLayers implements Layers {
  readonly #convolutions = new Map<string, Layer>();
  readonly #others = new Map<string, tf.Tensor>();
  readonly #tuner = new Tuner();
  /** What to tune: key -> an example. */
  readonly #seen = new Map<string, { shape: [number, number, number, number]; layer: Layer; options: ConvOptions }>();

  constructor(parameters: ParameterValues) {
    const { convolutions, others } = foldAll(parameters);
    for (const [path, folded] of convolutions) this.#convolutions.set(path, toTensors(folded));
    for (const [name, { shape, data }] of others) this.#others.set(name, tf.tensor(data, [...shape]));
  }

  /** Measures the formulations of every convolution that has been applied so far; the next ones are as is fastest. */
  async tune(idle: () => Promise<void>): Promise<void> {
    for (const [key, { shape, layer, options }] of this.#seen) {
      const x: tf.Tensor4D = tf.randomNormal(shape);
      const run = (formulation: Formulation) => formulation(x, layer, { ...options, residual: undefined });
      await this.#tuner.tune(key, formulations(options), run, idle);
      x.dispose();
    }
  }

  get<T extends tf.Tensor>(name: string): T {
    const tensor = this.#others.get(name) ?? this.#part(name);
    if (!tensor) throw new Error(`parameter ${name} is missing`);
    return tensor as T;
  }

  /** Of a convolution that a network computes by other means. */
  #part(name: string): tf.Tensor | undefined {
    const layer = this.#convolutions.get(name.replace(/\.(weight|bias)$/, ""));
    return name.endsWith(".bias") ? layer?.bias : layer?.filter;
  }

  has(path: string): boolean {
    return this.#convolutions.has(path) || this.#others.has(`${path}.weight`);
  }

  conv(path: string, x: tf.Tensor4D): tf.Tensor4D {
    return this.block(path, "", x, {});
  }

  block(path: string, _: string, x: tf.Tensor4D, options: ConvOptions): tf.Tensor4D {
    const layer = this.#convolutions.get(path)!;
    const key = `${x.shape.join("x")} * ${layer.filter.shape.join("x")} / ${options.stride ?? 1}`;
    this.#seen.set(key, { shape: x.shape, layer, options });
    return this.#tuner.choice(key, formulations(options))(x, layer, options);
  }

  linear<T extends tf.Tensor>(path: string, x: T, options: LinearOptions = {}): T {
    const { relu = false, weight = `${path}.weight`, bias = `${path}.bias` } = options;
    const i = x.shape.at(-1)!;
    const [w, b] = [this.get(weight), this.get<tf.Tensor1D>(bias)];
    const y = linear(x.reshape([x.size / i, i]), w.reshape([i, w.size / i]), b, relu);
    return y.reshape([...x.shape.slice(0, -1), b.size]);
  }

  dispose(): void {
    for (const { filter, turned, bias } of this.#convolutions.values()) tf.dispose([filter, turned, bias]);
    tf.dispose([...this.#others.values()]);
  }
}

const formulations = ({ stride = 1 }: ConvOptions): Record<string, Formulation> =>
  stride === 1 ? { fused, transposed } : { fused };

function toTensors({ shape, weight, bias }: Folded): Layer {
  return tf.tidy(() => {
    const filter = tf.tensor4d(weight, [...shape]);
    const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
    return { filter, turned, bias: tf.tensor1d(bias) };
  });
}
