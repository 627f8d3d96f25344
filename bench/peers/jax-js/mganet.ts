/** MGA-Net in jax-js. The structure is that of src/models/. */
import { lax, nn, numpy as np } from "@jax-js/jax";
import type { NetworkOptions } from "../../shared-networks.ts";
import { mga, stemPool, upsample2x } from "./layers.ts";
import type { JaxArray } from "./library.ts";
import {
  classLoss,
  linear,
  parameter,
  type BatchArrays,
  type JaxNetwork,
  type Kind,
  type Output,
  type Parameters,
} from "./network.ts";

/** Blocks of the four layers: ResNet34 and ResNet18. */
const classifierBlocks = [3, 4, 6, 3];
const encoderBlocks = [2, 2, 2, 2];

function forward(image: JaxArray, p: Parameters, { fusion, at }: NetworkOptions, { conv, block }: Kind): Output {
  if (fusion !== "parallel" || at === "every-block") {
    throw new RangeError("this peer knows parallel fusion after whole layers only");
  }
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
  const bias = parameter(p, "segmenter.head.bias").reshape([1, 1, 1, 1]);
  const mask = nn.sigmoid(conv(y, parameter(p, "segmenter.head.weight")).add(bias));

  const enhance = (scale: number, f: JaxArray): JaxArray => {
    if (!at!.includes(scale)) return f;
    const get = (name: string) => parameter(p, `mga.L${scale}.${name}`);
    return mga(f, mask, {
      weight1: get("fc1.weight"),
      bias1: get("fc1.bias"),
      weight2: get("fc2.weight"),
      bias2: get("fc2.bias"),
    });
  };
  y = stemPool(enhance(0, stem("classifier")));
  for (const [i, blocks] of classifierBlocks.entries()) y = enhance(i + 1, layer("classifier", i, blocks, y));
  return { logits: linear(np.mean(y.ref, [2, 3]), p, "fc"), mask };
}

/** Cross entropy + alpha soft Dice. */
function loss(output: Output, batch: BatchArrays, { alpha }: NetworkOptions): JaxArray {
  const [mask, target] = [output.mask!, lax.stopGradient(batch.target.ref)];
  const perSample = (x: JaxArray) => np.sum(x, [1, 2, 3]);
  const overlap = perSample(mask.ref.mul(target.ref)).mul(2).add(1);
  const dice = overlap.div(perSample(mask.ref).add(perSample(target.ref)).add(1));
  return classLoss(output, batch).add(np.mean(dice).mul(-1).add(1).mul(alpha!));
}

export const mganet: JaxNetwork = { forward, loss };
