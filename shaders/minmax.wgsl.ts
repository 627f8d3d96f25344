/**
 * Per-sample min-max normalisation of x [N,P], with a gradient that flows through minimum and maximum.
 *
 *   y = (x - lo) / D,  D = hi - lo + EPS        lo, hi over the P elements of a sample
 *   dx = dy / D + [x = lo] (S2 - S1) / (D nlo) - [x = hi] S2 / (D nhi),    S1 = sum dy,  S2 = sum dy y
 *
 * nlo and nhi count the elements that attain lo and hi: ties share their gradient evenly. stats [N,4] = lo, nlo, hi, nhi.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";

/** Uniform: samples N, elements P per sample, runs into which a sample is cut, elements per run, EPS as bits. */
export const minMaxFields = ["samples", "pixels", "runs", "run", "eps"] as const;

export const declare = (...arrays: [string, string][]): string => `
${bindings(...arrays)}
${params(minMaxFields, arrays.length)}`;

export const sizes =
  "  let SAMPLES = p.samples; let P = p.pixels; let RUNS = p.runs; let RUN = p.run; let EPS = bitcast<f32>(p.eps);";

/** An element scaled to [0, 1] with the sample's statistics `st`. */
export const normalized = (x: string): string => `(${x} - st.x) / (st.z - st.x + EPS)`;

/** dx of an element, from `st` and the sums S1, S2 in `sum`. */
export const gradientAt = (at: string): string => `
    var g = dy[${at}];
    if (x[${at}] == st.x) { g += (sum.y - sum.x) / st.y; }
    if (x[${at}] == st.z) { g -= sum.y / st.w; }
    dx[${at}] = g / (st.z - st.x + EPS);`;

const perRun = "p.samples * p.runs";
const perElement = "p.samples * p.pixels";

export const mergeFunction = `
// Extremes and how often they occur, of two sets from those of each.
fn merge(a: vec4f, b: vec4f) -> vec4f {
  let low = select(select(a.xy, vec2f(a.x, a.y + b.y), b.x == a.x), b.xy, b.x < a.x);
  let high = select(select(a.zw, vec2f(a.z, a.w + b.w), b.z == a.z), b.zw, b.z > a.z);
  return vec4f(low, high);
}`;

/** x [N,P] -> part [RUNS,N,4]. One thread per run. */
export const minMaxRuns = (threads: number): string => wgsl`
${declare(["x", "f32"], ["part", "vec4f"])}${mergeFunction}
${threadMain(
  { items: perRun, threads },
  `${sizes}
  let begin = (i % SAMPLES) * P + (i / SAMPLES) * RUN;
  let end = min(begin + RUN, (i % SAMPLES + 1u) * P);
  var stats = vec4f(x[begin], 1.0, x[begin], 1.0);
  for (var k = begin + 1u; k < end; k++) { stats = merge(stats, vec4f(x[k], 1.0, x[k], 1.0)); }
  part[i] = stats;`,
)}`;

/** part [RUNS,N,4] -> stats [N,4]. One thread per sample. */
export const minMaxMerge = (threads: number): string => wgsl`
${declare(["part", "vec4f"], ["stats", "vec4f"])}${mergeFunction}
${threadMain(
  { items: "p.samples", threads },
  `${sizes}
  var all = part[i];
  for (var k = 1u; k < RUNS; k++) { all = merge(all, part[k * SAMPLES + i]); }
  stats[i] = all;`,
)}`;

/** x [N,P], stats -> y [N,P]. One thread per element. */
export const minMaxApply = (threads: number): string => wgsl`
${declare(["x", "f32"], ["stats", "vec4f"], ["y", "f32"])}
${threadMain(
  { items: perElement, threads },
  `${sizes}
  let st = stats[i / P];
  y[i] = ${normalized("x[i]")};`,
)}`;

/** dy, y [N,P] -> part [RUNS,N,2] = sums of dy and dy y. One thread per run. */
export const minMaxGradRuns = (threads: number): string => wgsl`
${declare(["dy", "f32"], ["y", "f32"], ["part", "vec2f"])}
${threadMain(
  { items: perRun, threads },
  `${sizes}
  let begin = (i % SAMPLES) * P + (i / SAMPLES) * RUN;
  let end = min(begin + RUN, (i % SAMPLES + 1u) * P);
  var sum = vec2f();
  for (var k = begin; k < end; k++) { sum += vec2f(dy[k], dy[k] * y[k]); }
  part[i] = sum;`,
)}`;

/** x, dy [N,P], stats [N,4], sums [N,2] -> dx [N,P]. One thread per element. */
export const minMaxGradApply = (threads: number): string => wgsl`
${declare(["x", "f32"], ["dy", "f32"], ["stats", "vec4f"], ["sums", "vec2f"], ["dx", "f32"])}
${threadMain(
  { items: perElement, threads },
  `${sizes}
  let st = stats[i / P];
  let sum = sums[i / P];
${gradientAt("i")}`,
)}`;
