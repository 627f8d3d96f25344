/**
 * part[i] = sum of x over the i-th run of consecutive elements.
 *
 * Bindings: x [count], part [parts]; a uniform with parts, count and elements per run. One thread per run; a second kernel
 * adds the parts in order.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { sumOf } from "./lib/sum.ts";
import { bindings, threadMain } from "./lib/thread.ts";

export const reduceAll = (threads: number): string => wgsl`
${bindings(["x", "f32"], ["part", "f32"])}
${params(["parts", "count", "run"], 2)}
${threadMain(
  { items: "p.parts", threads },
  `  let end = min((i + 1u) * p.run, p.count);
${sumOf("f32", "i * p.run", "end", "x[k]")}
  part[i] = sum;`,
)}`;
