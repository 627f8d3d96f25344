/**
 * Rearrangements of tensors in vectors of `lanes` channels: every vector of y is one of x, or zero.
 *
 *   windows        x [N,H,W,C] -> y [N WINDOWS,w w,C]: padded with zeros at the right and the bottom to multiples of w, moved up and left by
 *                  (SY, SX) around the border, cut into windows row by row
 *   pixels         back: x [N WINDOWS,w w,C] -> y [N,H,W,C], without the padding
 *   blocks         x [N,2 H,2 W,C] -> y [N,H,W,4 C]: the pixels (0,0), (1,0), (0,1), (1,1) (row, column) of each square behind each other
 *   squares        back: x [N,H,W,4 C] -> y [N,2 H,2 W,C]
 *   tokens         x [N,A,C] -> y [N,B,C]: token t of y is token t + SKIP of x, zero where x has none
 *   swapped        x [N,H,W,C] -> y [N,W,H,C]
 *
 * Bindings x, y; a uniform. One thread per vector of y.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

/** Uniform: vectors in all and per pixel; what each arrangement says of sizes. */
export const gatherFields = ["items", "quads", "h", "w", "ph", "pw", "window", "sy", "sx"] as const;

export const gathers = ["windows", "pixels", "blocks", "squares", "tokens", "swapped"] as const;
export type Gather = (typeof gathers)[number];

/** WGSL that sets `place`, the index of the vector in x, and `inside`, whether there is one, from `i`. */
const sources: Record<Gather, string> = {
  windows: `
  let q = i % p.quads;
  let size = p.window * p.window;
  let t = (i / p.quads) % size;
  let k = i / p.quads / size;
  let across = p.pw / p.window;
  let windows = across * (p.ph / p.window);
  let at = k % windows;
  let y0 = ((at / across) * p.window + t / p.window + p.sy) % p.ph;
  let x0 = ((at % across) * p.window + t % p.window + p.sx) % p.pw;
  let inside = (y0 < p.h) & (x0 < p.w);
  let place = (((k / windows) * p.h + y0) * p.w + x0) * p.quads + q;`,
  pixels: `
  let q = i % p.quads;
  let column = (i / p.quads) % p.w;
  let row = (i / p.quads / p.w) % p.h;
  let n = i / p.quads / p.w / p.h;
  let across = p.pw / p.window;
  let windows = across * (p.ph / p.window);
  let y0 = (row + p.ph - p.sy) % p.ph;
  let x0 = (column + p.pw - p.sx) % p.pw;
  let inside = true;
  let at = n * windows + (y0 / p.window) * across + x0 / p.window;
  let place = ((at * p.window + y0 % p.window) * p.window + x0 % p.window) * p.quads + q;`,
  blocks: `
  let q = i % p.quads;
  let block = (i / p.quads) % 4u;
  let column = (i / p.quads / 4u) % p.w;
  let line = i / p.quads / 4u / p.w;
  let inside = true;
  let place = ((2u * line + block % 2u) * 2u * p.w + 2u * column + block / 2u) * p.quads + q;`,
  squares: `
  let q = i % p.quads;
  let column = (i / p.quads) % (2u * p.w);
  let line = i / p.quads / (2u * p.w);
  let inside = true;
  let place = (((line / 2u) * p.w + column / 2u) * 4u + 2u * (column % 2u) + line % 2u) * p.quads + q;`,
  // h tokens of x, w of y. A negative skip comes as its two's complement.
  tokens: `
  let q = i % p.quads;
  let t = (i / p.quads) % p.w + p.sy;
  let n = i / p.quads / p.w;
  let inside = t < p.h;
  let place = (n * p.h + t) * p.quads + q;`,
  swapped: `
  let q = i % p.quads;
  let row = (i / p.quads) % p.h;
  let column = (i / p.quads / p.h) % p.w;
  let n = i / p.quads / p.h / p.w;
  let inside = true;
  let place = ((n * p.h + row) * p.w + column) * p.quads + q;`,
};

export const gather = (threads: number, lanes: Lanes, how: Gather): string => wgsl`
${bindings(["x", vec(lanes)], ["y", vec(lanes)])}
${params(gatherFields, 2)}
${threadMain(
  { items: "p.items", threads },
  `${sources[how]}
  y[i] = select(${vec(lanes)}(), x[select(0u, place, inside)], inside);`,
)}`;
