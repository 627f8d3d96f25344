/**
 * Convolution as an implicit GEMM in which a subgroup owns a tile: no workgroup memory, no barrier.
 *
 * Each lane holds `lane` consecutive columns of the result, one vector per accumulator; each row of the tile (pixels in
 * the forward pass and the input gradient, weight rows in the weight gradient) is loaded by one lane and broadcast to all.
 * On software adapters a broadcast costs no more than a multiply-add, while a barrier turns the whole shader into a
 * coroutine; hence this form. Where the result has fewer columns than a subgroup spans, its lanes form teams
 * (lib/team.ts), each with rows (or, in the weight gradient, pixels) of its own.
 *
 *   forward       Y [P,CO]  = X' [P,K] W [K,CO]        K = (ky,kx,c), X' = input pixels under the kernel
 *   input grad    DX [P,CI] = DY' [P,K] W' [K,CI]      K = (ky,kx,co), one phase of the stride at a time
 *   weight grad   DW [K,CO] = X'^T [K,P] DY [P,CO]     conv2d_subgroup_weight_grad.wgsl.ts
 *
 * A workgroup is one subgroup of S lanes. Sizes come as a uniform (lib/conv.ts). With several groups of channels (`grouped`), each has products of
 * its own, one after the other along z: columns and reduction are those of one group.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { convUniform } from "./lib/conv.ts";
import { convKernel, convSizes } from "./lib/conv-sizes.ts";
import { epilogueOperands, finish, rectifier, type Epilogue } from "./lib/epilogue.ts";
import { columnsOf } from "./lib/groups.ts";
import { enableHalf, stored, widened } from "./lib/half.ts";
import { collected } from "./lib/loops.ts";
import { bindings, groupIndex, loop } from "./lib/thread.ts";
import { fromTeam, teamHead } from "./lib/team.ts";
import { all, component, unroll, vec, type Lanes } from "./lib/vec.ts";

export interface SubgroupTile {
  /** Lanes of a subgroup. */
  subgroup: number;
  /** Lanes of a team: a power of two. */
  team: number;
  /** Result columns (channels) per lane. */
  lane: Lanes;
  /** Elements of the reduction loaded at once by one lane: 4 where the channel count allows it. */
  chunk: 1 | 4;
  /** Whether there are several groups of channels; the numbers above are of one group. */
  grouped: boolean;
  /** Rows that each lane loads and shares with its team: `team * rows` per team, `subgroup * rows` per tile. */
  rows: number;
}

export const subgroupMain = (subgroup: number, team: number, body: string, stride1 = false): string => wgsl`
@compute @workgroup_size(${subgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
${convSizes}
${convKernel(stride1)}
${teamHead(team)}
${body}
}`;

/**
 * acc[row] += a[row] * b, for all rows of the team and all elements of the chunk. All products of one accumulator come in a
 * row, since there are more accumulators than registers.
 */
const multiplyTile = (t: SubgroupTile): string =>
  unroll(t.team * t.rows, (row) =>
    unroll(t.chunk, (k) => {
      const a = component(`a${Math.floor(row / t.team)}`, k, t.chunk);
      return `        acc${row} += ${fromTeam(a, row % t.team, t)} * b${k};`;
    }),
  );

const operandsOf = (epilogue: Epilogue, type: string) =>
  epilogueOperands(epilogue).map((name): [string, string] => [name, type]);

export const accumulators = (n: number, type: string): string => unroll(n, (row) => `  var acc${row} = ${type}();`);
export const accumulatorsOf = (n: number): string[] => Array.from({ length: n }, (_, row) => `acc${row}`);

/**
 * Forward. Bindings x [N,H,W,CI], w [KH,KW,CI,CO] (in half precision with `half`), (bias, plus: lib/epilogue.ts,) y [N,OH,OW,CO].
 * Dispatch: ceil(N OH OW / (subgroup rows)) groups folded over x and y, ceil(CO / (team lane)) along z, in each group.
 */
export const conv2dSubgroupForward = (epilogue: Epilogue, t: SubgroupTile, half: boolean): string => {
  const out = vec(t.lane);
  const size = t.team * t.rows;
  const names = columnsOf(t, { columns: "CO", depth: "CI", tile: "group.z" });
  const more = operandsOf(epilogue, out);
  return wgsl`
enable subgroups;
${enableHalf(half)}
${bindings(["x", vec(t.chunk)], ["w", stored(t.lane, half)], ...more, ["y", out])}${rectifier(epilogue, out)}
${convUniform(3 + more.length)}
${subgroupMain(
  t.subgroup,
  t.team,
  wgsl`
  let P = N * OH * OW;
${names.sizes}
  let tile = ${groupIndex} * ${t.subgroup * t.rows}u;
  if (tile >= P) { return; }
  let first = tile + team * ${size}u;
${names.column}
  let load = ${names.base}min(column, ${names.width} - 1u);
${unroll(
  t.rows,
  (r) => `
  let p${r} = min(first + ${r * t.team}u + member, P - 1u);
  let q${r} = p${r} / OW;
  let n${r} = (q${r} / OH) * H;
  let oy${r} = i32(q${r} % OH) * SH - PH;
  let ox${r} = i32(p${r} % OW) * SW - PW;`,
)}
${accumulators(size, out)}
  for (var ky = 0u; ky < KH; ky++) {
    for (var kx = 0u; kx < KW; kx++) {
${unroll(
  t.rows,
  (r) => `
      let iy${r} = oy${r} + i32(ky) * DH;
      let ix${r} = ox${r} + i32(kx) * DW;
      let in${r} = ${all(`u32(iy${r}) < H`, `u32(ix${r}) < W`)};
      let at${r} = select(0u, ((n${r} + u32(iy${r})) * W + u32(ix${r})) * ${names.pixel}${names.offset}, in${r});`,
)}
      let wk = (ky * KW + kx) * ${names.channels} * COLS + load;
      for (var c = 0u; c < STEPS; c++) {
${unroll(t.rows, (r) => `        let a${r} = select(${vec(t.chunk)}(), x[at${r} + c], in${r});`)}
${unroll(t.chunk, (k) => `        let b${k} = ${widened(`w[wk + (c * ${t.chunk}u + ${k}u) * COLS]`, t.lane, half)};`)}
${multiplyTile(t)}
      }
    }
  }
  if (column >= ${names.width}) { return; }
#if ${epilogue.bias}
  let shift = bias[${names.own}];
#endif
${collected(out, accumulatorsOf(size))}
${loop("r", size, `if (first + r < P) { let at = (first + r) * COLS + ${names.own}; y[at] = ${finish(epilogue, "all[r]", "shift", "at")}; }`)}`,
)}`;
};

