/** ViT-B/16 in jax-js. */
import { nn, numpy as np } from "@jax-js/jax";
import { headsAt } from "../../../src/models/shared/transformer.ts";
import type { NetworkOptions } from "../../shared-networks.ts";
import type { JaxArray } from "./library.ts";
import { classLoss, linear, parameter, type JaxNetwork, type Output, type Parameters } from "./network.ts";

const PATCH = 16;
const EPS = 1e-6;

function forward(image: JaxArray, p: Parameters, { width }: NetworkOptions): Output {
  const { heads } = headsAt(12, 64, width);
  let y = embedded(image, p);
  for (let i = 0; `encoder.layers.encoder_layer_${i}.ln_1.weight` in p; i++) {
    const path = `encoder.layers.encoder_layer_${i}`;
    y = y.ref.add(attention(layerNorm(y, p, `${path}.ln_1`), p, `${path}.self_attention`, heads));
    const hidden = linear(layerNorm(y, p, `${path}.ln_2`), p, `${path}.mlp.0`);
    y = y.ref.add(linear(nn.gelu(hidden, { approximate: false }), p, `${path}.mlp.3`));
  }
  const first = y.ref.slice([], 0);
  return { logits: linear(layerNorm(first, p, "encoder.ln"), p, "heads.head") };
}

/** Image [N, 3, H, W] -> tokens [N, 1 + H W / 256, C]. The patches' convolution is a product of matrices, since patches do not overlap. */
function embedded(image: JaxArray, p: Parameters): JaxArray {
  const [n, , h, w] = image.shape as [number, number, number, number];
  const [rows, columns] = [h / PATCH, w / PATCH];
  const weight = parameter(p, "conv_proj.weight");
  const c = weight.shape[0]!;
  const patches = image.ref
    .reshape([n, 3, rows, PATCH, columns, PATCH])
    .transpose([0, 2, 4, 1, 3, 5])
    .reshape([n, rows * columns, 3 * PATCH * PATCH]);
  const kernel = weight.reshape([c, 3 * PATCH * PATCH]).transpose();
  const x = np.matmul(patches, kernel).add(parameter(p, "conv_proj.bias"));
  const token = np.broadcastTo(parameter(p, "class_token"), [n, 1, c]);
  return np.concatenate([token, x], 1).add(parameter(p, "encoder.pos_embedding"));
}

/** x [..., C]. */
function layerNorm(x: JaxArray, p: Parameters, path: string): JaxArray {
  const centred = x.ref.sub(np.mean(x.ref, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  const normal = centred.div(np.sqrt(variance.add(EPS)));
  return normal.mul(parameter(p, `${path}.weight`)).add(parameter(p, `${path}.bias`));
}

/** x [N, T, C] -> [N, T, C]. In single steps, since jax-js' own attention needs JavaScript that Node 20 lacks. */
function attention(x: JaxArray, p: Parameters, path: string, heads: number): JaxArray {
  const [n, t, c] = x.shape as [number, number, number];
  const all = np
    .matmul(x, parameter(p, `${path}.in_proj_weight`))
    .add(parameter(p, `${path}.in_proj_bias`))
    .reshape([n, t, 3, heads, c / heads])
    .transpose([2, 0, 3, 1, 4]);
  const [q, k, v] = [0, 1, 2].map((i) => all.ref.slice(i)) as [JaxArray, JaxArray, JaxArray];
  const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(c / heads));
  const y = np.matmul(nn.softmax(scores, -1), v).transpose([0, 2, 1, 3]).reshape([n, t, c]);
  return linear(y, p, `${path}.out_proj`);
}

export const vit: JaxNetwork = { forward, loss: classLoss };
