/** The kernels of optimisers: one step over a flat run of parameters, in place. */
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import { alongFirst, f32, input, update, type Kernel } from "./kernel.ts";
import { single, threadDispatch } from "./per-thread.ts";

/** The values of a step among those of several groups of parameters. */
export interface Hyper {
  /** Floats of all groups. */
  readonly floats: number;
  /** The floats that are this kernel's; all where undefined. The first is a multiple of 64. */
  readonly own?: { readonly first: number; readonly count: number };
}

export interface UpdateOptions {
  readonly hyper: Hyper;
  /** Whether a factor [1] by which the gradient is multiplied follows the loss. */
  readonly clipped: boolean;
  /** Tensors that the optimiser keeps for each parameter. */
  readonly state: number;
}

/**
 * Updates p and the state [count] each in place from the gradient [count], the values of the step, the loss [1], which must be finite for
 * anything to change, and a factor [1] if the gradient is clipped. `count` is a multiple of 4.
 */
export function updateKernel(
  name: string,
  count: number,
  options: UpdateOptions,
  code: (grid: ThreadGrid) => string,
): Kernel {
  const { hyper, clipped, state } = options;
  const { own } = hyper;
  const flat = f32(count);
  const inputs = [flat, f32(hyper.floats), f32(1), ...(clipped ? [f32(1)] : [])];
  const updates = [flat, ...Array.from({ length: state }, () => flat)];
  const range = own && { range: { offset: 4 * own.first, bytes: 4 * own.count } };
  const bindings = [
    ...inputs.map((_, i) => (i === 1 ? { ...input(i), ...range } : input(i))),
    ...updates.map((_, i) => update(i)),
  ];
  return {
    name,
    inputs,
    outputs: [],
    updates,
    flops: 0,
    parts: alongFirst([count / 4], ([vectors]) => updateKernel(name, 4 * vectors!, options, code)),
    lower: () => [single("plain", threadDispatch(name, count / 4, bindings, code))],
  };
}
