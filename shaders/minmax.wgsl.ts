/**
 * Per-sample min-max normalisation of x [N,P], with a gradient that goes through minimum and maximum.
 *
 *   y = (x - lo) / D,  D = hi - lo + EPS        lo, hi over the P elements of a sample
 *   dx = dy / D + [x = lo] (S2 - S1) / (D nlo) - [x = hi] S2 / (D nhi),    S1 = sum dy,  S2 = sum dy y
 *
 * nlo and nhi count the elements that attain lo and hi: ties share their gradient evenly. stats [N,4] = lo, nlo, hi, nhi.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain, type ThreadGrid } from "./lib/thread.ts";

export interface MinMaxSize {
  samples: number;
  pixels: number;
  /** Runs into which each sample is cut for its sums. */
  runs: number;
  eps: number;
}

const constants = (s: MinMaxSize): string => `
const SAMPLES = ${s.samples}u; const P = ${s.pixels}u; const RUNS = ${s.runs}u; const RUN = ${Math.ceil(s.pixels / s.runs)}u;
const EPS = f32(${s.eps});`;

const merge = `
// Extremes and how often they occur, of two sets from those of each.
fn merge(a: vec4f, b: vec4f) -> vec4f {
  let low = select(select(a.xy, vec2f(a.x, a.y + b.y), b.x == a.x), b.xy, b.x < a.x);
  let high = select(select(a.zw, vec2f(a.z, a.w + b.w), b.z == a.z), b.zw, b.z > a.z);
  return vec4f(low, high);
}`;

/** x [N,P] -> part [RUNS,N,4]. One thread a run. */
export const minMaxRuns = (s: MinMaxSize, grid: ThreadGrid): string => wgsl`
${bindings(["x", "f32"], ["part", "vec4f"])}
${constants(s)}${merge}
${threadMain(
  grid,
  `  let begin = (i % SAMPLES) * P + (i / SAMPLES) * RUN;
  let end = min(begin + RUN, (i % SAMPLES + 1u) * P);
  var stats = vec4f(x[begin], 1.0, x[begin], 1.0);
  for (var k = begin + 1u; k < end; k++) { stats = merge(stats, vec4f(x[k], 1.0, x[k], 1.0)); }
  part[i] = stats;`,
)}`;

/** part [RUNS,N,4] -> stats [N,4]. One thread a sample. */
export const minMaxMerge = (s: MinMaxSize, grid: ThreadGrid): string => wgsl`
${bindings(["part", "vec4f"], ["stats", "vec4f"])}
${constants(s)}${merge}
${threadMain(
  grid,
  `  var all = part[i];
  for (var k = 1u; k < RUNS; k++) { all = merge(all, part[k * SAMPLES + i]); }
  stats[i] = all;`,
)}`;

/** x [N,P], stats -> y [N,P]. One thread an element. */
export const minMaxApply = (s: MinMaxSize, grid: ThreadGrid): string => wgsl`
${bindings(["x", "f32"], ["stats", "vec4f"], ["y", "f32"])}
${constants(s)}
${threadMain(
  grid,
  `  let st = stats[i / P];
  y[i] = (x[i] - st.x) / (st.z - st.x + EPS);`,
)}`;

/** dy, y [N,P] -> part [RUNS,N,2] = sums of dy and dy y. One thread a run. */
export const minMaxGradRuns = (s: MinMaxSize, grid: ThreadGrid): string => wgsl`
${bindings(["dy", "f32"], ["y", "f32"], ["part", "vec2f"])}
${constants(s)}
${threadMain(
  grid,
  `  let begin = (i % SAMPLES) * P + (i / SAMPLES) * RUN;
  let end = min(begin + RUN, (i % SAMPLES + 1u) * P);
  var sum = vec2f();
  for (var k = begin; k < end; k++) { sum += vec2f(dy[k], dy[k] * y[k]); }
  part[i] = sum;`,
)}`;

/** x, dy [N,P], stats [N,4], sums [N,2] -> dx [N,P]. One thread an element. */
export const minMaxGradApply = (s: MinMaxSize, grid: ThreadGrid): string => wgsl`
${bindings(["x", "f32"], ["dy", "f32"], ["stats", "vec4f"], ["sums", "vec2f"], ["dx", "f32"])}
${constants(s)}
${threadMain(
  grid,
  `  let st = stats[i / P];
  let sum = sums[i / P];
  var g = dy[i];
  if (x[i] == st.x) { g += (sum.y - sum.x) / st.y; }
  if (x[i] == st.z) { g -= sum.y / st.w; }
  dx[i] = g / (st.z - st.x + EPS);`,
)}`;
