/**
 * The maximum over the pixels of each channel, with the first pixel that has it; its gradient.
 *
 *   best[k,n,c], at[k,n,c] = max, argmax over the k-th run of pixels of x[n,p,c]; then the first maximum over the runs k
 *   dx[n,p,c] = dy[n,c] if p = at[n,c], else 0
 *
 * In vectors of `lanes` channels. Sizes come as a uniform. One thread per (run, n, vector), per (n, vector), per vector of dx.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { uvec, vec, type Lanes } from "./lib/vec.ts";

/** Uniform: vectors per pixel; samples; pixels; pixels per run; runs. */
export const globalMaxFields = ["quads", "samples", "pixels", "run", "runs"] as const;

/** Keeps the first of equal maxima: `v` comes later, from pixel `where`. */
const keep = (where: string): string => `
    let better = v > most;
    most = select(most, v, better);
    first = select(first, ${where}, better);`;

/** Bindings x, best, at. */
export const globalMaxRuns = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["x", vec(lanes)], ["best", vec(lanes)], ["at", uvec(lanes)])}
${params(globalMaxFields, 3)}
${threadMain(
  { items: "p.runs * p.samples * p.quads", threads },
  `  let quad = i % p.quads;
  let sample = i / p.quads % p.samples;
  let begin = i / p.quads / p.samples * p.run;
  let end = min(begin + p.run, p.pixels);
  var most = x[(sample * p.pixels + begin) * p.quads + quad];
  var first = ${uvec(lanes)}(begin);
  for (var k = begin + 1u; k < end; k++) {
    let v = x[(sample * p.pixels + k) * p.quads + quad];
${keep(`${uvec(lanes)}(k)`)}
  }
  best[i] = most;
  at[i] = first;`,
)}`;

/** Bindings best and at of all runs, then those of the result. */
export const globalMaxMerge = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["part", vec(lanes)], ["partAt", uvec(lanes)], ["best", vec(lanes)], ["at", uvec(lanes)])}
${params(globalMaxFields, 4)}
${threadMain(
  { items: "p.samples * p.quads", threads },
  `  let count = p.samples * p.quads;
  var most = part[i];
  var first = partAt[i];
  for (var k = 1u; k < p.runs; k++) {
    let v = part[k * count + i];
${keep("partAt[k * count + i]")}
  }
  best[i] = most;
  at[i] = first;`,
)}`;

/** Bindings dy, at, dx. */
export const globalMaxGrad = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["dy", vec(lanes)], ["at", uvec(lanes)], ["dx", vec(lanes)])}
${params(globalMaxFields, 3)}
${threadMain(
  { items: "p.samples * p.pixels * p.quads", threads },
  `  let pixel = i / p.quads % p.pixels;
  let channel = i / p.quads / p.pixels * p.quads + i % p.quads;
  dx[i] = select(${vec(lanes)}(), dy[channel], at[channel] == ${uvec(lanes)}(pixel));`,
)}`;
