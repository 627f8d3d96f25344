/**
 * Inference of MGA-Net in tfjs, on either of its backends: batch norm folded into the convolutions, bias and ReLU fused with
 * them where tfjs can, and the formulation of each that is fastest.
 */
import type { MGANetOptions } from "../../../src/models/mganet/network.ts";
import { foldAll, linearOf, type Folded } from "../fold.ts";
import type { Inferred, InferenceImplementation, InferenceSetup } from "../peer.ts";
import { disposeConstants } from "./constants.ts";
import type { Session } from "./kernels.ts";
import { tf } from "./library.ts";
import { spatialMean } from "./means.ts";
import { mga } from "./mga.ts";
import { Tuner } from "./tune.ts";

/** A convolution with the batch norm behind it. */
interface Layer {
  filter: tf.Tensor4D;
  /** Of the transposed convolution that does the same at stride 1: rotated by 180 degrees, channels swapped. */
  turned: tf.Tensor4D;
  bias: tf.Tensor1D;
}

interface ConvOptions {
  stride?: number;
  relu?: boolean;
  /** Added before the ReLU. */
  residual?: tf.Tensor4D | undefined;
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

export async function createInference(session: Session, setup: InferenceSetup): Promise<InferenceImplementation> {
  await session.use();
  const network = new Network(setup);
  await network.tune(() => session.idle());
  return {
    async infer() {
      await session.use();
      return network.infer();
    },
    async destroy() {
      await session.use();
      network.dispose();
      disposeConstants();
    },
  };
}

class Network {
  readonly #setup: InferenceSetup;
  readonly #options: MGANetOptions;
  readonly #layers = new Map<string, Layer>();
  readonly #linear = new Map<string, tf.Tensor>();
  readonly #tuner = new Tuner();
  /** What to tune: key -> an example. */
  readonly #seen = new Map<string, { shape: [number, number, number, number]; layer: Layer; options: ConvOptions }>();

  constructor(setup: InferenceSetup) {
    if (setup.model.fusion !== "parallel" || setup.model.at === "every-block") {
      throw new RangeError("this peer knows parallel fusion after whole layers only");
    }
    this.#setup = setup;
    this.#options = setup.model;
    for (const [path, folded] of foldAll(setup.parameters)) this.#layers.set(path, toTensors(folded));
    for (const [name, { shape, data }] of linearOf(setup.parameters))
      this.#linear.set(name, tf.tensor(data, [...shape]));
  }

  /** A first pass tells which convolutions there are; the next ones run each as it is fastest. */
  async tune(idle: () => Promise<void>): Promise<void> {
    await this.infer();
    for (const [key, { shape, layer, options }] of this.#seen) {
      const x: tf.Tensor4D = tf.randomNormal(shape);
      const run = (formulation: Formulation) => formulation(x, layer, { ...options, residual: undefined });
      await this.#tuner.tune(key, formulations(options), run, idle);
      x.dispose();
    }
  }

  async infer(): Promise<Inferred> {
    const { size, n, image } = this.#setup;
    const [probabilities, mask] = tf.tidy(() => this.#forward(tf.tensor4d(image, [n, ...size, 3])));
    const [p, m] = await Promise.all([probabilities.data(), mask.data()]);
    tf.dispose([probabilities, mask]);
    return { malignant: Float32Array.from({ length: n }, (_, i) => p[2 * i + 1]!), mask: m as Float32Array };
  }

  #conv(path: string, x: tf.Tensor4D, options: ConvOptions): tf.Tensor4D {
    const layer = this.#layers.get(path)!;
    const key = `${x.shape.join("x")} * ${layer.filter.shape.join("x")} / ${options.stride ?? 1}`;
    this.#seen.set(key, { shape: x.shape, layer, options });
    return this.#tuner.choice(key, formulations(options))(x, layer, options);
  }

  #resnet(
    path: string,
    image: tf.Tensor4D,
    blocks: readonly number[],
    after: (i: number, y: tf.Tensor4D) => tf.Tensor4D,
  ) {
    const scales = [after(0, this.#conv(`${path}.conv1`, image, { stride: 2, relu: true }))];
    let y = tf.maxPool(scales[0]!, 3, 2, pads(1));
    for (const [i, count] of blocks.entries()) {
      for (let j = 0; j < count; j++) y = this.#block(`${path}.layer${i + 1}.${j}`, y, i > 0 && j === 0 ? 2 : 1);
      y = after(i + 1, y);
      scales.push(y);
    }
    return scales;
  }

  #block(path: string, x: tf.Tensor4D, stride: number): tf.Tensor4D {
    const projection = `${path}.downsample.0`;
    const residual = this.#layers.has(projection) ? this.#conv(projection, x, { stride }) : x;
    const y = this.#conv(`${path}.conv1`, x, { stride, relu: true });
    return this.#conv(`${path}.conv2`, y, { relu: true, residual });
  }

  #forward(image: tf.Tensor4D): [tf.Tensor2D, tf.Tensor4D] {
    const scales = this.#resnet("segmenter.encoder", image, [2, 2, 2, 2], (_, y) => y);
    let y = scales[4]!;
    for (let i = 0; i < 5; i++) {
      const [, h, w] = y.shape;
      const up = tf.image.resizeBilinear(y, [2 * h, 2 * w], false, true);
      const skip = scales[3 - i];
      y = this.#conv(`segmenter.decoder.${i}.conv1`, skip ? tf.concat([up, skip], 3) : up, { relu: true });
      y = this.#conv(`segmenter.decoder.${i}.conv2`, y, { relu: true });
    }
    const mask = tf.sigmoid(this.#conv("segmenter.head", y, {}));
    const features = this.#resnet("classifier", image, [3, 4, 6, 3], (i, y) => this.#enhance(i, y, mask))[4]!;
    const pooled: tf.Tensor2D = spatialMean(features).reshape([features.shape[0], features.shape[3]]);
    const logits = tf.add(tf.matMul(pooled, this.#get("fc.weight")), this.#get("fc.bias"));
    return [tf.softmax(logits as tf.Tensor2D), mask];
  }

  #get<T extends tf.Tensor>(name: string): T {
    return this.#linear.get(name) as T;
  }

  #enhance(scale: number, f: tf.Tensor4D, mask: tf.Tensor4D): tf.Tensor4D {
    if (!this.#options.at.includes(scale as never)) return f;
    const get = <T extends tf.Tensor>(name: string) => this.#get<T>(`mga.L${scale}.${name}`);
    return mga(f, mask, {
      weight1: get("fc1.weight"),
      bias1: get("fc1.bias"),
      weight2: get("fc2.weight"),
      bias2: get("fc2.bias"),
    });
  }

  dispose(): void {
    for (const { filter, turned, bias } of this.#layers.values()) tf.dispose([filter, turned, bias]);
    tf.dispose([...this.#linear.values()]);
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
