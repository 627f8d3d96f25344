/**
 * Factors of dropout: y[n,f] = FACTOR if word f mod 4 of philox((f div 4, n, step, LAYER), (SEED, "DROP")) >= THRESHOLD, else 0.
 *
 * Bindings: step u32 [1], y [COUNT,F], in vectors of `lanes` values; a uniform with F (in vectors), the index of the first sample, SEED,
 * LAYER, THRESHOLD = floor(p 2^32) and FACTOR = 1 / (1 - p). One thread per vector of y.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { philox } from "./lib/philox.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { vec } from "./lib/vec.ts";

export const dropScaleFields = ["features", "first", "seed", "layer", "threshold", "factor"] as const;

/** "DROP": the key's second word, so that other uses of the same seed draw other numbers. */
const DROP = "0x44524F50u";

export const dropScale = (threads: number, lanes: 1 | 4): string => wgsl`
${bindings(["step", "u32"], ["y", vec(lanes)])}
${params(dropScaleFields, 2)}
${philox}
${threadMain(
  { items: "arrayLength(&y)", threads },
  `  let f = i % p.features;
  let n = p.first + i / p.features;
  let words = philox(vec4u(${lanes === 4 ? "f" : "f / 4u"}, n, step[0], p.layer), vec2u(p.seed, ${DROP}));
  let kept = ${lanes === 4 ? "words >= vec4u(p.threshold)" : "words[f % 4u] >= p.threshold"};
  y[i] = select(${vec(lanes)}(), ${vec(lanes)}(bitcast<f32>(p.factor)), kept);`,
)}`;