/**
 * Input gradient. Bindings dy [N,OH,OW,CO], w [KH,KW,CI,CO], (bias, plus,) dx [N,H,W,CI]; `lane` counts input channels, `chunk`
 * output channels. The pixels (iy,ix) with the same remainders modulo the stride form a phase, which only the kernel rows
 * and columns of matching remainder reach: no product with an inserted zero is computed. With `stride1` there is one phase.
 * Dispatch: ceil(N ceil(H/SH) ceil(W/SW) / (subgroup rows)) groups over x and y; SH SW ceil(CI / (team lane)) along z.
 */
export const conv2dSubgroupInputGrad = (stride1: boolean, epilogue: Epilogue, t: SubgroupTile): string => {
  const out = vec(t.lane);
  const size = t.team * t.rows;
  const names = columnsOf(t, { columns: "CI", depth: "CO", tile: "(group.z / PHASES)" });
  const more = operandsOf(epilogue, out);
  return wgsl`
enable subgroups;
${bindings(["dy", vec(t.chunk)], ["w", vec(t.chunk)], ...more, ["dx", out])}
${convUniform(3 + more.length)}
${subgroupMain(
  t.subgroup,
  t.team,
  wgsl`
  let PHASES = u32(SH * SW);
  let HP = (H + u32(SH) - 1u) / u32(SH);
  let WP = (W + u32(SW) - 1u) / u32(SW);
  let P = N * HP * WP;
${names.sizes}
  let tile = ${groupIndex} * ${t.subgroup * t.rows}u;
  if (tile >= P) { return; }
  let first = tile + team * ${size}u;
  let phaseY = i32((group.z % PHASES) / u32(SW));
  let phaseX = i32((group.z % PHASES) % u32(SW));
${names.column}
  let load = min(column, ${names.width} - 1u) * ${t.lane}u * ${names.pixel}${names.offset};
${unroll(
  t.rows,
  (r) => `
  let p${r} = min(first + ${r * t.team}u + member, P - 1u);
  let q${r} = p${r} / WP;
  let n${r} = (q${r} / HP) * OH;
  let py${r} = i32(q${r} % HP);
  let px${r} = i32(p${r} % WP);`,
)}
${accumulators(size, out)}
  for (var ky = 0u; ky < KH; ky++) {
    let ty = phaseY + PH - i32(ky) * DH;
    if (ty % SH != 0) { continue; }
    for (var kx = 0u; kx < KW; kx++) {
      let tx = phaseX + PW - i32(kx) * DW;
      if (tx % SW != 0) { continue; }
      let down = ty / SH; let right = tx / SW;
${unroll(
  t.rows,
  (r) => `
      let oy${r} = py${r} + down;
      let ox${r} = px${r} + right;
      let in${r} = ${all(`u32(oy${r}) < OH`, `u32(ox${r}) < OW`)};
      let at${r} = select(0u, ((n${r} + u32(oy${r})) * OW + u32(ox${r})) * ${names.pixel}${names.offset}, in${r});`,
)}
      let wk = (ky * KW + kx) * ${names.resultChannels} * ${names.pixel} + load;
      for (var c = 0u; c < STEPS; c++) {
${unroll(t.rows, (r) => `        let a${r} = select(${vec(t.chunk)}(), dy[at${r} + c], in${r});`)}
${unroll(t.lane, (j) => `        let w${j} = w[wk + c + ${j}u * ${names.pixel}];`)}
${unroll(t.chunk, (k) => `        let b${k} = ${out}(${unroll(t.lane, (j) => component(`w${j}`, k, t.chunk), ", ")});`)}
${multiplyTile(t)}
      }
    }
  }
${unroll(
  t.rows,
  (r) => `
  // Each lane works out where its own row of the tile goes; the writers learn it by broadcast.
  let iy${r} = u32(phaseY) + u32(py${r} * SH);
  let ix${r} = u32(phaseX) + u32(px${r} * SW);
  let to${r} = select(0xffffffffu, ((n${r} / OH * H + iy${r}) * W + ix${r}) * COLS, ${all(`iy${r} < H`, `ix${r} < W`)});`,
)}
  var to = array<u32, ${size}>(${unroll(size, (row) => fromTeam(`to${Math.floor(row / t.team)}`, row % t.team, t), ", ")});
  if (column >= ${names.width}) { return; }
#if ${epilogue.bias}
  let shift = bias[${names.own}];
#endif
${collected(out, accumulatorsOf(size))}
${loop("r", size, `if (${all("first + r < P", "to[r] != 0xffffffffu")}) { let at = to[r] + ${names.own}; dx[at] = ${finish(epilogue, "all[r]", "shift", "at")}; }`)}`,
  stride1,
)}`;
};
