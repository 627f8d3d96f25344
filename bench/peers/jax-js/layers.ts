/**
 * The layers in jax-js. A function in jax-js uses its arguments up, unless they are passed as `.ref`; within a
 * jitted function one reference too many costs nothing, so everything is passed so here.
 */
import { lax, nn, numpy as np } from "@jax-js/jax";
import type { JaxArray } from "./library.ts";

/** x [N, Ci, H, W] * weight [Co, Ci / groups, K, K] with padding (K - 1) / 2. */
export function conv(x: JaxArray, weight: JaxArray, stride = 1): JaxArray {
  const padding = (weight.shape[2]! - 1) / 2;
  return padded(x, weight, stride, padding, padding);
}

function padded(x: JaxArray, weight: JaxArray, stride: number, vertical: number, horizontal: number): JaxArray {
  const pads: [number, number][] = [[vertical, vertical], [horizontal, horizontal]]; // prettier-ignore
  const featureGroupCount = x.shape[1]! / weight.shape[1]!;
  return lax.convGeneralDilated(x.ref, weight.ref, [stride, stride], pads, { featureGroupCount });
}

/** What fits the 32 bits of an index. */
const MOST = 2 ** 31;

/**
 * The same for training. jax-js 0.1 computes the gradient of the weight by 32-bit indices into a view of (OH (H + K))
 * (OW (W + K)) elements, times images and channels where the stride is not 1, and is silently wrong where that is too
 * many: from some 212 x 212 on for a 3x3 kernel, for the 7x7 stem with two images of 224 x 224. Two halves of the rows, or
 * the images one by one, keep within it.
 */
export function trainableConv(x: JaxArray, weight: JaxArray, stride = 1): JaxArray {
  const [n, ci, h, w] = x.shape as [number, number, number, number];
  const kernel = weight.shape[2]!;
  const view = ((h * (h + kernel)) / stride) * ((w * (w + kernel)) / stride);
  if (kernel > 1 && stride > 1 && n > 1 && n * ci * view >= MOST) {
    const images = Array.from({ length: n }, (_, i) => conv(x.ref.slice([i, i + 1]), weight, stride));
    return np.concatenate(images, 0);
  }
  if (kernel === 1 || stride > 1 || view < MOST) return conv(x, weight, stride);
  const padding = (kernel - 1) / 2;
  const rows = np.pad(x.ref, [[0, 0], [0, 0], [padding, padding], [0, 0]]); // prettier-ignore
  const middle = Math.ceil(h / 2);
  const half = (from: number, to: number) =>
    padded(rows.ref.slice([], [], [from, to + 2 * padding]), weight, 1, 0, padding);
  return np.concatenate([half(0, middle), half(middle, h)], 2);
}

const EPS = 1e-5;

export interface Normalised {
  y: JaxArray;
  /** Of the batch, [C]; the variance is the biased one. */
  mean: JaxArray;
  variance: JaxArray;
}

const perChannel = (t: JaxArray) => t.ref.reshape([1, t.size, 1, 1]);

/** relu?(batchNorm(x) + residual?) with the batch's statistics. */
export function batchNorm(
  x: JaxArray,
  weight: JaxArray,
  bias: JaxArray,
  { relu, residual }: { relu: boolean; residual?: JaxArray | undefined },
): Normalised {
  const mean = np.mean(x.ref, [0, 2, 3]);
  const centred = x.ref.sub(perChannel(mean));
  const variance = np.mean(np.square(centred.ref), [0, 2, 3]);
  const scale = weight.ref.div(np.sqrt(variance.ref.add(EPS)));
  const affine = centred.ref.mul(perChannel(scale)).add(perChannel(bias));
  const sum = residual ? affine.add(residual.ref) : affine;
  return { y: relu ? nn.relu(sum) : sum, mean, variance };
}

/** The 3x3 max pooling with stride 2 after the stem, whose values are not negative: zeros around them change nothing. */
export function stemPool(x: JaxArray): JaxArray {
  const padded = np.pad(x.ref, [[0, 0], [0, 0], [1, 1], [1, 1]]); // prettier-ignore
  return lax.reduceWindow(padded, (window) => np.max(window), [3, 3], [2, 2]);
}

