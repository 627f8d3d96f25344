/**
 * Bilinear resize with half-pixel centres (PyTorch's interpolate, align_corners=False, no antialiasing), and its adjoint.
 *
 *   s = max((o + 0.5) IN / OUT - 0.5, 0),  i0 = min(floor(s), IN - 1),  i1 = min(i0 + 1, IN - 1),  t = s - i0
 *   y[oy,ox] = lerp over (i0,i1) in both directions
 *   dx[iy,ix] = sum over all (oy,ox) of weight(oy,iy) weight(ox,ix) dy[oy,ox]
 *
 * Both use the same function for s, so that one is the exact transpose of the other. x, dx [N,H,W,C], y, dy [N,OH,OW,C];
 * in vectors of `lanes` channels. Uniform: sizes, and IN / OUT of both directions as bits.
 * One thread a vector of the result; dispatch (ceil(width vectors / threads), height, N) workgroups.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings } from "./lib/thread.ts";
import { unroll, vec, type Lanes } from "./lib/vec.ts";

export const interpolateFields = ["h", "w", "oh", "ow", "quads", "ratioY", "ratioX"] as const;

const common = `
${params(interpolateFields, 2)}

struct Source { i0: u32, i1: u32, t: f32 }

fn source(o: u32, ratio: f32, size: u32) -> Source {
  let s = max((f32(o) + 0.5) * ratio - 0.5, 0.0);
  let i0 = min(u32(s), size - 1u);
  return Source(i0, min(i0 + 1u, size - 1u), s - f32(i0));
}

// What output o takes from input i.
fn weight(o: u32, ratio: f32, size: u32, i: u32) -> f32 {
  let s = source(o, ratio, size);
  return select(0.0, 1.0 - s.t, s.i0 == i) + select(0.0, s.t, s.i1 == i);
}`;

/** `main` for results of `width` pixels a row; the pixel is (row, column) of sample n, vector q. */
const imageMain = (threads: number, width: string, body: string): string => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let H = p.h; let W = p.w; let OH = p.oh; let OW = p.ow; let QUADS = p.quads;
  let RY = bitcast<f32>(p.ratioY); let RX = bitcast<f32>(p.ratioX);
  let i = group.x * ${threads}u + thread;
  if (i >= ${width} * QUADS) { return; }
  let q = i % QUADS;
  let column = i / QUADS;
  let row = group.y;
  let n = group.z;
${body}
}`;

export const interpolate = (threads: number, lanes: Lanes): string => wgsl`
${bindings(["x", vec(lanes)], ["y", vec(lanes)])}
${common}
${imageMain(
  threads,
  "OW",
  `  let sx = source(column, RX, W);
  let sy = source(row, RY, H);
  let r0 = (n * H + sy.i0) * W;
  let r1 = (n * H + sy.i1) * W;
  let top = mix(x[(r0 + sx.i0) * QUADS + q], x[(r0 + sx.i1) * QUADS + q], ${vec(lanes)}(sx.t));
  let bottom = mix(x[(r1 + sx.i0) * QUADS + q], x[(r1 + sx.i1) * QUADS + q], ${vec(lanes)}(sx.t));
  y[((n * OH + row) * OW + column) * QUADS + q] = mix(top, bottom, ${vec(lanes)}(sy.t));`,
)}`;

// Outputs that read input i lie between (i - 0.5) / ratio - 0.5 and (i + 1.5) / ratio - 0.5. A hundredth more on either side
// covers rounding; what it adds has weight zero. The clamped edges reach to the ends.
const range = (axis: "x" | "y", i: string, size: string, outs: string, ratio: string): string => `
  let low_${axis} = u32(max(ceil((f32(${i}) - 0.5) / ${ratio} - 0.51), 0.0));
  let high_${axis} = min(u32(max(floor((f32(${i}) + 1.5) / ${ratio} - 0.49), 0.0)), ${outs} - 1u);
  let first_${axis} = select(low_${axis}, 0u, ${i} == 0u);
  let last_${axis} = select(high_${axis}, ${outs} - 1u, ${i} == ${size} - 1u);`;

/**
 * `taps`: as many outputs, in each direction, as any input contributes to. Weights and places of all of them are worked out
 * before the sum; where there are many, the sum runs in loops instead.
 */
export const interpolateGrad = (threads: number, lanes: Lanes, [down, across]: readonly [number, number]): string => {
  const type = vec(lanes);
  const few = down * across <= MOST_UNROLLED;
  const taps = (axis: "x" | "y", count: number, i: string, outs: string, ratio: string, size: string) =>
    unroll(
      count,
      (k) => `
  let o${axis}${k} = min(first_${axis} + ${k}u, ${outs} - 1u);
  let w${axis}${k} = select(0.0, weight(o${axis}${k}, ${ratio}, ${size}, ${i}), first_${axis} + ${k}u <= last_${axis});`,
    );
  return wgsl`
${bindings(["dy", type], ["dx", type])}
${common}
${imageMain(
  threads,
  "W",
  wgsl`  let ix = column;
  let iy = row;
${range("y", "iy", "H", "OH", "RY")}
${range("x", "ix", "W", "OW", "RX")}
  var sum = ${type}();
#if ${few}
${taps("y", down, "iy", "OH", "RY", "H")}
  // When an image was made smaller, most of its rows reach no output; the row is the same for the whole workgroup.
  if (${unroll(down, (k) => `wy${k} == 0.0`, " && ")}) { dx[((n * H + iy) * W + ix) * QUADS + q] = sum; return; }
${taps("x", across, "ix", "OW", "RX", "W")}
${unroll(down, (y) => {
  const line = unroll(across, (x) => `wx${x} * dy[(line${y} + ox${x}) * QUADS + q]`, " + ");
  return `  let line${y} = (n * OH + oy${y}) * OW; sum += wy${y} * (${line});`;
})}
#else
  for (var oy = first_y; oy <= last_y; oy++) {
    let wy = weight(oy, RY, H, iy);
    if (wy == 0.0) { continue; }
    var line = ${type}();
    for (var ox = first_x; ox <= last_x; ox++) {
      line += weight(ox, RX, W, ix) * dy[((n * OH + oy) * OW + ox) * QUADS + q];
    }
    sum += wy * line;
  }
#endif
  dx[((n * H + iy) * W + ix) * QUADS + q] = sum;`,
)}`;
};

/** Outputs of one input up to which their sum is written out. */
const MOST_UNROLLED = 25;
