/**
 * part[i] = sum of x over the i-th run of consecutive elements.
 *
 * Bindings: x [COUNT], part [items]. One thread a run; a second kernel adds the parts in order.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain, type ThreadGrid } from "./lib/thread.ts";

export const reduceAll = (grid: ThreadGrid, count: number): string => wgsl`
${bindings(["x", "f32"], ["part", "f32"])}
const COUNT = ${count}u; const RUN = ${Math.ceil(count / grid.items)}u;
${threadMain(
  grid,
  `  var sum = 0.0;
  let end = min((i + 1u) * RUN, COUNT);
  for (var k = i * RUN; k < end; k++) { sum += x[k]; }
  part[i] = sum;`,
)}`;
