/** Elementwise kernels. */
import { operandNames, pointwise } from "../../shaders/pointwise.wgsl.ts";
import { ceilDiv } from "./grid.ts";
import { alongFirst, f32, sizeOf, type Kernel } from "./kernel.ts";
import { perThread } from "./per-thread.ts";

/** The most tensors that one elementwise kernel takes. */
export const MAX_INPUTS = operandNames.length;

export interface PointwiseOptions {
  /** Whether there is one more input s [1]. */
  scalar?: boolean;
  /** WGSL functions that the expression calls. */
  functions?: string;
}

/**
 * y = expression over `inputs` tensors of `shape`, called a, b, c, ... (vec4f); and over s, if `scalar`.
 */
export function pointwiseKernel(
  name: string,
  shape: readonly number[],
  inputs: number,
  expression: string,
  { scalar = false, functions = "" }: PointwiseOptions = {},
): Kernel {
  const specs = [...Array.from({ length: inputs }, () => f32(...shape)), ...(scalar ? [f32(1)] : [])];
  const parts = alongFirst(shape, (part) => pointwiseKernel(name, part, inputs, expression, { scalar, functions }));
  const kernel = { name, inputs: specs, outputs: [f32(...shape)], parts, traits: { cheap: true } };
  return perThread(kernel, ceilDiv(sizeOf(shape), 4), ({ threads }) =>
    pointwise({ threads, inputs, scalar, expression, functions }),
  );
}
