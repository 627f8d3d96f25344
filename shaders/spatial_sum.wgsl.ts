/**
 * part[k,n,c] = FACTOR sum over the k-th run of pixels of f[n,p,c] (m[n,p]) (g[n,p,c])
 *
 * Bindings: f [N,P,C], (g [N,P,C],) (m [N,P],) part [CHUNKS,N,C]; f, g and part in vectors of `lanes` channels.
 * One thread a (chunk, n, vector); a second kernel adds the chunks when there is more than one.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain, type ThreadGrid } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

/** What f is multiplied by: nothing; m; g; g and m. */
export type SpatialOperand = "none" | "map" | "product" | "weighted";

export interface SpatialSum {
  grid: ThreadGrid;
  lanes: Lanes;
  /** Vectors a pixel. */
  quads: number;
  pixels: number;
  chunks: number;
  operand: SpatialOperand;
  factor: number;
  n: number;
}

export const spatialSum = ({ grid, lanes, quads, pixels, chunks, operand, factor, n }: SpatialSum): string => {
  const type = vec(lanes);
  const map = operand === "map" || operand === "weighted";
  const product = operand === "product" || operand === "weighted";
  const arrays: [string, string][] = [["f", type]];
  if (product) arrays.push(["g", type]);
  if (map) arrays.push(["m", "f32"]);
  arrays.push(["part", type]);
  return wgsl`
${bindings(...arrays)}
const P = ${pixels}u; const QUADS = ${quads}u; const SAMPLES = ${n}u; const RUN = ${Math.ceil(pixels / chunks)}u;
${threadMain(
  grid,
  `  let quad = i % QUADS;
  let sample = (i / QUADS) % SAMPLES;
  let begin = (i / QUADS / SAMPLES) * RUN;
  let end = min(begin + RUN, P);
  var sum = ${type}();
  for (var p = begin; p < end; p++) {
    let pixel = sample * P + p;
    sum += f[pixel * QUADS + quad]${product ? " * g[pixel * QUADS + quad]" : ""}${map ? " * m[pixel]" : ""};
  }
  part[i] = sum * f32(${factor});`,
)}`;
};
