/**
 * Convolution's weight gradient as an implicit GEMM in which a subgroup owns a tile (see conv2d_subgroup.wgsl.ts).
 *
 *   DW [K,CO] = X'^T [K,P] DY [P,CO]     K = (ky,kx,ci)
 *
 * P is split; a second kernel adds the partial sums. In each line of output pixels of its split, a team takes every (subgroup /
 * team)th group of `pixels`. The tile's `rows / chunk` units, each at `pixels` pixels, are distributed over the team: item e is
 * unit e mod units at pixel e div units, held by member e mod team in register e div team. The teams' sums are added at the end.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { accumulators, accumulatorsOf, subgroupMain } from "./conv2d_subgroup.wgsl.ts";
import { convUniform } from "./lib/conv.ts";
import { columnsOf } from "./lib/groups.ts";
import { collected } from "./lib/loops.ts";
import { bindings, loop } from "./lib/thread.ts";
import { addTeams, fromTeam } from "./lib/team.ts";
import { all, component, unroll, vec, type Lanes } from "./lib/vec.ts";

export interface WeightGradTile {
  subgroup: number;
  team: number;
  /** Output channels per lane. */
  lane: Lanes;
  /** Input channels loaded at once by one lane. */
  chunk: 1 | 4;
  /** Weight rows (ky,kx,ci) of the tile, a multiple of `chunk`. */
  rows: number;
  /** Pixels that a team takes at once; `pixels rows / chunk` is a multiple of the team. */
  pixels: number;
  /** Whether `rows` divides the input channels, so that a tile lies under one element of the kernel. */
  oneTap: boolean;
  /** Whether there are several groups of channels; the numbers above are of one group. */
  grouped: boolean;
}

/**
 * Bindings x [N,H,W,CI], dy [N,OH,OW,CO], part [splits,KH,KW,CI,CO]. Dispatch: (ceil(KH KW CI / rows), ceil(CO / (team lane)) in each group, splits),
 * CI and CO being those of a group.
 */
export const conv2dSubgroupWeightGrad = (t: WeightGradTile): string => {
  const out = vec(t.lane);
  const units = t.rows / t.chunk;
  const loads = (units * t.pixels) / t.team;
  const names = namesOf(t);
  // Channel k of unit u at pixel j, from its lane.
  const source = (u: number, k: number, j: number) => {
    const e = j * units + u;
    return fromTeam(component(`a${Math.floor(e / t.team)}`, k, t.chunk), e % t.team, t);
  };
  const multiply = unroll(units, (u) =>
    unroll(t.chunk, (k) => unroll(t.pixels, (j) => `      acc${u * t.chunk + k} += ${source(u, k, j)} * d${j};`)),
  );
  const { head, lines } = (t.oneTap ? oneTap : manyTaps)(t, { units, loads, multiply });
  return wgsl`
enable subgroups;
${bindings(["x", vec(t.chunk)], ["dy", out], ["part", out])}
${convUniform(3)}
${subgroupMain(
  t.subgroup,
  t.team,
  wgsl`
${names.sizes}
  let ROWS = KH * KW * ${names.channels};
${names.column}
  let load = ${names.base}min(column, ${names.width} - 1u);
${head}
${accumulators(t.rows, out)}
${lines}
  let first = group.x * ${t.rows}u;
  let writes = ${all(`column < ${names.width}`, "team == 0u")};
${collected(out, accumulatorsOf(t.rows))}
${loop(
  "r",
  t.rows,
  wgsl`
  var sum = all[r];
${addTeams("sum", t)}
  if (${all("writes", "first + r < ROWS")}) { part[(group.z * ROWS + first + r) * COLS + ${names.own}] = sum; }`,
)}`,
)}`;
};

const namesOf = (t: WeightGradTile) => columnsOf(t, { columns: "CO", depth: "CI", tile: "group.y" });

interface Body {
  units: number;
  loads: number;
  /** What is done with the loaded values. */
  multiply: string;
}

/** Steps along a line of output pixels from `from` to `to`. */
const along = (t: WeightGradTile, from: string, to: string, body: string): string => `
    for (var x0 = ${from}; x0 < ${to}; x0 += ${(t.pixels * t.subgroup) / t.team}u) {
      let ox = x0 + team * ${t.pixels}u;
${body}
    }`;

