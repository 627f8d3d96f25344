/**
 * Convolution as an implicit GEMM in which a subgroup owns a tile: no workgroup memory, no barrier.
 *
 * Lanes hold LANE consecutive columns of the result each, as one vector an accumulator; the rows of the tile (pixels in
 * the forward pass and the input gradient, weight rows in the weight gradient) are loaded by one lane each and
 * broadcast to all. On software adapters a broadcast costs no more than a multiply-add, while a barrier turns the whole
 * shader into a coroutine; hence this form.
 *
 *   forward       Y [P,CO]  = X' [P,K] W [K,CO]        K = (ky,kx,c), X' = input pixels under the kernel
 *   input grad    DX [P,CI] = DY' [P,K] W' [K,CI]      K = (ky,kx,co), one phase of the stride at a time
 *   weight grad   DW [K,CO] = X'^T [K,P] DY [P,CO]     split over P; partial sums are added by a second kernel
 *
 * A workgroup is one subgroup of S lanes. Groups are not covered (see conv2d_plain).
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { convConstants, type Conv2dShape } from "./lib/conv.ts";
import { bindings } from "./lib/thread.ts";
import { component, unroll, vec, type Lanes } from "./lib/vec.ts";

export interface SubgroupTile {
  /** Lanes of a subgroup. */
  subgroup: number;
  /** Result columns (channels) a lane. */
  lane: Lanes;
  /** Elements of the reduction loaded at once by one lane: 4 where the channel count allows it. */
  chunk: 1 | 4;
  /** Rows that each lane loads and broadcasts: the tile has `subgroup * rows` rows. */
  rows: number;
  /** Workgroups along x; see grid1d. */
  gridX: number;
}

const main = (subgroup: number, body: string): string => wgsl`
@compute @workgroup_size(${subgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
${body}
}`;

/** acc[row] += broadcast(a[row]) * b, for all rows of the tile and all elements of the chunk. */
const multiplyTile = (t: SubgroupTile): string =>
  unroll(t.chunk, (k) =>
    unroll(
      t.subgroup * t.rows,
      (p) =>
        `acc${p} += subgroupBroadcast(${component(`a${Math.floor(p / t.subgroup)}`, k, t.chunk)}, ${p % t.subgroup}u) * b${k};`,
    ),
  );

const accumulators = (n: number, type: string): string => unroll(n, (p) => `  var acc${p} = ${type}();`);

/**
 * Forward. Bindings x [N,H,W,CI], w [KH,KW,CI,CO], (bias [CO],) y [N,OH,OW,CO].
 * Dispatch: ceil(N OH OW / (subgroup rows)) groups folded over x and y, ceil(CO / (subgroup lane)) along z.
 */
export const conv2dSubgroupForward = (s: Conv2dShape, bias: boolean, t: SubgroupTile): string => {
  const out = vec(t.lane);
  const stepsOf = s.ci / t.chunk;
  return wgsl`
enable subgroups;
#if ${bias}
${bindings(["x", vec(t.chunk)], ["w", out], ["bias", out], ["y", out])}
#else
${bindings(["x", vec(t.chunk)], ["w", out], ["y", out])}
#endif
${convConstants(s)}
const P = N * OH * OW; const COLS = CO / ${t.lane}u; const STEPS = ${stepsOf}u;
${main(
  t.subgroup,
  wgsl`
  let first = (group.x + group.y * ${t.gridX}u) * ${t.subgroup * t.rows}u;
  if (first >= P) { return; }
  let column = group.z * ${t.subgroup}u + lane;
  let load = min(column, COLS - 1u);
${unroll(
  t.rows,
  (r) => `
  let p${r} = min(first + ${r * t.subgroup}u + lane, P - 1u);
  let n${r} = (p${r} / (OH * OW)) * H;
  let oy${r} = i32((p${r} / OW) % OH) * SH - PH;
  let ox${r} = i32(p${r} % OW) * SW - PW;`,
)}
${accumulators(t.subgroup * t.rows, out)}
  for (var ky = 0u; ky < KH; ky++) {
    for (var kx = 0u; kx < KW; kx++) {
${unroll(
  t.rows,
  (r) => `
      let iy${r} = oy${r} + i32(ky) * DH;
      let ix${r} = ox${r} + i32(kx) * DW;
      let in${r} = iy${r} >= 0 && iy${r} < i32(H) && ix${r} >= 0 && ix${r} < i32(W);
      let at${r} = select(0u, ((n${r} + u32(iy${r})) * W + u32(ix${r})) * STEPS, in${r});`,
)}
      let wk = (ky * KW + kx) * CI * COLS + load;
      for (var c = 0u; c < STEPS; c++) {
${unroll(t.rows, (r) => `        let a${r} = select(${vec(t.chunk)}(), x[at${r} + c], in${r});`)}
${unroll(t.chunk, (k) => `        let b${k} = w[wk + (c * ${t.chunk}u + ${k}u) * COLS];`)}
        ${multiplyTile(t)}
      }
    }
  }
  if (column >= COLS) { return; }
#if ${bias}
  let shift = bias[column];
#endif
${unroll(
  t.subgroup * t.rows,
  (p) =>
    `  if (first + ${p}u < P) { y[(first + ${p}u) * COLS + column] = acc${p}${bias ? " + shift" : ""}; }`,
)}`,
)}`;
};

