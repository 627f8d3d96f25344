/**
 * y[i] = FACTOR sum_{p < parts} part[p, i], in the order of p.
 *
 * Bindings: part [parts, COUNT], y [COUNT]; as vec4f where COUNT is a multiple of 4. One thread an element of y.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain, type ThreadGrid } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

export const sumParts = (grid: ThreadGrid, lanes: Lanes, parts: number, factor = 1): string => wgsl`
${bindings(["part", vec(lanes)], ["y", vec(lanes)])}
${threadMain(
  grid,
  `  var sum = part[i];
  for (var p = 1u; p < ${parts}u; p++) { sum += part[p * ${grid.items}u + i]; }
  y[i] = sum * f32(${factor});`,
)}`;
