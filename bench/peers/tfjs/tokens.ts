/** What transformers do with tokens, each with a gradient of its own: those that tfjs composes take more kernel calls. */
import { scalar } from "./constants.ts";
import { tf } from "./library.ts";
import { rowMean, rowSum } from "./means.ts";

/** (x - mean) / sqrt(variance + eps) weight + bias over the last axis of x [..., C]. */
export function layerNorm<T extends tf.Tensor>(x: T, weight: tf.Tensor1D, bias: tf.Tensor1D, eps: number): T {
  const c = x.shape.at(-1)!;
  const rows: tf.Tensor2D = x.reshape([x.size / c, c]);
  const y = tf.customGrad((...args) => {
    const [x, weight, bias, save] = args as unknown as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    const centred = tf.sub<tf.Tensor2D>(x, rowMean(x));
    const rstd = tf.rsqrt(tf.add(rowMean(tf.square(centred)), scalar(eps)));
    const normal = tf.mul<tf.Tensor2D>(centred, rstd);
    save([normal, rstd, weight]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const [normal, rstd, weight] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D];
      const g = tf.mul<tf.Tensor2D>(dy, weight);
      const along = tf.mul(normal, rowMean(tf.mul<tf.Tensor2D>(g, normal)));
      const dx = tf.mul(tf.sub(tf.sub(g, rowMean(g)), along), rstd);
      return [dx, rowSum(tf.mul(dy, normal)), rowSum(dy as tf.Tensor2D)];
    };
    return { value: tf.add(tf.mul(normal, weight), bias), gradFunc };
  })(rows, weight, bias);
  return y.reshape(x.shape);
}

/** x Phi(x), exactly. */
export const gelu = <T extends tf.Tensor>(x: T): T =>
  tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
    const phi = tf.mul(tf.add(tf.erf(tf.mul(x, scalar(Math.SQRT1_2))), scalar(1)), scalar(0.5));
    save([x, phi]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, phi] = saved as [tf.Tensor, tf.Tensor];
      const density = tf.mul(tf.exp(tf.mul(tf.square(x), scalar(-0.5))), scalar(1 / Math.sqrt(2 * Math.PI)));
      return tf.mul(dy, tf.add(phi, tf.mul(x, density)));
    };
    return { value: tf.mul(x, phi), gradFunc };
  })(x) as T;

/** Over the last axis. */
export const softmax = <T extends tf.Tensor>(x: T): T =>
  tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
    const y = tf.softmax(x);
    save([y]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [y] = saved as [tf.Tensor];
      const k = y.shape.at(-1)!;
      const product = tf.mul(dy, y);
      const sums = tf.mul(rowMean(product.reshape([y.size / k, k])), scalar(k)).reshape([...y.shape.slice(0, -1), 1]);
      return tf.sub(product, tf.mul(y, sums));
    };
    return { value: y, gradFunc };
  })(x) as T;