/**
 * Input gradient. Bindings dy [N,OH,OW,CO], w [KH,KW,CI,CO], dx [N,H,W,CI]; `lane` counts input channels, `chunk`
 * output channels. The pixels (iy,ix) with the same remainders by the stride form a phase, which only the kernel rows
 * and columns of matching remainder reach: no product with an inserted zero is computed.
 * Dispatch: ceil(N ceil(H/SH) ceil(W/SW) / (subgroup rows)) groups over x and y; SH SW ceil(CI / (subgroup lane)) along z.
 */
export const conv2dSubgroupInputGrad = (s: Conv2dShape, t: SubgroupTile): string => {
  const out = vec(t.lane);
  const [sh, sw] = s.stride;
  return wgsl`
enable subgroups;
${bindings(["dy", vec(t.chunk)], ["w", vec(t.chunk)], ["dx", out])}
${convConstants(s)}
const HP = ${Math.ceil(s.h / sh)}u; const WP = ${Math.ceil(s.w / sw)}u; const P = N * HP * WP;
const COLS = CI / ${t.lane}u; const STEPS = ${s.co / t.chunk}u; const PHASES = ${sh * sw}u;
${main(
  t.subgroup,
  wgsl`
  let first = (group.x + group.y * ${t.gridX}u) * ${t.subgroup * t.rows}u;
  if (first >= P) { return; }
  let phaseY = i32((group.z % PHASES) / ${sw}u);
  let phaseX = i32((group.z % PHASES) % ${sw}u);
  let column = (group.z / PHASES) * ${t.subgroup}u + lane;
  let load = min(column, COLS - 1u) * ${t.lane}u * STEPS;
${unroll(
  t.rows,
  (r) => `
  let p${r} = min(first + ${r * t.subgroup}u + lane, P - 1u);
  let n${r} = (p${r} / (HP * WP)) * OH;
  let py${r} = i32((p${r} / WP) % HP);
  let px${r} = i32(p${r} % WP);`,
)}
${accumulators(t.subgroup * t.rows, out)}
  for (var ky = 0u; ky < KH; ky++) {
    let ty = phaseY + PH - i32(ky) * DH;
    if (ty % SH != 0) { continue; }
    for (var kx = 0u; kx < KW; kx++) {
      let tx = phaseX + PW - i32(kx) * DW;
      if (tx % SW != 0) { continue; }
${unroll(
  t.rows,
  (r) => `
      let oy${r} = py${r} + ty / SH;
      let ox${r} = px${r} + tx / SW;
      let in${r} = oy${r} >= 0 && oy${r} < i32(OH) && ox${r} >= 0 && ox${r} < i32(OW);
      let at${r} = select(0u, ((n${r} + u32(oy${r})) * OW + u32(ox${r})) * STEPS, in${r});`,
)}
      let wk = (ky * KW + kx) * CI * STEPS + load;
      for (var c = 0u; c < STEPS; c++) {
${unroll(t.rows, (r) => `        let a${r} = select(${vec(t.chunk)}(), dy[at${r} + c], in${r});`)}
${unroll(t.lane, (j) => `        let w${j} = w[wk + c + ${j}u * STEPS];`)}
${unroll(
  t.chunk,
  (k) =>
    `        let b${k} = ${out}(${unroll(t.lane, (j) => component(`w${j}`, k, t.chunk), ", ")});`,
)}
        ${multiplyTile(t)}
      }
    }
  }
  if (column >= COLS) { return; }
${unroll(
  t.subgroup * t.rows,
  (p) => `
  {
    let p = first + ${p}u;
    let iy = u32(phaseY) + ((p / WP) % HP) * u32(SH);
    let ix = u32(phaseX) + (p % WP) * u32(SW);
    if (p < P && iy < H && ix < W) { dx[(((p / (HP * WP)) * H + iy) * W + ix) * COLS + column] = acc${p}; }
  }`,
)}`,
)}`;
};

