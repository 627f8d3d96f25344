/** Loops that few kernels have, beside `loop` (thread.ts). */
import { rounds } from "./thread.ts";

/** A loop of `n` rounds, `step` at a time, for compilers to unroll as they see fit. */
export const openLoop = (variable: string, n: number, body: string, step = 1): string =>
  rounds(variable, `${n}u`, body, step);

/** Variables as an array `all`, to loop over at the end of a kernel: as fast as writing them out, and quick to compile. */
export const collected = (type: string, names: readonly string[]): string =>
  `  var all = array<${type}, ${names.length}>(${names.join(", ")});`;
