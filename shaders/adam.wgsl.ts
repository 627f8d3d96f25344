/**
 * One step of Adam (Kingma and Ba) or AdamW (Loshchilov and Hutter) over a flat run of parameters, in PyTorch's form of the bias corrections.
 *
 *   g = FACTOR g + DECAY p
 *   m = B1 m + (1 - B1) g,   v = B2 v + (1 - B2) g^2,   p = KEEP p - lr / (1 - B1^t) m / (sqrt(v) / sqrt(1 - B2^t) + EPS)
 *
 * Adam's weight decay is DECAY, with KEEP = 1; AdamW's is KEEP = 1 - lr DECAY, with nothing added to the gradient.
 *
 * Bindings and threads: lib/update.ts; hyper = lr / (1 - B1^t), 1 / sqrt(1 - B2^t) and, of AdamW, KEEP; the state is m, v.
 */
import { updateMain, type GradientForm } from "./lib/update.ts";

export interface AdamConstants extends Pick<GradientForm, "weightDecay"> {
  beta1: number;
  beta2: number;
  eps: number;
}

export interface AdamForm extends Pick<GradientForm, "clipped"> {
  /** Whether it is AdamW's weight decay. */
  decoupled?: boolean;
}

export const adam = (
  threads: number,
  { beta1, beta2, eps, weightDecay = 0 }: AdamConstants,
  { decoupled = false, clipped = false }: AdamForm = {},
): string => {
  const step = `hyper[0] * mi / (sqrt(vi) * hyper[1] + f32(${eps}))`;
  return updateMain(
    threads,
    ["m", "v"],
    { clipped, weightDecay: decoupled ? 0 : weightDecay },
    `  let mi = f32(${beta1}) * m[i] + f32(${1 - beta1}) * gi;
  let vi = f32(${beta2}) * v[i] + f32(${1 - beta2}) * gi * gi;
  m[i] = mi;
  v[i] = vi;
  ${decoupled ? `p[i] = p[i] * hyper[2] - ${step};` : `p[i] -= ${step};`}`,
  );
};