export interface WeightGradTile {
  subgroup: number;
  /** Output channels a lane. */
  lane: Lanes;
  /** Input channels loaded at once by one lane. */
  chunk: 1 | 4;
  /** Weight rows (ky,kx,ci) of the tile; `rows / chunk` is a multiple or a divisor of the subgroup. */
  rows: number;
  /** Parts into which the pixels are split, and pixels a part. */
  splits: number;
  pixels: number;
}

/**
 * Weight gradient, one partial sum a split. Bindings x [N,H,W,CI], dy [N,OH,OW,CO], part [splits,KH,KW,CI,CO].
 * Lanes divide into `rows / chunk` units that hold weight rows; when the subgroup is larger than that, the remaining
 * lanes load the same rows of the next pixels.
 * Dispatch: (ceil(KH KW CI / rows), ceil(CO / (subgroup lane)), splits).
 */
export const conv2dSubgroupWeightGrad = (s: Conv2dShape, t: WeightGradTile): string => {
  const out = vec(t.lane);
  const units = t.rows / t.chunk;
  const loads = Math.max(units / t.subgroup, 1);
  const pixelsAtOnce = Math.max(t.subgroup / units, 1);
  // Accumulator u * chunk + k, at pixel j of those loaded together, comes from this register and lane.
  const source = (u: number, k: number, j: number) =>
    `subgroupBroadcast(${component(`a${Math.floor(u / t.subgroup)}`, k, t.chunk)}, ${(j * units + u) % t.subgroup}u)`;
  return wgsl`
enable subgroups;
${bindings(["x", vec(t.chunk)], ["dy", out], ["part", out])}
${convConstants(s)}
const P = N * OH * OW; const COLS = CO / ${t.lane}u; const STEPS = ${s.ci / t.chunk}u; const ROWS = KH * KW * CI;
${main(
  t.subgroup,
  wgsl`
  let column = group.y * ${t.subgroup}u + lane;
  let load = min(column, COLS - 1u);
  let begin = group.z * ${t.pixels}u;
  let end = min(begin + ${t.pixels}u, P);
${unroll(
  loads,
  (r) => `
  let q${r} = group.x * ${units}u + (lane + ${r * t.subgroup}u) % ${units}u;
  let row${r} = q${r} < ROWS / ${t.chunk}u;
  let ky${r} = i32(q${r} / (STEPS * KW)) * DH - PH;
  let kx${r} = i32((q${r} / STEPS) % KW) * DW - PW;
  let c${r} = q${r} % STEPS;`,
)}
${accumulators(t.rows, out)}
  for (var p = begin; p < end; p += ${pixelsAtOnce}u) {
    let mine = p + lane / ${units}u;
    let oy = i32((mine / OW) % OH) * SH;
    let ox = i32(mine % OW) * SW;
    let n = (mine / (OH * OW)) * H;
${unroll(
  loads,
  (r) => `
    let iy${r} = oy + ky${r};
    let ix${r} = ox + kx${r};
    let in${r} = row${r} && mine < end && iy${r} >= 0 && iy${r} < i32(H) && ix${r} >= 0 && ix${r} < i32(W);
    let a${r} = select(${vec(t.chunk)}(), x[select(0u, ((n + u32(iy${r})) * W + u32(ix${r})) * STEPS + c${r}, in${r})], in${r});`,
)}
${unroll(
  pixelsAtOnce,
  (j) => `
    let d${j} = dy[min(p + ${j}u, P - 1u) * COLS + load];
${unroll(units, (u) => unroll(t.chunk, (k) => `    acc${u * t.chunk + k} += ${source(u, k, j)} * d${j};`))}`,
)}
  }
  if (column >= COLS) { return; }
  let first = group.x * ${t.rows}u;
${unroll(
  t.rows,
  (r) => `  if (first + ${r}u < ROWS) { part[(group.z * ROWS + first + ${r}u) * COLS + column] = acc${r}; }`,
)}`,
)}`;
};
