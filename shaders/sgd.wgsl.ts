/**
 * One step of stochastic gradient descent over a flat run of parameters, with PyTorch's momentum.
 *
 *   g = FACTOR g + DECAY p,   b = MOMENTUM b + s g,   p = p - lr b, or with Nesterov's momentum p - lr (g + MOMENTUM b)
 *
 * s is 1 in the first step, when b is 0, and 1 - dampening later. Without momentum there is no b: p = p - lr g.
 *
 * Bindings and threads: lib/update.ts; hyper [2] = lr, s; the state is b.
 */
import { updateMain, type GradientForm } from "./lib/update.ts";

export interface SgdConstants extends Pick<GradientForm, "weightDecay"> {
  momentum: number;
  nesterov: boolean;
}

export const sgd = (
  threads: number,
  { momentum, nesterov, weightDecay = 0 }: SgdConstants,
  clipped = false,
): string => {
  const form = { clipped, weightDecay };
  if (momentum === 0) return updateMain(threads, [], form, "  p[i] -= hyper[0] * gi;");
  return updateMain(
    threads,
    ["b"],
    form,
    `  let bi = f32(${momentum}) * b[i] + hyper[1] * gi;
  b[i] = bi;
  p[i] -= hyper[0] * ${nesterov ? `(gi + f32(${momentum}) * bi)` : "bi"};`,
  );
};
