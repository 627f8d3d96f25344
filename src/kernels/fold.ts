/** Batch normalisation folded into the convolution before it. */
import { foldBatchNorm, foldFields } from "../../shaders/fold_batch_norm.wgsl.ts";
import { f32, sizeOf, type Kernel } from "./kernel.ts";
import { perThread } from "./per-thread.ts";
import { lanesOf } from "./reduce.ts";

/** Weights [..., Co] and bias [Co] of the folded convolution, from the weights, stats [3, Co], gamma, beta and its own bias if it is `biased`. */
export function foldKernel(weight: readonly number[], biased: boolean): Kernel {
  const c = weight.at(-1)!;
  const lanes = lanesOf(c);
  const values = { items: sizeOf(weight) / lanes, quads: c / lanes };
  const kernel = {
    name: "foldBatchNorm",
    inputs: [f32(...weight), f32(3, c), f32(c), f32(c), ...(biased ? [f32(c)] : [])],
    outputs: [f32(...weight), f32(c)],
  };
  const params = foldFields.map((name) => values[name]);
  return perThread(kernel, values.items, ({ threads }) => foldBatchNorm(threads, lanes, biased), params);
}
