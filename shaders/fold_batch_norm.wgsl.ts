/**
 * Folds a batch normalisation with fixed statistics into the weights and bias of the convolution before it.
 *
 *   wf[k,co] = w[k,co] gamma[co] invstd[co],   bf[co] = beta[co] + (bias[co] - mean[co]) gamma[co] invstd[co]
 *
 * Bindings w [K,CO] (K = KH KW CI), stats [3,CO] = shift, delta, invstd (batch_norm.wgsl.ts), gamma, beta [CO], the convolution's own bias [CO] if
 * `biased`, wf [K,CO], bf [CO], in vectors of `lanes` channels. One thread per vector of w.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

/** Uniform: vectors of w, and of a row of it. */
export const foldFields = ["items", "quads"] as const;

export function foldBatchNorm(threads: number, lanes: Lanes, biased: boolean): string {
  const operands = ["w", "stats", "gamma", "beta", ...(biased ? ["bias"] : []), "wf", "bf"];
  const centred = biased ? "bias[c] - (stats[c] + stats[p.quads + c])" : "-(stats[c] + stats[p.quads + c])";
  return wgsl`
${bindings(...operands.map((name): [string, string] => [name, vec(lanes)]))}
${params(foldFields, operands.length)}
${threadMain(
  { items: "p.items", threads },
  `  let c = i % p.quads;
  let factor = gamma[c] * stats[2u * p.quads + c];
  wf[i] = w[i] * factor;
  if (i < p.quads) { bf[c] = beta[c] + (${centred}) * factor; }`,
)}`;
}
