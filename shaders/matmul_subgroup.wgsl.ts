/**
 * Batched row-major matrix products in which a subgroup owns a tile: no workgroup memory, no barrier. See conv2d_subgroup.wgsl.ts
 * for the idea, lib/team.ts for teams.
 *
 *   matmul   c[z] [M,N] = a[z] [M,K] b[z] [K,N], or b[z] [N,K]^T
 *   gram     c[s,z] [M,N] = a[z] [K,M]^T b[z] [K,N], K cut into splits s of p.run rows
 *
 * M, K and N are multiples of 4 where they are the last size of an operand. A lane holds four columns of the tile; each row is
 * loaded by one lane and shared with the team.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { enableHalf, stored, widened } from "./lib/half.ts";
import { params } from "./lib/params.ts";
import { addTeams, fromTeam, teamHead } from "./lib/team.ts";
import { bindings } from "./lib/thread.ts";
import { component, unroll } from "./lib/vec.ts";

/** Uniform: M, K and N; matrices of the batch; rows of K per split. */
export const matmulFields = ["m", "k", "n", "batch", "run"] as const;

export interface MatmulTile {
  /** Lanes of a subgroup. */
  subgroup: number;
  /** Lanes of a team. */
  team: number;
  /** Rows of c that a team holds: a multiple of `team` in matmul, of 4 in gram. */
  rows: number;
}

/** Elements of K taken at once. */
const CHUNK = 4;
/** Columns per lane. */
const COLUMNS_PER_LANE = 4;

const head = (t: MatmulTile, half = false): string => `
enable subgroups;
${enableHalf(half)}
${bindings(["a", "vec4f"], ["b", stored(4, half)], ["c", "vec4f"])}
${params(matmulFields, 3)}
@compute @workgroup_size(${t.subgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
${teamHead(t.team)}
  let COLS = p.n / ${COLUMNS_PER_LANE}u;
  let column = group.y * ${t.team}u + member;
  let load = min(column, COLS - 1u);
${unroll(t.rows, (r) => `  var acc${r} = vec4f();`)}`;

/**
 * Writes the rows of c, row k to the number that `row` gives for it. Rows and columns beyond the last were computed from the last
 * one and are written there once more: a conditional store takes a software adapter three times as long.
 */
const store = ({ rows }: MatmulTile, row: (k: number) => string): string =>
  unroll(rows, (k) => `  c[(group.z * p.m + ${row(k)}) * COLS + load] = acc${k};`);

/**
 * Dispatch: (ceil(M / (rows subgroup / team)), ceil(N / (4 team)), batch). With `transposed`, b is [N,K]; with `half`, it is stored in half
 * precision.
 */
export const matmulSubgroup = (t: MatmulTile, transposed: boolean, half: boolean): string => {
  const b = (at: string) => widened(`b[${at}]`, 4, half);
  const loads = t.rows / t.team;
  const loadB = transposed
    ? `${unroll(COLUMNS_PER_LANE, (j) => `    let w${j} = ${b(`at + ${j}u * STEPS + s`)};`)}
${unroll(CHUNK, (k) => `    let b${k} = vec4f(${unroll(COLUMNS_PER_LANE, (j) => component(`w${j}`, k, 4), ", ")});`)}`
    : unroll(CHUNK, (k) => `    let b${k} = ${b(`at + (4u * s + ${k}u) * COLS`)};`);
  return wgsl`
${head(t, half)}
  let STEPS = p.k / 4u;
  let first = (group.x * ${t.subgroup / t.team}u + team) * ${t.rows}u;
${unroll(loads, (r) => `  let at${r} = (group.z * p.m + min(first + ${r * t.team}u + member, p.m - 1u)) * STEPS;`)}
  let at = group.z * p.k * COLS + load${transposed ? ` * p.k` : ""};
  for (var s = 0u; s < STEPS; s++) {
${unroll(loads, (r) => `    let a${r} = a[at${r} + s];`)}
${loadB}
${unroll(t.rows, (r) =>
  unroll(CHUNK, (k) => {
    const a = component(`a${Math.floor(r / t.team)}`, k, 4);
    return `    acc${r} += ${fromTeam(a, r % t.team, t)} * b${k};`;
  }),
)}
  }
${store(t, (k) => `min(first + ${k}u, p.m - 1u)`)}
}`;
};

/**
 * Dispatch: (ceil(M / rows), ceil(N / (4 team)), splits batch), the batch varying faster. A team takes every (subgroup / team)th
 * group of four rows of K; the teams' sums are added at the end. The `rows / 4` vectors of a row of a are distributed over the
 * team: member e mod team holds vector e of four rows in register e div team.
 */
export const gramSubgroup = (t: MatmulTile): string => {
  const units = t.rows / 4;
  const loads = Math.ceil((units * CHUNK) / t.team);
  const source = (row: number, k: number) => {
    const e = k * units + Math.floor(row / 4);
    return fromTeam(component(`a${Math.floor(e / t.team)}`, row % 4, 4), e % t.team, t);
  };
  return wgsl`
${head(t)}
  let QUADS = p.m / 4u;
  let first = group.x * ${t.rows}u;
  let matrix = group.z % p.batch * p.k;
  let begin = group.z / p.batch * p.run;
  let end = min(begin + p.run, p.k);
${unroll(
  loads,
  (r) => `
  let e${r} = member + ${r * t.team}u;
  let mine${r} = e${r} / ${units}u;
  let q${r} = min(group.x * ${units}u + e${r} % ${units}u, QUADS - 1u);`,
)}
  for (var k0 = begin; k0 < end; k0 += ${(CHUNK * t.subgroup) / t.team}u) {
    let k = k0 + team * ${CHUNK}u;
${unroll(loads, (r) => `    let a${r} = select(vec4f(), a[(matrix + min(k + mine${r}, end - 1u)) * QUADS + q${r}], k + mine${r} < end);`)}
${unroll(CHUNK, (k) => `    let b${k} = b[(matrix + min(k + ${k}u, end - 1u)) * COLS + load];`)}
${unroll(t.rows, (r) => unroll(CHUNK, (k) => `    acc${r} += ${source(r, k)} * b${k};`))}
  }
${unroll(t.rows, (k) => addTeams(`acc${k}`, t))}
${store(t, (k) => `min(first + ${k - (k % 4)}u, p.m - 4u) + ${k % 4}u`)}
}`;
};
