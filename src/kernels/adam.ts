/** Adam and AdamW over a flat run of parameters. */
import { adam, type AdamConstants } from "../../shaders/adam.wgsl.ts";
import type { Kernel } from "./kernel.ts";
import { updateKernel, type Hyper } from "./update.ts";

/**
 * Updates p, m, v [count] in place from the gradient [count], hyper [2] = lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t), and
 * the loss [1] (and, if clipped, a factor [1]), as `updateKernel` says. `count` is a multiple of 4.
 */
export const adamKernel = (
  count: number,
  constants: AdamConstants,
  { hyper = { floats: 2 }, clipped = false }: { hyper?: Hyper; clipped?: boolean } = {},
): Kernel =>
  updateKernel("adam", count, { hyper, clipped, state: 2 }, ({ threads }) => adam(threads, constants, { clipped }));

/** The same with weight decay apart from the gradient: hyper [3] ends with the share of p that is kept, 1 - lr weightDecay. */
export const adamWKernel = (
  count: number,
  constants: AdamConstants,
  { hyper, clipped }: { hyper: Hyper; clipped: boolean },
): Kernel =>
  updateKernel("adamw", count, { hyper, clipped, state: 2 }, ({ threads }) =>
    adam(threads, constants, { clipped, decoupled: true }),
  );
