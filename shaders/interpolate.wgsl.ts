/**
 * Bilinear resize with half-pixel centres (PyTorch's interpolate, align_corners=False, no antialiasing), and its adjoint.
 *
 *   s = max((o + 0.5) IN / OUT - 0.5, 0),  i0 = min(floor(s), IN - 1),  i1 = min(i0 + 1, IN - 1),  t = s - i0
 *   y[oy,ox] = lerp over (i0,i1) in both directions
 *   dx[iy,ix] = sum over all (oy,ox) of weight(oy,iy) weight(ox,ix) dy[oy,ox]
 *
 * Both use the same function for s, so that one is the exact transpose of the other. x, dx [N,H,W,C], y, dy [N,OH,OW,C];
 * in vectors of `lanes` channels. Uniform: sizes, and IN / OUT of both directions as bits.
 * One thread per vector of the result; dispatch (ceil(width vectors / threads), height, N) workgroups.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, loop } from "./lib/thread.ts";
import { unroll, vec, type Lanes } from "./lib/vec.ts";

export const interpolateFields = ["h", "w", "oh", "ow", "quads", "ratioY", "ratioX"] as const;

const common = `
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

/** The shaders' first lines. */
const head = (from: string, to: string, lanes: Lanes): string => wgsl`
${bindings([from, vec(lanes)], [to, vec(lanes)])}
${params(interpolateFields, 2)}`;

/** `main` for results of `width` pixels per row; the pixel is (row, column) of sample n, vector q. */
const imageMain = (threads: number, width: string, body: string): string => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
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
${head("x", "y", lanes)}
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

/** Rows of y that a thread of `interpolateMap` takes. */
export const MAP_ROWS_PER_THREAD = 4;

/**
 * The same for one-channel maps with OW a multiple of 4: a thread takes four adjacent pixels in each of MAP_ROWS_PER_THREAD rows
 * and computes their source columns only once. Dispatch (ceil(OW / 4 / threads), ceil(OH / MAP_ROWS_PER_THREAD), N).
 */
export const interpolateMap = (threads: number): string => wgsl`
${bindings(["x", "f32"], ["y", "vec4f"])}
${params(interpolateFields, 2)}
${common}
${imageMain(
  threads,
  "(OW / 4u)",
  `${unroll(4, (j) => `  let s${j} = source(4u * column + ${j}u, RX, W);`)}
  let across = vec4f(${unroll(4, (j) => `s${j}.t`, ", ")});
  let end = min((row + 1u) * ${MAP_ROWS_PER_THREAD}u, OH);
  for (var oy = row * ${MAP_ROWS_PER_THREAD}u; oy < end; oy++) {
    let sy = source(oy, RY, H);
${["0", "1"]
  .map((k) => {
    const pixels = (i: string) => `vec4f(${unroll(4, (j) => `x[r${k} + s${j}.i${i}]`, ", ")})`;
    return `    let r${k} = (n * H + sy.i${k}) * W;
    let line${k} = mix(${pixels("0")}, ${pixels("1")}, across);`;
  })
  .join("\n")}
    y[(n * OH + oy) * (OW / 4u) + column] = mix(line0, line1, vec4f(sy.t));
  }`,
)}`;

// Outputs that read input i lie between (i - 0.5) / ratio - 0.5 and (i + 1.5) / ratio - 0.5. A margin of 0.01 on either side
// covers rounding; what it adds has weight zero. The clamped edges extend to the ends.
const range = (axis: "x" | "y", i: string, size: string, outs: string, ratio: string): string => `
  let low_${axis} = u32(max(ceil((f32(${i}) - 0.5) / ${ratio} - 0.51), 0.0));
  let high_${axis} = min(u32(max(floor((f32(${i}) + 1.5) / ${ratio} - 0.49), 0.0)), ${outs} - 1u);
  let first_${axis} = select(low_${axis}, 0u, ${i} == 0u);
  let last_${axis} = select(high_${axis}, ${outs} - 1u, ${i} == ${size} - 1u);`;

export const interpolateGrad = (threads: number, lanes: Lanes): string => wgsl`
${head("dy", "dx", lanes)}
${common}
${imageMain(
  threads,
  "W",
  `  let ix = column;
  let iy = row;
${range("y", "iy", "H", "OH", "RY")}
${range("x", "ix", "W", "OW", "RX")}
  var sum = ${vec(lanes)}();
  for (var oy = first_y; oy <= last_y; oy++) {
    let wy = weight(oy, RY, H, iy);
    if (wy == 0.0) { continue; }
    var line = ${vec(lanes)}();
    for (var ox = first_x; ox <= last_x; ox++) {
      line += weight(ox, RX, W, ix) * dy[((n * OH + oy) * OW + ox) * QUADS + q];
    }
    sum += wy * line;
  }
  dx[((n * H + iy) * W + ix) * QUADS + q] = sum;`,
)}`;

/** Rows of x that a thread of `shrinkMapGrad` takes. */
export const SHRINK_MAP_ROWS_PER_THREAD = 8;

// Where y has at most half of x's height and width, at most one output reads a pixel: the one whose share of x contains it.
const reader = (o: string, i: string, ratio: string, outs: string): string =>
  `let ${o} = min(u32((f32(${i}) + 0.5) / ${ratio}), ${outs} - 1u);`;

