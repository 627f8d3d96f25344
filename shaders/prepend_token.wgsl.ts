/**
 * A class token before the tokens x [N,T,C], and positions pos [1 + T,C] added to all:
 *
 *   y[n,0] = token + pos[0],   y[n,t + 1] = x[n,t] + pos[t + 1]
 *
 * In vectors of `lanes` channels. Bindings x, token [C], pos, y [N,1 + T,C]; a uniform. One thread per vector of y.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

/** Uniform: vectors per token, tokens of y, vectors of y. */
export const prependFields = ["quads", "tokens", "items"] as const;

export const prependToken = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["x", vec(lanes)], ["token", vec(lanes)], ["pos", vec(lanes)], ["y", vec(lanes)])}
${params(prependFields, 4)}
${threadMain(
  { items: "p.items", threads },
  `  let q = i % p.quads;
  let t = (i / p.quads) % p.tokens;
  let n = i / p.quads / p.tokens;
  let first = t == 0u;
  let place = select(i - (n + 1u) * p.quads, 0u, first);
  y[i] = select(x[place], token[q], first) + pos[t * p.quads + q];`,
)}`;
