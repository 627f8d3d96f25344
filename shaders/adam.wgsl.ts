/**
 * One Adam step over a flat run of parameters (Kingma and Ba; PyTorch's form of the bias corrections).
 *
 *   m = B1 m + (1 - B1) g,   v = B2 v + (1 - B2) g^2,   p = p - lr / (1 - B1^t) m / (sqrt(v) / sqrt(1 - B2^t) + EPS)
 *
 * Bindings: g [COUNT], hyper [2] = lr / (1 - B1^t), 1 / sqrt(1 - B2^t), loss [1], then p, m, v [COUNT], updated in
 * place; g, p, m, v as vec4f. Nothing changes when the loss is not finite, so that a bad batch cannot spoil the
 * weights; the test is on the bits, since WGSL lets a compiler assume that NaN never occurs. One thread per vector.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain } from "./lib/thread.ts";

export interface AdamConstants {
  beta1: number;
  beta2: number;
  eps: number;
}

export const adam = (threads: number, { beta1, beta2, eps }: AdamConstants): string => wgsl`
${bindings(["g", "vec4f"], ["hyper", "f32"], ["loss", "u32"], ["p", "vec4f"], ["m", "vec4f"], ["v", "vec4f"])}
${threadMain(
  { items: "arrayLength(&p)", threads },
  `  if ((loss[0] & 0x7f800000u) == 0x7f800000u) { return; }
  let gi = g[i];
  let mi = f32(${beta1}) * m[i] + f32(${1 - beta1}) * gi;
  let vi = f32(${beta2}) * v[i] + f32(${1 - beta2}) * gi * gi;
  m[i] = mi;
  v[i] = vi;
  p[i] -= hyper[0] * mi / (sqrt(vi) * hyper[1] + f32(${eps}));`,
)}`;
