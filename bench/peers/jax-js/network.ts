/** MGA-Net in jax-js: functions of named parameters. The structure is that of src/models/. */
import { lax, nn, numpy as np } from "@jax-js/jax";
import type { MGANetOptions } from "../../../src/models/mganet/network.ts";
import { mga, stemPool, upsample2x, type conv } from "./layers.ts";
import type { JaxArray } from "./library.ts";

export type Parameters = Record<string, JaxArray>;

/** A convolution with what follows it: batch norm or what it was folded into, residual, ReLU. */
export type ConvBlock = (conv: string, norm: string, x: JaxArray, options: ConvBlockOptions) => JaxArray;

export interface ConvBlockOptions {
  stride?: number;
  relu: boolean;
  residual?: JaxArray;
}

export interface Output {
  /** [N, 2]. */
  logits: JaxArray;
  /** [N, 1, H, W]. */
  mask: JaxArray;
}

/** Blocks of the four layers: ResNet34 and ResNet18. */
const classifierBlocks = [3, 4, 6, 3];
const encoderBlocks = [2, 2, 2, 2];

/** @throws RangeError for variants of the network that this peer does not know */
export function requireKnown({ fusion, at }: MGANetOptions): void {
  if (fusion !== "parallel" || at === "every-block") {
    throw new RangeError("this peer knows parallel fusion after whole layers only");
  }
}

/** What training and inference differ in. */
export interface Kind {
  conv: typeof conv;
  block: ConvBlock;
}

/** Image [N, 3, H, W]. */
export function forward(image: JaxArray, p: Parameters, { at }: MGANetOptions, { conv, block }: Kind): Output {
  const get = (name: string): JaxArray => {
    const array = p[name];
    if (!array) throw new Error(`parameter ${name} is missing`);
    return array;
  };
  const basicBlock = (path: string, x: JaxArray, stride: number, project: boolean): JaxArray => {
    const residual = project ? block(`${path}.downsample.0`, `${path}.downsample.1`, x, { stride, relu: false }) : x;
    const y = block(`${path}.conv1`, `${path}.bn1`, x, { stride, relu: true });
    return block(`${path}.conv2`, `${path}.bn2`, y, { relu: true, residual });
  };
  const layer = (path: string, i: number, blocks: number, x: JaxArray): JaxArray => {
    let y = x;
    // Every layer but the first begins with a step to half the size and twice the channels.
    for (let j = 0; j < blocks; j++) {
      const first = i > 0 && j === 0;
      y = basicBlock(`${path}.layer${i + 1}.${j}`, y, first ? 2 : 1, first);
    }
    return y;
  };
  const stem = (path: string) => block(`${path}.conv1`, `${path}.bn1`, image, { stride: 2, relu: true });

  const scales = [stem("segmenter.encoder")];
  let y = stemPool(scales[0]!);
  for (const [i, blocks] of encoderBlocks.entries()) {
    y = layer("segmenter.encoder", i, blocks, y);
    scales.push(y);
  }
  for (let i = 0; i < 5; i++) {
    const path = `segmenter.decoder.${i}`;
    const skip = scales[3 - i];
    const up = upsample2x(y);
    const x = skip ? np.concatenate([up, skip.ref], 1) : up;
    y = block(`${path}.conv1`, `${path}.bn1`, x, { relu: true });
    y = block(`${path}.conv2`, `${path}.bn2`, y, { relu: true });
  }
  const bias = get("segmenter.head.bias").ref.reshape([1, 1, 1, 1]);
  const mask = nn.sigmoid(conv(y, get("segmenter.head.weight")).add(bias));

  const enhance = (scale: number, f: JaxArray): JaxArray => {
    if (!at.includes(scale as never)) return f;
    const path = `mga.L${scale}`;
    return mga(f, mask, {
      weight1: get(`${path}.fc1.weight`),
      bias1: get(`${path}.fc1.bias`),
      weight2: get(`${path}.fc2.weight`),
      bias2: get(`${path}.fc2.bias`),
    });
  };
  y = stemPool(enhance(0, stem("classifier")));
  for (const [i, blocks] of classifierBlocks.entries()) y = enhance(i + 1, layer("classifier", i, blocks, y));
  const features = np.mean(y.ref, [2, 3]);
  return { logits: np.matmul(features, get("fc.weight").ref).add(get("fc.bias").ref), mask };
}

/** cross entropy + alpha soft Dice, both averaged over the batch. `label` is one-hot, [N, 2]; target [N, 1, H, W]. */
export function jointLoss({ logits, mask }: Output, label: JaxArray, target: JaxArray, alpha: number): JaxArray {
  const each = nn.logSoftmax(logits.ref, -1).mul(lax.stopGradient(label.ref));
  const classification = np.mean(np.sum(each, 1)).mul(-1);
  const perSample = (x: JaxArray) => np.sum(x, [1, 2, 3]);
  const overlap = perSample(mask.ref.mul(target.ref)).mul(2).add(1);
  const dice = overlap.div(perSample(mask.ref).add(perSample(target.ref)).add(1));
  return classification.add(np.mean(dice).mul(-1).add(1).mul(alpha));
}
