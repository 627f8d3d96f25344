/**
 * Folds a batch normalisation with fixed statistics into the weights and bias of the convolution before it.
 *
 *   wf[k,co] = w[k,co] gamma[co] invstd[co],   bf[co] = beta[co] - mean[co] gamma[co] invstd[co]
 *
 * Bindings w [K,CO] (K = KH KW CI), stats [3,CO] = shift, delta, invstd (batch_norm.wgsl.ts), gamma, beta [CO], wf [K,CO], bf [CO], in vectors of
 * `lanes` channels. One thread per vector of w.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

/** Uniform: vectors of w, and of a row of it. */
export const foldFields = ["items", "quads"] as const;

const operands = ["w", "stats", "gamma", "beta", "wf", "bf"];

export const foldBatchNorm = (threads: number, lanes: Lanes): string => wgsl`
${bindings(...operands.map((name): [string, string] => [name, vec(lanes)]))}
${params(foldFields, operands.length)}
${threadMain(
  { items: "p.items", threads },
  `  let c = i % p.quads;
  let factor = gamma[c] * stats[2u * p.quads + c];
  wf[i] = w[i] * factor;
  if (i < p.quads) { bf[c] = beta[c] - (stats[c] + stats[p.quads + c]) * factor; }`,
)}`;
