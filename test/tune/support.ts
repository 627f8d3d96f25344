/** Kernels with variants that are good, slow, wrong or broken. */
import { f32, input, output, scratch, type Kernel, type Lowering, type Spec } from "../../src/kernels/kernel.ts";
import { threadGrid, THREADS } from "../../src/kernels/grid.ts";
import { bindings, threadMain } from "../../shaders/lib/thread.ts";

export const ITEMS = 1 << 14;

/** One thread an element of y, with the body of `main`. */
export function variant(name: string, body: string, { extra = 0, items = ITEMS } = {}): Lowering {
  const buffers = ["x", "y", ...Array.from({ length: extra }, (_, i) => `s${i}`)];
  const code = `${bindings(...buffers.map((b): [string, string] => [b, "f32"]))}
    ${threadMain({ items, threads: THREADS }, body)}`;
  const refs = [input(0), output(0), ...Array.from({ length: extra }, (_, i) => scratch(i))];
  const dispatch = { label: name, code, bindings: refs, workgroups: threadGrid(items) };
  return { variant: name, scratch: Array.from({ length: extra }, () => 4 * items), dispatches: [dispatch] };
}

/** Takes some thousand times as long as one that does not. The compiler cannot know that it comes to nothing. */
export const dawdle =
  "var t = x[i]; for (var k = 0; k < 3000; k++) { t = fract(t * 1.7 + 0.3); } if (t > 2.0) { return; }";

export const good = variant("good", "y[i] = 2.0 * x[i];");
export const plain = variant("plain", `${dawdle} y[i] = x[i] + x[i];`);

/** y = 2 x in these variants. */
export function kernelOf(variants: readonly Lowering[], more: Partial<Kernel> = {}): Kernel {
  const x: Spec = f32(ITEMS);
  return {
    name: "twice",
    inputs: [x],
    outputs: [x],
    updates: [],
    flops: 2 * ITEMS,
    lower: () => [...variants],
    ...more,
  };
}
