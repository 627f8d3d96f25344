/**
 * What an adapter can do at best: multiply-adds on values in registers, and copies.
 *
 * peak   16 chains of vector multiply-adds a thread that depend on nothing but themselves; ITERATIONS each. y [items]
 * copy   y[i] = x[i], a vec4f a thread
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain, type ThreadGrid } from "./lib/thread.ts";
import { unroll } from "./lib/vec.ts";

/** Scalar chains of one thread. */
export const PEAK_CHAINS = 16;
/** Steps of the chains in one turn of the loop, so that the loop itself does not count. Divides the iterations. */
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
