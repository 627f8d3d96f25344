/** ResNeXt-50 in jax-js; in how many groups its convolutions are, their weights say. */
import { numpy as np } from "@jax-js/jax";
import type { NetworkOptions } from "../../shared-networks.ts";
import { stemPool } from "./layers.ts";
import type { JaxArray } from "./library.ts";
import { classLoss, linear, type JaxNetwork, type Kind, type Output, type Parameters } from "./network.ts";

const BLOCKS = [3, 4, 6, 3];

function forward(image: JaxArray, p: Parameters, _: NetworkOptions, { block }: Kind): Output {
  const bottleneck = (path: string, x: JaxArray, stride: number, project: boolean): JaxArray => {
    const residual = project ? block(`${path}.downsample.0`, `${path}.downsample.1`, x, { stride, relu: false }) : x;
    const y = block(`${path}.conv1`, `${path}.bn1`, x, { relu: true });
    const z = block(`${path}.conv2`, `${path}.bn2`, y, { stride, relu: true });
    return block(`${path}.conv3`, `${path}.bn3`, z, { relu: true, residual });
  };
  let y = stemPool(block("conv1", "bn1", image, { stride: 2, relu: true }));
  for (const [i, blocks] of BLOCKS.entries()) {
    for (let j = 0; j < blocks; j++) y = bottleneck(`layer${i + 1}.${j}`, y, i > 0 && j === 0 ? 2 : 1, j === 0);
  }
  return { logits: linear(np.mean(y.ref, [2, 3]), p, "fc") };
}

export const resnext: JaxNetwork = { forward, loss: classLoss };
