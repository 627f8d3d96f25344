/**
 * Concatenation along the channels, and the slice that undoes it.
 *
 *   y[p, 0..C0) = a[p], y[p, C0..C0+C1) = b[p], ...        slice: y[p, c] = x[p, OFFSET + c]
 *
 * Rows p are the N H W pixels. In vectors of `lanes` channels; a uniform has the vectors per pixel. One thread per vector of y.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { unroll, vec, type Lanes } from "./lib/vec.ts";

/** Uniform: vectors per pixel of y, then of each input. */
export const concatChannels = (threads: number, lanes: Lanes, inputs: number): string => {
  const arrays = Array.from({ length: inputs }, (_, k): [string, string] => [`in${k}`, vec(lanes)]);
  const names = arrays.map((_, k) => `quads${k}`);
  return wgsl`
${bindings(...arrays, ["y", vec(lanes)])}
${params(["total", ...names], inputs + 1)}
${threadMain(
  { items: "arrayLength(&y)", threads },
  `  var q = i % p.total;
  let pixel = i / p.total;
${unroll(
  inputs,
  (k) => `  if (q < p.quads${k}) { y[i] = in${k}[pixel * p.quads${k} + q]; return; }
  q -= p.quads${k};`,
)}`,
)}`;
};

/** Uniform: vectors per pixel of x, of y, and before the slice. */
export const sliceChannels = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["x", vec(lanes)], ["y", vec(lanes)])}
${params(["whole", "take", "offset"], 2)}
${threadMain({ items: "arrayLength(&y)", threads }, "  y[i] = x[(i / p.take) * p.whole + p.offset + i % p.take];")}`;