/** The adjoint in that case. One thread per vector of dx. */
export const shrinkGrad = (threads: number, lanes: Lanes): string => wgsl`
${head("dy", "dx", lanes)}
${common}
${imageMain(
  threads,
  "W",
  `  ${reader("oy", "row", "RY", "OH")}
  ${reader("ox", "column", "RX", "OW")}
  let share = weight(oy, RY, H, row) * weight(ox, RX, W, column);
  dx[((n * H + row) * W + column) * QUADS + q] = share * dy[((n * OH + oy) * OW + ox) * QUADS + q];`,
)}`;

/**
 * The same for maps, where a thread would compute little but addresses: it takes four adjacent pixels (W a multiple of 4) in each
 * of SHRINK_MAP_ROWS_PER_THREAD rows. Dispatch (ceil(W / 4 / threads), ceil(H / SHRINK_MAP_ROWS_PER_THREAD), N).
 */
export const shrinkMapGrad = (threads: number): string => wgsl`
${bindings(["dy", "f32"], ["dx", "vec4f"])}
${params(interpolateFields, 2)}
${common}
${imageMain(
  threads,
  "(W / 4u)",
  `${unroll(4, (j) => `  let x${j} = 4u * column + ${j}u; ${reader(`ox${j}`, `x${j}`, "RX", "OW")}`)}
  let across = vec4f(${unroll(4, (j) => `weight(ox${j}, RX, W, x${j})`, ", ")});
  let end = min((row + 1u) * ${SHRINK_MAP_ROWS_PER_THREAD}u, H);
  for (var iy = row * ${SHRINK_MAP_ROWS_PER_THREAD}u; iy < end; iy++) {
    ${reader("oy", "iy", "RY", "OH")}
    let share = weight(oy, RY, H, iy);
    let line = (n * OH + oy) * OW;
    var value = vec4f();
    // A loop of one round, not an if: software adapters run through what an if leaves out, and most rows are read by no output.
    for (var once = share != 0.0; once; once = false) {
      value = share * across * vec4f(${unroll(4, (j) => `dy[line + ox${j}]`, ", ")});
    }
    dx[(n * H + iy) * (W / 4u) + column] = value;
  }`,
)}`;

/**
 * Doubles height and width. The four pixels of y between four of x, in rows 2 k - 1 and 2 k, come from the same loads, so a
 * thread takes a vector of all four. Dispatch (ceil((W + 1) vectors / threads), H + 1, N).
 */
export const double = (threads: number, lanes: Lanes): string => wgsl`
${head("x", "y", lanes)}
${imageMain(
  threads,
  "(W + 1u)",
  `  let above = (n * H + max(row, 1u) - 1u) * W;
  let below = (n * H + min(row, H - 1u)) * W;
  let left = max(column, 1u) - 1u;
  let right = min(column, W - 1u);
  let al = x[(above + left) * QUADS + q];
  let ar = x[(above + right) * QUADS + q];
  let bl = x[(below + left) * QUADS + q];
  let br = x[(below + right) * QUADS + q];
  let pitch = OW * QUADS;
  let at = (n * OH + 2u * row) * pitch + 2u * column * QUADS + q;
${unroll(2, (k) => {
  const [a, b] = k === 0 ? [0.75, 0.25] : [0.25, 0.75];
  const line = k === 0 ? "at - pitch" : "at";
  return `
  if (${k === 0 ? "row > 0u" : "row < H"}) {
    let l = ${a} * al + ${b} * bl;
    let r = ${a} * ar + ${b} * br;
    if (column > 0u) { y[${line} - QUADS] = 0.75 * l + 0.25 * r; }
    if (column < W) { y[${line}] = 0.25 * l + 0.75 * r; }
  }`;
})}`,
)}`;

/**
 * Its adjoint. Rows 2 i - 1 to 2 i + 2 of y read row i of x, with weights 1/4, 3/4, 3/4, 1/4; at the border the last takes the
 * missing one's weight. A thread takes a vector of two adjacent pixels. Dispatch (ceil(ceil(W / 2) vectors / threads), H, N).
 */
export const doubleGrad = (threads: number, lanes: Lanes): string => wgsl`
${head("dy", "dx", lanes)}
${imageMain(
  threads,
  "((W + 1u) / 2u)",
  `  let pitch = OW * QUADS;
${unroll(6, (j) => `  let x${j} = u32(clamp(4 * i32(column) + ${j - 1}, 0, i32(OW) - 1)) * QUADS + q;`)}
  var first = ${vec(lanes)}();
  var second = ${vec(lanes)}();
${loop(
  "r",
  4,
  `
    let line = (n * OH + u32(clamp(2 * i32(row) + i32(r) - 1, 0, i32(OH) - 1))) * pitch;
    let weight = select(0.75, 0.25, r % 3u == 0u);
${unroll(6, (j) => `    let d${j} = dy[line + x${j}];`)}
    first += weight * (0.25 * (d0 + d3) + 0.75 * (d1 + d2));
    second += weight * (0.25 * (d2 + d5) + 0.75 * (d3 + d4));`,
)}
  let at = ((n * H + row) * W + 2u * column) * QUADS + q;
  dx[at] = first;
  if (2u * column + 1u < W) { dx[at + QUADS] = second; }`,
)}`;
