/** What a network is in tfjs: a function of layers, which are those of training or of inference. */
import type { NetworkOptions } from "../../shared-networks.ts";
import { tf } from "./library.ts";

export interface ConvOptions {
  stride?: number;
  relu?: boolean;
  /** Added before the ReLU. */
  residual?: tf.Tensor4D | undefined;
  /** Whether x is the image, whose gradient nobody wants. */
  onImage?: boolean;
}

/** The layers of a network by their paths. */
export interface Layers {
  /** A parameter. */
  get<T extends tf.Tensor>(name: string): T;
  has(name: string): boolean;
  /** A convolution by itself, with its bias, padding (K - 1) / 2. */
  conv(path: string, x: tf.Tensor4D): tf.Tensor4D;
  /** A convolution (with its bias, if it has one) and the batch norm behind it. */
  block(conv: string, norm: string, x: tf.Tensor4D, options: ConvOptions): tf.Tensor4D;
  /** x [..., I] -> [..., O]; its weight is called `path`.weight unless `weight` says otherwise. */
  linear<T extends tf.Tensor>(path: string, x: T, options?: LinearOptions): T;
}

export interface LinearOptions {
  relu?: boolean;
  /** Names of weight and bias, where they are not `path`.weight and `path`.bias. */
  weight?: string;
  bias?: string;
}

export interface Output {
  /** [N, 2]. */
  logits: tf.Tensor2D;
  /** [N, H, W, 1]; undefined if the network has none. */
  mask?: tf.Tensor4D;
}

/** `label` is one-hot, [N, 2]; `target` [N, H, W, 1]. */
export interface BatchTensors {
  label: tf.Tensor2D;
  target: tf.Tensor4D;
}

export interface TfjsNetwork {
  /** Image [N, H, W, 3]. @throws RangeError for a variant that this peer does not know */
  readonly forward: (image: tf.Tensor4D, layers: Layers, options: NetworkOptions) => Output;
  /** Averaged over the batch. */
  readonly loss: (output: Output, batch: BatchTensors, options: NetworkOptions) => tf.Scalar;
}

/** Cross entropy. */
export const classLoss = ({ logits }: Output, { label }: BatchTensors): tf.Scalar =>
  tf.losses.softmaxCrossEntropy(label, logits);
