/** Kernels of one dispatch in which each thread computes one item alone. */
import type { ThreadGrid } from "../../shaders/lib/thread.ts";
import { threadGrid, THREADS } from "./grid.ts";
import { input, output, update, type Dispatch, type Kernel, type Lowering, type OperandRef } from "./kernel.ts";

/** The only dispatch of a lowering. */
export const single = (
  variant: string,
  label: string,
  code: string,
  bindings: readonly OperandRef[],
  workgroups: readonly [number, number, number],
): Lowering => ({ variant, scratch: [], dispatches: [{ label, code, bindings, workgroups }] });

/** A dispatch with one thread for each of `items`. */
export function threadDispatch(
  label: string,
  items: number,
  bindings: readonly OperandRef[],
  code: (grid: ThreadGrid) => string,
): Dispatch {
  const { gridX, workgroups } = threadGrid(items);
  return { label, code: code({ items, gridX, threads: THREADS }), bindings, workgroups };
}

/** A kernel of one such dispatch; inputs are bound first, then outputs, then updates. */
export function perThread(
  kernel: Pick<Kernel, "name" | "inputs" | "outputs"> & Partial<Pick<Kernel, "updates">>,
  items: number,
  code: (grid: ThreadGrid) => string,
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
    lower: () => [
      { variant: "plain", scratch: [], dispatches: [threadDispatch(kernel.name, items, bindings, code)] },
    ],
  };
}
