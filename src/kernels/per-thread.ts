/** Kernels of one dispatch in which each thread computes one item on its own. */
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import { threadGrid, THREADS } from "./grid.ts";
import { input, output, update, type Dispatch, type Kernel, type Lowering, type OperandRef } from "./kernel.ts";

/** A lowering of one dispatch. */
export const single = (variant: string, dispatch: Dispatch): Lowering => ({
  variant,
  scratch: [],
  dispatches: [dispatch],
});

/** A dispatch with one thread for each of `items`. */
export function threadDispatch(
  label: string,
  items: number,
  bindings: readonly OperandRef[],
  code: (grid: ThreadGrid) => string,
  params?: readonly number[],
): Dispatch {
  const dispatch = { label, code: code({ items, threads: THREADS }), bindings, workgroups: threadGrid(items) };
  return params ? { ...dispatch, params } : dispatch;
}

/** A kernel of one such dispatch; inputs are bound first, then outputs, then updates. */
export function perThread(
  kernel: Pick<Kernel, "name" | "inputs" | "outputs"> & Partial<Kernel>,
  items: number,
  code: (grid: ThreadGrid) => string,
  params?: readonly number[],
): Kernel {
  const updates = kernel.updates ?? [];
  const bindings = [
    ...kernel.inputs.map((_, i) => input(i)),
    ...kernel.outputs.map((_, i) => output(i)),
    ...updates.map((_, i) => update(i)),
  ];
  return {
    ...kernel,
    updates,
    flops: 0,
    lower: () => [single("plain", threadDispatch(kernel.name, items, bindings, code, params))],
  };
}
