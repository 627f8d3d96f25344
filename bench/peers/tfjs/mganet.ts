/** MGA-Net in tfjs. The structure is that of src/models/. */
import type { NetworkOptions } from "../../shared-networks.ts";
import { scalar } from "./constants.ts";
import { tf } from "./library.ts";
import { spatialMean } from "./means.ts";
import { mga } from "./mga.ts";
import { classLoss, type BatchTensors, type Layers, type Output, type TfjsNetwork } from "./network.ts";
import { stemPool } from "./pooling.ts";
import { upsample2x } from "./resize.ts";

/** Blocks of the four layers: ResNet34 and ResNet18. */
const classifierBlocks = [3, 4, 6, 3];
const encoderBlocks = [2, 2, 2, 2];

function forward(image: tf.Tensor4D, layers: Layers, { fusion, at }: NetworkOptions): Output {
  if (fusion !== "parallel" || at === "every-block") {
    throw new RangeError("this peer knows parallel fusion after whole layers only");
  }
  const stem = (path: string) =>
    layers.block(`${path}.conv1`, `${path}.bn1`, image, { stride: 2, relu: true, onImage: true });
  const mask = tf.sigmoid(segment(stem("segmenter.encoder"), layers));
  const enhance = (scale: number, f: tf.Tensor4D): tf.Tensor4D => {
    if (!at!.includes(scale)) return f;
    const get = <T extends tf.Tensor>(name: string) => layers.get<T>(`mga.L${scale}.${name}`);
    return mga(f, mask, {
      weight1: get("fc1.weight"),
      bias1: get("fc1.bias"),
      weight2: get("fc2.weight"),
      bias2: get("fc2.bias"),
    });
  };
  let y = stemPool(enhance(0, stem("classifier")));
  for (const [i, blocks] of classifierBlocks.entries()) {
    y = enhance(i + 1, layer(layers, "classifier", i, blocks, y));
  }
  const features: tf.Tensor2D = spatialMean(y).reshape([y.shape[0], y.shape[3]]);
  return { logits: layers.linear("fc", features), mask };
}

/** The features of the stem -> segmentation logits. */
function segment(stem: tf.Tensor4D, layers: Layers): tf.Tensor4D {
  const scales = [stem];
  let y = stemPool(stem);
  for (const [i, blocks] of encoderBlocks.entries()) {
    y = layer(layers, "segmenter.encoder", i, blocks, y);
    scales.push(y);
  }
  for (let i = 0; i < 5; i++) {
    const path = `segmenter.decoder.${i}`;
    const skip = scales[3 - i];
    const up = upsample2x(y);
    y = layers.block(`${path}.conv1`, `${path}.bn1`, skip ? tf.concat([up, skip], 3) : up, { relu: true });
    y = layers.block(`${path}.conv2`, `${path}.bn2`, y, { relu: true });
  }
  return layers.conv("segmenter.head", y);
}

/** Layer i of a ResNet, from 0. */
function layer(layers: Layers, path: string, i: number, blocks: number, x: tf.Tensor4D): tf.Tensor4D {
  let y = x;
  for (let j = 0; j < blocks; j++) {
    y = basicBlock(layers, `${path}.layer${i + 1}.${j}`, y, i > 0 && j === 0 ? 2 : 1);
  }
  return y;
}

function basicBlock(layers: Layers, path: string, x: tf.Tensor4D, stride: number): tf.Tensor4D {
  const residual = layers.has(`${path}.downsample.0`)
    ? layers.block(`${path}.downsample.0`, `${path}.downsample.1`, x, { stride })
    : x;
  const y = layers.block(`${path}.conv1`, `${path}.bn1`, x, { stride, relu: true });
  return layers.block(`${path}.conv2`, `${path}.bn2`, y, { relu: true, residual });
}

/** Cross entropy + alpha soft Dice. */
function loss(output: Output, batch: BatchTensors, { alpha }: NetworkOptions): tf.Scalar {
  const [mask, { target }] = [output.mask!, batch];
  const perSample = (x: tf.Tensor) => tf.sum(x.reshape([mask.shape[0], -1]), 1);
  const overlap = tf.add(tf.mul(perSample(tf.mul(mask, target)), scalar(2)), scalar(1));
  const dice = tf.div(overlap, tf.add(tf.add(perSample(mask), perSample(target)), scalar(1)));
  return tf.add(classLoss(output, batch), tf.mul(tf.sub(scalar(1), tf.mean(dice)), scalar(alpha!)));
}

export const mganet: TfjsNetwork = { forward, loss };
