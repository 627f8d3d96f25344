/** Elementwise kernels. */
import { operandNames, pointwise } from "../../shaders/pointwise.wgsl.ts";
import { ceilDiv } from "./grid.ts";
import { alongFirst, f32, sizeOf, type Kernel } from "./kernel.ts";
import { perThread } from "./per-thread.ts";

/** The most tensors that one elementwise kernel takes. */
export const MAX_INPUTS = operandNames.length;

/**
 * y = expression over `inputs` tensors of `shape`, called a, b, c, ... (vec4f), and, if `scalar`, one more input s [1].
 */
export function pointwiseKernel(
  name: string,
  shape: readonly number[],
  inputs: number,
  expression: string,
  scalar = false,
): Kernel {
  const specs = [...Array.from({ length: inputs }, () => f32(...shape)), ...(scalar ? [f32(1)] : [])];
  const parts = alongFirst(shape, (part) => pointwiseKernel(name, part, inputs, expression, scalar));
  const kernel = { name, inputs: specs, outputs: [f32(...shape)], parts, traits: { cheap: true } };
  return perThread(kernel, ceilDiv(sizeOf(shape), 4), ({ threads }) =>
    pointwise({ threads, inputs, scalar, expression }),
  );
}
