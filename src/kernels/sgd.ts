/** Stochastic gradient descent over a flat run of parameters. */
import { sgd, type SgdConstants } from "../../shaders/sgd.wgsl.ts";
import type { Kernel } from "./kernel.ts";
import { updateKernel, type Hyper } from "./update.ts";

/**
 * Updates p and, with momentum, its buffer b [count] in place from the gradient [count], hyper [2] = lr and the gradient's share in b, and
 * the loss [1] (and, if clipped, a factor [1]), as `updateKernel` says. `count` is a multiple of 4.
 */
export const sgdKernel = (
  count: number,
  constants: SgdConstants,
  { hyper, clipped }: { hyper: Hyper; clipped: boolean },
): Kernel =>
  updateKernel("sgd", count, { hyper, clipped, state: constants.momentum === 0 ? 0 : 1 }, ({ threads }) =>
    sgd(threads, constants, clipped),
  );
