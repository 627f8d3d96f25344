/**
 * part[k,n,c] = FACTOR sum over the k-th run of pixels of f[n,p,c] (m[n,p]) (g[n,p,c]).
 *
 * Bindings: f [N,P,C], (g [N,P,C],) (m [N,P],) part [CHUNKS,N,C]; f, g and part in vectors of `lanes` channels; a uniform
 * with vectors per pixel, N, P, pixels per run and FACTOR. One thread per (run, n, vector); a second kernel adds the runs when
 * there is more than one.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { sumOf } from "./lib/sum.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

/** What f is multiplied by: nothing; m; g; g and m. */
export type SpatialOperand = "none" | "map" | "product" | "weighted";

export const spatialSum = (threads: number, lanes: Lanes, operand: SpatialOperand): string => {
  const type = vec(lanes);
  const map = operand === "map" || operand === "weighted";
  const product = operand === "product" || operand === "weighted";
  const arrays: [string, string][] = [["f", type]];
  if (product) arrays.push(["g", type]);
  if (map) arrays.push(["m", "f32"]);
  arrays.push(["part", type]);
  return wgsl`
${bindings(...arrays)}
${params(["quads", "samples", "pixels", "run", "factor"], arrays.length)}
${threadMain(
  { items: "arrayLength(&part)", threads },
  `  let QUADS = p.quads;
  let quad = i % QUADS;
  let sample = (i / QUADS) % p.samples;
  let begin = (i / QUADS / p.samples) * p.run;
  let end = min(begin + p.run, p.pixels);
  let first = sample * p.pixels;
${sumOf(type, "begin", "end", `f[(first + k) * QUADS + quad]${product ? " * g[(first + k) * QUADS + quad]" : ""}${map ? " * m[first + k]" : ""}`)}
  part[i] = sum * bitcast<f32>(p.factor);`,
)}`;
};
