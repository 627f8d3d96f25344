/**
 * Activations x multiplied by factors that several of their values share, and what their gradients need.
 *
 *   scaleRuns       y[k,j] = x[k,j] s[k], k a sample or a pixel
 *   scaleChannels   y[n,p,c] = x[n,p,c] s[n,c]
 *   rowDots         y[k] = sum_j x[k,j] g[k,j]
 *   meanMax         y[k] = (mean_j x[k,j], max_j x[k,j]), at[k] = the first j of the maximum
 *   meanMaxGrad     dx[k,j] = dy[k,0] / J + (dy[k,1] if j = at[k], else 0)
 *
 * x, g and dx in vectors of `lanes` values, of which a uniform has the number per row. One thread per vector of y or dx; in rowDots and
 * meanMax one per row.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { horizontalSum, unroll, uvec, vec, type Lanes } from "./lib/vec.ts";

/** Bindings x, s, y. Uniform: vectors per row. */
export const scaleRuns = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["x", vec(lanes)], ["s", "f32"], ["y", vec(lanes)])}
${params(["run"], 3)}
${threadMain({ items: "arrayLength(&y)", threads }, "  y[i] = x[i] * s[i / p.run];")}`;

/** Bindings x, s, y. Uniform: vectors per pixel, and per sample. */
export const scaleChannels = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["x", vec(lanes)], ["s", vec(lanes)], ["y", vec(lanes)])}
${params(["quads", "sample"], 3)}
${threadMain({ items: "arrayLength(&y)", threads }, "  y[i] = x[i] * s[i / p.sample * p.quads + i % p.quads];")}`;

/** Bindings x, g, y. Uniform: vectors per row, rows. */
export const rowDots = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["x", vec(lanes)], ["g", vec(lanes)], ["y", "f32"])}
${params(["quads", "rows"], 3)}
${threadMain(
  { items: "p.rows", threads },
  `  var sum = ${vec(lanes)}();
  for (var k = i * p.quads; k < (i + 1u) * p.quads; k++) { sum += x[k] * g[k]; }
  y[i] = ${horizontalSum("sum", lanes)};`,
)}`;

/** Of the best of each lane, the first one. */
const merged = (lanes: Lanes): string =>
  lanes === 1
    ? "  let most = best; let index = first;"
    : `  var most = best.x; var index = first.x;
${unroll(
  lanes - 1,
  (k) => `  if ((best[${k + 1}] > most) | ((best[${k + 1}] == most) & (first[${k + 1}] < index))) {
    most = best[${k + 1}]; index = first[${k + 1}];
  }`,
)}`;

/** Bindings x, y, at. Uniform: vectors per row, rows. */
export const meanMax = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["x", vec(lanes)], ["y", "vec2f"], ["at", "u32"])}
${params(["quads", "rows"], 3)}
${threadMain(
  { items: "p.rows", threads },
  `  let begin = i * p.quads;
  var best = x[begin];
  var sum = best;
  let lane = ${lanes === 1 ? "0u" : "vec4u(0u, 1u, 2u, 3u)"};
  var first = lane;
  for (var q = 1u; q < p.quads; q++) {
    let v = x[begin + q];
    sum += v;
    let better = v > best;
    best = select(best, v, better);
    first = select(first, ${uvec(lanes)}(${lanes}u * q) + lane, better);
  }
${merged(lanes)}
  y[i] = vec2f(${horizontalSum("sum", lanes)} / f32(${lanes}u * p.quads), most);
  at[i] = index;`,
)}`;

/** Bindings dy, at, dx. Uniform: vectors per row, rows. */
export const meanMaxGrad = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["dy", "vec2f"], ["at", "u32"], ["dx", vec(lanes)])}
${params(["quads", "rows"], 3)}
${threadMain(
  { items: "arrayLength(&dx)", threads },
  `  let row = i / p.quads;
  let d = dy[row];
  let c = ${uvec(lanes)}(${lanes}u * (i % p.quads))${lanes === 1 ? "" : " + vec4u(0u, 1u, 2u, 3u)"};
  let most = select(${vec(lanes)}(), ${vec(lanes)}(d.y), c == ${uvec(lanes)}(at[row]));
  dx[i] = ${vec(lanes)}(d.x / f32(${lanes}u * p.quads)) + most;`,
)}`;
