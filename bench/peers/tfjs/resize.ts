/**
 * Bilinear resizing with half-pixel centres. tfjs has the forward pass; its gradient ignores `halfPixelCenters` and is
 * wrong, so both have another here.
 */
import { constant } from "./constants.ts";
import { tf } from "./library.ts";

/** [N, H, W, C] -> [N, 2 H, 2 W, C]. */
export function upsample2x(x: tf.Tensor4D): tf.Tensor4D {
  const [, h, w, c] = x.shape;
  return tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    save([]);
    const value = tf.image.resizeBilinear(x, [2 * h, 2 * w], false, true);
    // An input pixel contributes 3/4 to the two output pixels in it and 1/4 to the next ones, in each direction; at the
    // border, where the nearest neighbour is repeated, the outermost output pixel takes all, which the mirror adds.
    const gradFunc = (dy: tf.Tensor4D) => {
      const mirrored = tf.mirrorPad(dy, [[0, 0], [1, 1], [1, 1], [0, 0]], "symmetric"); // prettier-ignore
      return tf.depthwiseConv2d(mirrored, adjoint(c), 2, "valid");
    };
    return { value, gradFunc };
  })(x);
}

/** [4, 4, C, 1]. */
const adjoint = (channels: number): tf.Tensor4D =>
  constant(`adjoint ${channels}`, () => {
    const taps = [0.25, 0.75, 0.75, 0.25];
    const values = taps.flatMap((a) => taps.flatMap((b) => new Array<number>(channels).fill(a * b)));
    return tf.tensor4d(values, [4, 4, channels, 1]);
  });

/** Maps of any size: [N, H, W] -> [N, size[0], size[1]], as products with constant matrices, which tfjs differentiates. */
export function resizeMap(x: tf.Tensor3D, [oh, ow]: readonly [number, number]): tf.Tensor3D {
  const [, h, w] = x.shape;
  const [vertical, horizontal] = [interpolation(h, oh), interpolation(w, ow)];
  return tf.matMul<tf.Tensor3D>(tf.matMul<tf.Tensor3D>(vertical, x), horizontal, false, true);
}

/** The matrix [1, to, from] of linear interpolation. */
const interpolation = (from: number, to: number): tf.Tensor3D =>
  constant(`interpolation ${from} ${to}`, () => {
    const matrix = new Float32Array(to * from);
    for (let i = 0; i < to; i++) {
      const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
      const below = Math.floor(at);
      const above = Math.min(below + 1, from - 1);
      matrix[i * from + below]! += 1 - (at - below);
      matrix[i * from + above]! += at - below;
    }
    return tf.tensor3d(matrix, [1, to, from]);
  });
