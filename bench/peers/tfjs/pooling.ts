/** Poolings. */
import { poolingWeights } from "../adaptive-pooling.ts";
import { constant } from "./constants.ts";
import { tf } from "./library.ts";

/** The 3x3 max pooling with stride 2 after a ResNet's stem. */
export const stemPool = (x: tf.Tensor4D): tf.Tensor4D => tf.maxPool(x, 3, 2, [[0, 0], [1, 1], [1, 1], [0, 0]]); // prettier-ignore

/** PyTorch's adaptive average pooling to `size`, flattened: [N, OH OW C], as a product with a constant matrix, which tfjs differentiates. */
export function adaptivePool(x: tf.Tensor4D, size: readonly [number, number]): tf.Tensor2D {
  const [n, h, w, c] = x.shape;
  const pixels = size[0] * size[1];
  const key = `pooling ${h}x${w} ${size.join("x")}`;
  // [1, h w, pixels]: the product takes it transposed.
  const weights = constant(key, () => tf.tensor3d(poolingWeights([h, w], size), [1, h * w, pixels]));
  const maps: tf.Tensor3D = x.reshape([n, h * w, c]);
  return tf.matMul<tf.Tensor3D>(weights, maps, true).reshape([n, pixels * c]);
}
