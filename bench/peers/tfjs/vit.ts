/** ViT-B/16 in tfjs. */
import { headsAt } from "../../../src/models/shared/transformer.ts";
import type { NetworkOptions } from "../../shared-networks.ts";
import { scalar } from "./constants.ts";
import { tf } from "./library.ts";
import { classLoss, type Layers, type Output, type TfjsNetwork } from "./network.ts";
import { gelu, layerNorm, softmax } from "./tokens.ts";

const PATCH = 16;
const EPS = 1e-6;

function forward(image: tf.Tensor4D, layers: Layers, { width }: NetworkOptions): Output {
  const { heads } = headsAt(12, 64, width);
  const norm = <T extends tf.Tensor>(path: string, x: T): T =>
    layerNorm(x, layers.get(`${path}.weight`), layers.get(`${path}.bias`), EPS);
  let y = embedded(image, layers);
  for (let i = 0; layers.has(`encoder.layers.encoder_layer_${i}.ln_1`); i++) {
    const path = `encoder.layers.encoder_layer_${i}`;
    y = tf.add<tf.Tensor3D>(y, attention(norm(`${path}.ln_1`, y), layers, `${path}.self_attention`, heads));
    const hidden = gelu(layers.linear(`${path}.mlp.0`, norm(`${path}.ln_2`, y)));
    y = tf.add<tf.Tensor3D>(y, layers.linear(`${path}.mlp.3`, hidden));
  }
  const [n, , c] = y.shape;
  const first: tf.Tensor2D = tf.slice(y, [0, 0, 0], [n, 1, c]).reshape([n, c]);
  return { logits: layers.linear("heads.head", norm("encoder.ln", first)) };
}

/** Image [N, H, W, 3] -> tokens [N, 1 + H W / 256, C]. The patches' convolution is a product of matrices, since patches do not overlap. */
function embedded(image: tf.Tensor4D, layers: Layers): tf.Tensor3D {
  const [n, h, w] = image.shape;
  const [rows, columns] = [h / PATCH, w / PATCH];
  const parts: tf.Tensor5D = image.reshape([n * rows, PATCH, columns, PATCH, 3]);
  const patches: tf.Tensor3D = tf.transpose(parts, [0, 2, 1, 3, 4]).reshape([n, rows * columns, 3 * PATCH ** 2]);
  const x = layers.linear("conv_proj", patches);
  const token = tf.tile<tf.Tensor3D>(layers.get("class_token"), [n, 1, 1]);
  return tf.add(tf.concat([token, x], 1), layers.get<tf.Tensor3D>("encoder.pos_embedding"));
}

/** x [N, T, C] -> [N, T, C]. */
function attention(x: tf.Tensor3D, layers: Layers, path: string, heads: number): tf.Tensor3D {
  const [n, t, c] = x.shape;
  const names = { weight: `${path}.in_proj_weight`, bias: `${path}.in_proj_bias` };
  const qkv: tf.Tensor4D = layers.linear(path, x, names).reshape([n, t, 3 * heads, c / heads]);
  const [q, k, v] = tf.split(tf.transpose(qkv, [0, 2, 1, 3]), 3, 1) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  const scores = tf.mul<tf.Tensor4D>(tf.matMul(q, k, false, true), scalar(1 / Math.sqrt(c / heads)));
  const y: tf.Tensor4D = tf.matMul(softmax(scores), v);
  return layers.linear(`${path}.out_proj`, tf.transpose(y, [0, 2, 1, 3]).reshape([n, t, c]));
}

export const vit: TfjsNetwork = { forward, loss: classLoss };
