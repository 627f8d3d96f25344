/** Mask-Guided Attention in parallel fusion: f (1 + m + a). */
import { scalar } from "./constants.ts";
import { tf } from "./library.ts";
import { channelSum, spatialMean } from "./means.ts";
import { resizeMap } from "./resize.ts";

const EPS = 1e-6;

/** The weights of fc1 and fc2. */
export interface MGAParameters {
  weight1: tf.Tensor2D;
  bias1: tf.Tensor1D;
  weight2: tf.Tensor2D;
  bias2: tf.Tensor1D;
}

/** f [N, H, W, C], mask [N, h, w, 1] of probabilities -> f's shape. */
export function mga(f: tf.Tensor4D, mask: tf.Tensor4D, parameters: MGAParameters): tf.Tensor4D {
  const [n, h, w, c] = f.shape;
  const map: tf.Tensor3D = mask.reshape([n, mask.shape[1], mask.shape[2]]);
  const m: tf.Tensor4D = minMaxNormalise(resizeMap(map, [h, w])).reshape([n, h, w, 1]);
  const { weight1, bias1, weight2, bias2 } = parameters;
  const pooled: tf.Tensor2D = maskedMean(f, m).reshape([n, c]);
  const hidden = tf.relu<tf.Tensor2D>(tf.add(tf.matMul(pooled, weight1), bias1));
  const a: tf.Tensor4D = tf.sigmoid(tf.add(tf.matMul(hidden, weight2), bias2)).reshape([n, 1, 1, c]);
  return enhance(f, m, a);
}

/** Each map scaled by (x - min) / (max - min + eps). Of tied extremes each gets an equal share; tfjs gives all to each. */
function minMaxNormalise(x: tf.Tensor3D): tf.Tensor3D {
  const flat = x.reshape([x.shape[0], x.shape[1] * x.shape[2]]);
  const y = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    const low = tf.min(x, 1, true);
    const high = tf.max(x, 1, true);
    const range = tf.add(tf.sub(high, low), scalar(EPS));
    const value = tf.div(tf.sub(x, low), range);
    const share = (extreme: tf.Tensor) => {
      const equal = tf.cast(tf.equal(x, extreme), "float32");
      return tf.div(equal, tf.sum(equal, 1, true));
    };
    save([value, range, share(low), share(high)]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [y, range, lowest, highest] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const byHigh = tf.sum(tf.mul(dy, y), 1, true);
      const byLow = tf.sub(tf.sum(dy, 1, true), byHigh);
      return tf.div(tf.sub(tf.sub(dy, tf.mul(highest, byHigh)), tf.mul(lowest, byLow)), range);
    };
    return { value, gradFunc };
  })(flat);
  return y.reshape(x.shape);
}

/** The mean of f m over the pixels, [N, 1, 1, C]. */
function maskedMean(f: tf.Tensor4D, m: tf.Tensor4D): tf.Tensor4D {
  return tf.customGrad((...args) => {
    const [f, m, save] = args as unknown as [tf.Tensor4D, tf.Tensor4D, tf.GradSaveFunc];
    save([f, m]);
    const gradFunc = (dy: tf.Tensor4D, saved: tf.Tensor[]) => {
      const [f, m] = saved as [tf.Tensor4D, tf.Tensor4D];
      const each = tf.mul(dy, scalar(1 / (f.shape[1] * f.shape[2])));
      return [tf.mul(each, m), channelSum(tf.mul(f, each))];
    };
    return { value: spatialMean(tf.mul(f, m)), gradFunc };
  })(f, m);
}

/** f (1 + m + a). The gradients of m and a are sums over channels and pixels, for which tfjs would transpose. */
function enhance(f: tf.Tensor4D, m: tf.Tensor4D, a: tf.Tensor4D): tf.Tensor4D {
  return tf.customGrad((...args) => {
    const [f, m, a, save] = args as unknown as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.GradSaveFunc];
    const factor = tf.add<tf.Tensor4D>(m, tf.add(a, scalar(1)));
    save([f, factor]);
    const gradFunc = (dy: tf.Tensor4D, saved: tf.Tensor[]) => {
      const [f, factor] = saved as [tf.Tensor4D, tf.Tensor4D];
      const product = tf.mul<tf.Tensor4D>(dy, f);
      const da = tf.mul(spatialMean(product), scalar(f.shape[1] * f.shape[2]));
      return [tf.mul(dy, factor), channelSum(product), da];
    };
    return { value: tf.mul<tf.Tensor4D>(f, factor), gradFunc };
  })(f, m, a);
}
