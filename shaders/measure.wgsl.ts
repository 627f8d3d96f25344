/**
 * Shaders that measure an adapter's peak rates: multiply-adds on values in registers, and copies.
 *
 * peak   16 independent chains of multiply-adds per thread, in vectors; ITERATIONS each. y [items]
 * copy   y[i] = x[i], one vec4f per thread
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain, type ThreadGrid } from "./lib/thread.ts";
import { unroll } from "./lib/vec.ts";

/** Scalar chains of one thread. */
export const PEAK_CHAINS = 16;
/** Steps of the chains per turn of the loop, to make the loop's own cost negligible. Divides the iterations. */
const UNROLLED_STEPS = 16;

export const peak = (grid: ThreadGrid, iterations: number): string => wgsl`
${bindings(["x", "vec4f"], ["y", "vec4f"])}
${threadMain(
  grid,
  `  let a = x[0];
  let b = x[1];
${unroll(PEAK_CHAINS / 4, (k) => `  var c${k} = x[${k}] + f32(i);`)}
  for (var n = 0u; n < ${iterations / UNROLLED_STEPS}u; n++) {
${unroll(UNROLLED_STEPS, () => unroll(PEAK_CHAINS / 4, (k) => `    c${k} = fma(c${k}, a, b);`))}
  }
  y[i] = ${unroll(PEAK_CHAINS / 4, (k) => `c${k}`, " + ")};`,
)}`;

export const copy = (grid: ThreadGrid): string => wgsl`
${bindings(["x", "vec4f"], ["y", "vec4f"])}
${threadMain(grid, "  y[i] = x[i];")}`;
