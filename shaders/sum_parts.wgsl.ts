/**
 * y[i] = FACTOR sum_{p < parts} part[p, i], in the order of p.
 *
 * Bindings: part [parts, COUNT], y [COUNT]; as vec4f where COUNT is a multiple of 4; a uniform with parts, COUNT
 * (in vectors) and FACTOR. One thread an element of y.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

export const sumParts = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["part", vec(lanes)], ["y", vec(lanes)])}
${params(["parts", "count", "factor"], 2)}
${threadMain(
  { items: "p.count", threads },
  `  var sum = part[i];
  for (var k = 1u; k < p.parts; k++) { sum += part[k * p.count + i]; }
  y[i] = sum * bitcast<f32>(p.factor);`,
)}`;