/** The unit, and the pixel of its group, that the lane loads into register r. */
const unitOf = (t: WeightGradTile, r: number, units: number): string => `(member + ${r * t.team}u) % ${units}u`;
const pixelOf = (t: WeightGradTile, r: number, units: number): string => `(member + ${r * t.team}u) / ${units}u`;

/** Rows of the tile anywhere in the kernel: every lane checks whether its pixel lies in the image. */
const manyTaps = (t: WeightGradTile, { units, loads, multiply }: Body): { head: string; lines: string } => ({
  head: unroll(
    loads,
    (r) => `
  let q${r} = group.x * ${units}u + ${unitOf(t, r, units)};
  let mine${r} = ${pixelOf(t, r, units)};
  let row${r} = q${r} < ROWS / ${t.chunk}u;
  let ky${r} = i32(q${r} / (STEPS * KW)) * DH - PH;
  let kx${r} = i32((q${r} / STEPS) % KW) * DW - PW + i32(mine${r}) * SW;
  let c${r} = q${r} % STEPS;`,
  ),
  lines: `
  let begin = N * OH * group.z / groups.z;
  let end = N * OH * (group.z + 1u) / groups.z;
  for (var line = begin; line < end; line++) {
    let top = i32(line % OH) * SH;
    let image = line / OH * H;
${unroll(
  loads,
  (r) => `
    let iy${r} = top + ky${r};
    let inRow${r} = ${all(`row${r}`, `u32(iy${r}) < H`)};
    let at${r} = (image + u32(iy${r})) * W * ${namesOf(t).pixel} + c${r}${namesOf(t).offset};`,
)}
${along(
  t,
  "0u",
  "OW",
  `${unroll(
    loads,
    (r) => `
      let ix${r} = i32(ox) * SW + kx${r};
      let in${r} = ${all(`inRow${r}`, `u32(ix${r}) < W`, `ox + mine${r} < OW`)};
      let a${r} = select(${vec(t.chunk)}(), x[select(0u, at${r} + u32(ix${r}) * ${namesOf(t).pixel}, in${r})], in${r});`,
  )}
${unroll(t.pixels, (j) => `      let d${j} = dy[(line * OW + min(ox + ${j}u, OW - 1u)) * COLS + load];`)}
${multiply}`,
)}
  }`,
});

/** All rows of the tile under one element of the kernel: visits only the output pixels for which that lies inside the image. */
const oneTap = (t: WeightGradTile, { units, loads, multiply }: Body): { head: string; lines: string } => ({
  head: `
  let tap = group.x * ${t.rows}u / ${namesOf(t).channels};
  let down = i32(tap / KW) * DH - PH;
  let right = i32(tap % KW) * DW - PW;
  let y0 = u32(max((SH - 1 - down) / SH, 0));
  let y1 = max(min(u32(max((i32(H) - down + SH - 1) / SH, 0)), OH), y0);
  let left = u32(max((SW - 1 - right) / SW, 0));
  let x1 = min(u32(max((i32(W) - right + SW - 1) / SW, 0)), OW);
${unroll(
  loads,
  (r) => `
  let mine${r} = ${pixelOf(t, r, units)};
  let c${r} = group.x * ${units}u % STEPS + ${unitOf(t, r, units)}${namesOf(t).offset};`,
)}`,
  lines: `
  let height = y1 - y0;
  let begin = N * height * group.z / groups.z;
  let end = N * height * (group.z + 1u) / groups.z;
  for (var line = begin; line < end; line++) {
    let image = line / height;
    let oy = y0 + line % height;
    let corner = i32((image * H + u32(i32(oy) * SH + down)) * W) + right;
    let to = (image * OH + oy) * OW;
${along(
  t,
  "left",
  "x1",
  `${unroll(
    loads,
    (r) => `
      let o${r} = ox + mine${r};
      let a${r} = select(${vec(t.chunk)}(), x[u32(corner + i32(min(o${r}, x1 - 1u)) * SW) * ${namesOf(t).pixel} + c${r}], o${r} < x1);`,
  )}
${unroll(t.pixels, (j) => `      let d${j} = dy[(to + min(ox + ${j}u, x1 - 1u)) * COLS + load];`)}
${multiply}`,
)}
  }`,
});
