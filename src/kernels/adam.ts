/** Adam over a flat run of parameters. */
import { adam, type AdamConstants } from "../../shaders/adam.wgsl.ts";
import { alongFirst, f32, type Kernel } from "./kernel.ts";
import { perThread } from "./per-thread.ts";

/**
 * Updates p, m, v [count] in place from the gradient [count], hyper [2] = lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t), and
 * the loss [1], which must be finite for anything to change. `count` is a multiple of 4.
 */
export function adamKernel(count: number, constants: AdamConstants): Kernel {
  const flat = f32(count);
  const parts = alongFirst([count / 4], ([vectors]) => adamKernel(4 * vectors!, constants));
  const kernel = { name: "adam", inputs: [flat, f32(2), f32(1)], outputs: [], updates: [flat, flat, flat], parts };
  return perThread(kernel, count / 4, ({ threads }) => adam(threads, constants));
}
