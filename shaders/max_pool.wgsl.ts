/**
 * Max pooling, and its gradient by gathering.
 *
 *   y[n,oy,ox,c] = max over the window of x;  at[n,oy,ox,c] = index ky K + kx of the first maximum in the window
 *   dx[n,iy,ix,c] = sum of dy[n,oy,ox,c] over the windows whose first maximum is (iy,ix)
 *
 * x [N,H,W,C], y, at, dy [N,OH,OW,C]; in vectors of `lanes` channels. One thread per vector of y, or of dx.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, loop, threadMain, type ThreadGrid } from "./lib/thread.ts";
import { uvec, vec, type Lanes } from "./lib/vec.ts";

export interface MaxPoolSize {
  h: number;
  w: number;
  oh: number;
  ow: number;
  /** Vectors per pixel. */
  quads: number;
  lanes: Lanes;
  kernel: number;
  stride: number;
  padding: number;
}

const constants = (s: MaxPoolSize): string => `
const H = ${s.h}; const W = ${s.w}; const OH = ${s.oh}; const OW = ${s.ow}; const QUADS = ${s.quads}u;
const S = ${s.stride}; const PAD = ${s.padding};`;

export const maxPool = (s: MaxPoolSize, grid: ThreadGrid): string => wgsl`
${bindings(["x", vec(s.lanes)], ["y", vec(s.lanes)], ["at", uvec(s.lanes)])}
${constants(s)}
${threadMain(
  grid,
  `  let q = i % QUADS;
  let ox = i32((i / QUADS) % u32(OW));
  let oy = i32((i / QUADS / u32(OW)) % u32(OH));
  let n = i32(i / QUADS / u32(OW) / u32(OH));
  var best = ${vec(s.lanes)}();
  var none = true;
  var winner = ${uvec(s.lanes)}();
${loop(
  "ky",
  s.kernel,
  `    let iy = oy * S - PAD + i32(ky);
    if (iy < 0 || iy >= H) { continue; }
${loop(
  "kx",
  s.kernel,
  `      let ix = ox * S - PAD + i32(kx);
      if (ix < 0 || ix >= W) { continue; }
      let v = x[u32((n * H + iy) * W + ix) * QUADS + q];
      let better = (v > best) | ${s.lanes === 1 ? "none" : "vec4<bool>(none)"};
      none = false;
      best = select(best, v, better);
      winner = select(winner, ${uvec(s.lanes)}(ky * ${s.kernel}u + kx), better);`,
)}`,
)}
  y[i] = best;
  at[i] = winner;`,
)}`;

export const maxPoolGrad = (s: MaxPoolSize, grid: ThreadGrid): string => wgsl`
${bindings(["dy", vec(s.lanes)], ["at", uvec(s.lanes)], ["dx", vec(s.lanes)])}
${constants(s)}
${threadMain(
  grid,
  `  let q = i % QUADS;
  let ix = i32((i / QUADS) % u32(W));
  let iy = i32((i / QUADS / u32(W)) % u32(H));
  let n = i32(i / QUADS / u32(W) / u32(H));
  var sum = ${vec(s.lanes)}();
${loop(
  "ky",
  s.kernel,
  `    let ty = iy + PAD - i32(ky);
    if (ty < 0 || ty % S != 0 || ty / S >= OH) { continue; }
${loop(
  "kx",
  s.kernel,
  `      let tx = ix + PAD - i32(kx);
      if (tx < 0 || tx % S != 0 || tx / S >= OW) { continue; }
      let o = u32((n * OH + ty / S) * OW + tx / S) * QUADS + q;
      sum += select(${vec(s.lanes)}(), dy[o], at[o] == ${uvec(s.lanes)}(ky * ${s.kernel}u + kx));`,
)}`,
)}
  dx[i] = sum;`,
)}`;
