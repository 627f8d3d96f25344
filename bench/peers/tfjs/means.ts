/**
 * Means along some axes of [N, H, W, C]. Pooling over a window as large as the image gives the same numbers as tf.mean,
 * which transposes its operand first and then reduces through shared memory: on lavapipe it takes 3 to 50 times as long.
 */
import { scalar } from "./constants.ts";
import { tf } from "./library.ts";

/** Over all pixels, [N, H, W, C] -> [N, 1, 1, C]. */
export const spatialMean = (x: tf.Tensor4D): tf.Tensor4D => tf.avgPool(x, [x.shape[1], x.shape[2]], 1, "valid");

/** Over batch and pixels, [N, H, W, C] -> [1, 1, 1, C]. */
export function batchMean(x: tf.Tensor4D): tf.Tensor4D {
  const [n, , , c] = x.shape;
  // For a single image tfjs' 2-D pooling falls back to tf.mean; its 3-D pooling does not.
  const images: tf.Tensor5D = spatialMean(x).reshape([1, n, 1, 1, c]);
  return tf.avgPool3d(images, [n, 1, 1], 1, "valid").reshape([1, 1, 1, c]);
}

/** The sum over the channels, [N, H, W, C] -> [N, H, W, 1]. */
export function channelSum(x: tf.Tensor4D): tf.Tensor4D {
  const [n, h, w, c] = x.shape;
  const rows: tf.Tensor4D = x.reshape([n, h * w, c, 1]);
  return tf.mul(tf.avgPool(rows, [1, c], [1, c], "valid"), scalar(c)).reshape([n, h, w, 1]);
}

/** Over the last axis, [R, C] -> [R, 1]. */
export function rowMean(x: tf.Tensor2D): tf.Tensor2D {
  const [r, c] = x.shape;
  const rows: tf.Tensor4D = x.reshape([1, r, c, 1]);
  return tf.avgPool(rows, [1, c], [1, c], "valid").reshape([r, 1]);
}

/** The sum of all rows, [R, C] -> [C]. */
export function rowSum(x: tf.Tensor2D): tf.Tensor1D {
  const [r, c] = x.shape;
  const rows: tf.Tensor5D = x.reshape([1, r, 1, 1, c]);
  return tf.mul(tf.avgPool3d(rows, [r, 1, 1], 1, "valid"), scalar(r)).reshape([c]);
}
