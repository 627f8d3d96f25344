/** VGG-16 with batch norm in jax-js. */
import { nn, numpy as np } from "@jax-js/jax";
import type { NetworkOptions } from "../../shared-networks.ts";
import { poolingWeights } from "../adaptive-pooling.ts";
import { halved } from "./layers.ts";
import type { JaxArray } from "./library.ts";
import { classLoss, linear, parameter, type JaxNetwork, type Kind, type Output, type Parameters } from "./network.ts";

/** Convolutions of each stage. */
const STAGES = [2, 2, 3, 3, 3];
/** Side of the maps that the classifier sees. */
const SIDE = 7;

function forward(image: JaxArray, p: Parameters, _: NetworkOptions, { block }: Kind): Output {
  let y = image;
  let number = 0;
  for (const count of STAGES) {
    for (let i = 0; i < count; i++) {
      y = block(`features.${number}`, `features.${number + 1}`, y, { relu: true });
      // The ReLU has a number, too.
      number += 3;
    }
    y = halved(y);
    number++;
  }
  const weight = parameter(p, "classifier.0.weight");
  const hidden = np.matmul(pooled(y), weight.reshape([-1, weight.shape[3]!])).add(parameter(p, "classifier.0.bias"));
  return { logits: linear(nn.relu(linear(nn.relu(hidden), p, "classifier.3")), p, "classifier.6") };
}

/** Maps [N, C, H, W] averaged to 7 x 7 pixels, flattened: [N, 49 C]. */
function pooled(x: JaxArray): JaxArray {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const weights = np.array(poolingWeights([h, w], [SIDE, SIDE]), { shape: [h * w, SIDE * SIDE] });
  return np.matmul(x.ref.reshape([n * c, h * w]), weights).reshape([n, c * SIDE * SIDE]);
}

export const vgg: JaxNetwork = { forward, loss: classLoss };
