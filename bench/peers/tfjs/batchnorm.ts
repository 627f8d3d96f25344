/**
 * Batch normalisation in training mode, with residual and ReLU, and a gradient of its own: the one that tfjs composes
 * takes about twice as many kernel calls.
 */
import { scalar } from "./constants.ts";
import { tf } from "./library.ts";
import { batchMean } from "./means.ts";

const EPS = 1e-5;

/** What the running statistics move towards. */
export interface BatchStatistics {
  /** [C]; the variance is the biased one. */
  mean: tf.Tensor1D;
  variance: tf.Tensor1D;
  /** Elements of each channel. */
  count: number;
}

export interface BatchNormOptions {
  relu: boolean;
  /** Added before the ReLU. */
  residual?: tf.Tensor4D | undefined;
  /** Gets the statistics, which are the caller's to dispose. */
  report: (statistics: BatchStatistics) => void;
}

/**
 * relu?((x - mean) / sqrt(variance + eps) * weight + bias + residual?) with mean and variance of the batch.
 *
 * With z the value before the ReLU, g = dy [z > 0], c = x - mean, r = 1 / sqrt(variance + eps) and means over batch and
 * pixels: dx = weight r (g - mean(g) - c r^2 mean(g c)), d weight = N H W r mean(g c), d bias = N H W mean(g),
 * d residual = g.
 * @param x [N, H, W, C]
 * @param weight [C]
 * @param bias [C]
 */
export function batchNorm(
  x: tf.Tensor4D,
  weight: tf.Tensor1D,
  bias: tf.Tensor1D,
  { relu, residual, report }: BatchNormOptions,
): tf.Tensor4D {
  const channels = x.shape[3];
  const count = x.size / channels;
  const normalise = tf.customGrad((...args) => {
    const save = args.pop() as unknown as tf.GradSaveFunc;
    const [x, weight, bias, residual] = args as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor4D?];
    const mean = batchMean(x);
    const centred = tf.sub<tf.Tensor4D>(x, mean);
    const variance = batchMean(tf.square(centred));
    report({ mean: tf.keep(mean.reshape([channels])), variance: tf.keep(variance.reshape([channels])), count });
    const rstd = tf.rsqrt(tf.add(variance, scalar(EPS)));
    const scale = tf.mul<tf.Tensor4D>(weight, rstd);
    const affine = tf.add<tf.Tensor4D>(tf.mul(centred, scale), bias);
    const sum = residual ? tf.add<tf.Tensor4D>(affine, residual) : affine;
    const value = relu ? tf.relu(sum) : sum;
    save(relu ? [centred, rstd, scale, value] : [centred, rstd, scale]);
    return { value, gradFunc: backward };
  });
  const backward = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
    const [centred, rstd, scale, y] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor4D?];
    const g = (y ? tf.mul(dy, tf.step(y)) : dy) as tf.Tensor4D;
    const meanG = batchMean(g);
    const scaled = tf.mul<tf.Tensor4D>(batchMean(tf.mul(g, centred)), rstd);
    const along = tf.mul(centred, tf.mul(scaled, rstd));
    const dx = tf.mul(tf.sub(tf.sub(g, along), meanG), scale);
    const gradients = [dx, tf.mul(scaled, scalar(count)), tf.mul(meanG, scalar(count))];
    return residual ? [...gradients, g] : gradients;
  };
  // [1, 1, 1, C] rather than [C]: tfjs broadcasts a short vector through shared memory, which is four times as slow.
  const perChannel = [weight, bias].map((t) => t.reshape([1, 1, 1, channels]));
  return normalise(x, ...perChannel, ...(residual ? [residual] : []));
}
