/** MGA-Net in tfjs: functions of named parameters. The structure is that of src/models/. */
import type { MGANetOptions } from "../../../src/models/mganet/network.ts";
import { batchNorm, type BatchStatistics } from "./batchnorm.ts";
import { scalar } from "./constants.ts";
import type { Convolutions } from "./conv2d.ts";
import { tf } from "./library.ts";
import { spatialMean } from "./means.ts";
import { mga } from "./mga.ts";
import { upsample2x } from "./resize.ts";

export type Parameters = ReadonlyMap<string, tf.Tensor>;

/** Blocks of the four layers: ResNet34 and ResNet18. */
const classifierBlocks = [3, 4, 6, 3];
const encoderBlocks = [2, 2, 2, 2];

/** One forward pass in training mode. */
export class ForwardPass {
  /** Of every batch norm, in order of execution; the caller's to dispose. */
  readonly statistics: (BatchStatistics & { layer: string })[] = [];
  readonly #parameters: Parameters;
  readonly #convolutions: Convolutions;
  readonly #options: MGANetOptions;

  constructor(parameters: Parameters, convolutions: Convolutions, options: MGANetOptions) {
    if (options.fusion !== "parallel" || options.at === "every-block") {
      throw new RangeError("this peer knows parallel fusion after whole layers only");
    }
    this.#parameters = parameters;
    this.#convolutions = convolutions;
    this.#options = options;
  }

  /** Image [N, H, W, 3] -> class logits [N, 2] and segmentation logits [N, H, W, 1]. */
  run(image: tf.Tensor4D): { logits: tf.Tensor2D; segLogits: tf.Tensor4D; mask: tf.Tensor4D } {
    const segLogits = this.#segment(image);
    const mask = tf.sigmoid(segLogits);
    let y = stemPool(this.#enhance(0, this.#stem("classifier", image), mask));
    for (const [i, blocks] of classifierBlocks.entries()) {
      y = this.#enhance(i + 1, this.#layer("classifier", i, blocks, y), mask);
    }
    const features: tf.Tensor2D = spatialMean(y).reshape([y.shape[0], y.shape[3]]);
    const logits = tf.add<tf.Tensor2D>(tf.matMul(features, this.#get("fc.weight")), this.#get("fc.bias"));
    return { logits, segLogits, mask };
  }

  #get<T extends tf.Tensor>(name: string): T {
    const tensor = this.#parameters.get(name);
    if (!tensor) throw new Error(`parameter ${name} is missing`);
    return tensor as T;
  }

  #conv(path: string, x: tf.Tensor4D, stride = 1, differentiable = true): tf.Tensor4D {
    return this.#convolutions.apply(x, this.#get(`${path}.weight`), stride, differentiable);
  }

  #batchNorm(layer: string, x: tf.Tensor4D, relu: boolean, residual?: tf.Tensor4D): tf.Tensor4D {
    const report = (statistics: BatchStatistics) => this.statistics.push({ ...statistics, layer });
    return batchNorm(x, this.#get(`${layer}.weight`), this.#get(`${layer}.bias`), { relu, residual, report });
  }

  #stem(path: string, image: tf.Tensor4D): tf.Tensor4D {
    return this.#batchNorm(`${path}.bn1`, this.#conv(`${path}.conv1`, image, 2, false), true);
  }

  /** Layer i of a ResNet, from 0. */
  #layer(path: string, i: number, blocks: number, x: tf.Tensor4D): tf.Tensor4D {
    let y = x;
    for (let j = 0; j < blocks; j++) {
      y = this.#basicBlock(`${path}.layer${i + 1}.${j}`, y, i > 0 && j === 0 ? 2 : 1);
    }
    return y;
  }

  #basicBlock(path: string, x: tf.Tensor4D, stride: number): tf.Tensor4D {
    const project = this.#parameters.has(`${path}.downsample.0.weight`);
    const shortcut = project
      ? this.#batchNorm(`${path}.downsample.1`, this.#conv(`${path}.downsample.0`, x, stride), false)
      : x;
    const y = this.#batchNorm(`${path}.bn1`, this.#conv(`${path}.conv1`, x, stride), true);
    return this.#batchNorm(`${path}.bn2`, this.#conv(`${path}.conv2`, y), true, shortcut);
  }

  #segment(image: tf.Tensor4D): tf.Tensor4D {
    const scales = [this.#stem("segmenter.encoder", image)];
    let y = stemPool(scales[0]!);
    for (const [i, blocks] of encoderBlocks.entries()) {
      y = this.#layer("segmenter.encoder", i, blocks, y);
      scales.push(y);
    }
    for (let i = 0; i < 5; i++) {
      const path = `segmenter.decoder.${i}`;
      const skip = scales[3 - i];
      const up = upsample2x(y);
      y = this.#batchNorm(`${path}.bn1`, this.#conv(`${path}.conv1`, skip ? tf.concat([up, skip], 3) : up), true);
      y = this.#batchNorm(`${path}.bn2`, this.#conv(`${path}.conv2`, y), true);
    }
    return tf.add(this.#conv("segmenter.head", y), this.#get("segmenter.head.bias"));
  }

  #enhance(scale: number, f: tf.Tensor4D, mask: tf.Tensor4D): tf.Tensor4D {
    if (!this.#options.at.includes(scale as never)) return f;
    const path = `mga.L${scale}`;
    return mga(f, mask, {
      weight1: this.#get(`${path}.fc1.weight`),
      bias1: this.#get(`${path}.fc1.bias`),
      weight2: this.#get(`${path}.fc2.weight`),
      bias2: this.#get(`${path}.fc2.bias`),
    });
  }
}

const stemPool = (x: tf.Tensor4D): tf.Tensor4D => tf.maxPool(x, 3, 2, [[0, 0], [1, 1], [1, 1], [0, 0]]); // prettier-ignore

/** cross entropy + alpha soft Dice, both averaged over the batch. `label` is one-hot, [N, 2]. */
export function jointLoss(
  { logits, mask }: { logits: tf.Tensor2D; mask: tf.Tensor4D },
  label: tf.Tensor2D,
  target: tf.Tensor4D,
  alpha: number,
): tf.Scalar {
  const classification = tf.losses.softmaxCrossEntropy(label, logits);
  const perSample = (x: tf.Tensor) => tf.sum(x.reshape([mask.shape[0], -1]), 1);
  const overlap = tf.add(tf.mul(perSample(tf.mul(mask, target)), scalar(2)), scalar(1));
  const dice = tf.div(overlap, tf.add(tf.add(perSample(mask), perSample(target)), scalar(1)));
  return tf.add(classification, tf.mul(tf.sub(scalar(1), tf.mean(dice)), scalar(alpha)));
}