/** The 2x2 max pooling with stride 2 of maps with even sides. */
export function halved(x: JaxArray): JaxArray {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  return np.max(x.ref.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
}

/** [N, C, H, W] -> [N, C, 2 H, 2 W], bilinear with half-pixel centres. */
export function upsample2x(x: JaxArray): JaxArray {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const rows = np.stack(between(x, 2), 3).reshape([n, c, 2 * h, w]);
  return np.stack(between(rows, 3), 4).reshape([n, c, 2 * h, 2 * w]);
}

/** The new elements before and after the middle of each along an axis: a quarter of the way to its neighbour. */
function between(x: JaxArray, axis: 2 | 3): JaxArray[] {
  const length = x.shape[axis]!;
  const part = (from: number, to: number) =>
    axis === 2 ? x.ref.slice([], [], [from, to]) : x.ref.slice([], [], [], [from, to]);
  const before = length > 1 ? [part(0, 1), part(0, length - 1)] : [part(0, 1)];
  const after = length > 1 ? [part(1, length), part(length - 1, length)] : [part(0, 1)];
  return [before, after].map((neighbours) => np.concatenate(neighbours, axis).mul(0.25).add(x.ref.mul(0.75)));
}

/**
 * Maps [N, 1, H, W] -> [N, 1, H / r, W / r] with even r, bilinear with half-pixel centres: the new pixel is the mean of the
 * four in the middle of the r x r that it replaces.
 * @throws RangeError for other sizes, of which MGA-Net has none
 */
export function shrinkMap(x: JaxArray, [oh, ow]: readonly [number, number]): JaxArray {
  const [n, , h, w] = x.shape as [number, number, number, number];
  const [rh, rw] = [h / oh, w / ow];
  if (rh % 2 !== 0 || rw % 2 !== 0) throw new RangeError("this peer shrinks maps by an even factor only");
  const blocks = x.ref.reshape([n, oh, rh, ow, rw]);
  const middle = blocks.slice([], [], [rh / 2 - 1, rh / 2 + 1], [], [rw / 2 - 1, rw / 2 + 1]);
  return np.mean(middle, [2, 4]).reshape([n, 1, oh, ow]);
}

/** Each map scaled by (x - min) / (max - min + eps). */
function minMaxNormalise(x: JaxArray): JaxArray {
  const low = np.min(x.ref, [1, 2, 3], { keepdims: true });
  const high = np.max(x.ref, [1, 2, 3], { keepdims: true });
  return x.ref.sub(low.ref).div(high.sub(low).add(1e-6));
}

export interface MGAParameters {
  weight1: JaxArray;
  bias1: JaxArray;
  weight2: JaxArray;
  bias2: JaxArray;
}

/** Parallel fusion: f [N, C, H, W], mask [N, 1, h, w] -> f (1 + m + a). */
export function mga(f: JaxArray, mask: JaxArray, { weight1, bias1, weight2, bias2 }: MGAParameters): JaxArray {
  const [n, c, h, w] = f.shape as [number, number, number, number];
  const m = minMaxNormalise(shrinkMap(mask, [h, w]));
  const pooled = np.mean(f.ref.mul(m.ref), [2, 3]);
  const hidden = nn.relu(np.matmul(pooled, weight1.ref).add(bias1.ref));
  const a = nn.sigmoid(np.matmul(hidden, weight2.ref).add(bias2.ref)).reshape([n, c, 1, 1]);
  return f.ref.mul(m.add(a.add(1)));
}

/** Adam's constants of one step: [lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t)]. PyTorch's defaults. */
export function adamConstants(lr: number, t: number): Float32Array<ArrayBuffer> {
  return Float32Array.of(lr / (1 - BETA1 ** t), 1 / Math.sqrt(1 - BETA2 ** t));
}

const [BETA1, BETA2, ADAM_EPS] = [0.9, 0.999, 1e-8];

// A type rather than an interface, which would not do as a tree of arrays.
export type AdamState = {
  p: JaxArray;
  m: JaxArray;
  v: JaxArray;
};

/** `rate` and `spread` are the two constants. */
export function adam({ p, m, v }: AdamState, gradient: JaxArray, rate: JaxArray, spread: JaxArray): AdamState {
  const m1 = m.ref.mul(BETA1).add(gradient.ref.mul(1 - BETA1));
  const v1 = v.ref.mul(BETA2).add(np.square(gradient.ref).mul(1 - BETA2));
  const step = m1.ref.div(np.sqrt(v1.ref).mul(spread.ref).add(ADAM_EPS)).mul(rate.ref);
  return { p: p.ref.sub(step), m: m1, v: v1 };
}
