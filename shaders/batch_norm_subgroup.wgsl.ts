/**
 * Batch normalisation's sums over rows (batch_norm.wgsl.ts) in one dispatch, for few rows: a subgroup takes one vector of
 * channels, each lane every S-th row, and the lanes' sums are added by shuffles.
 * Dispatch: one workgroup, which is one subgroup, per vector of channels.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { batchNormFields, gradientAt } from "./batch_norm.wgsl.ts";
import { params } from "./lib/params.ts";
import { addTeams } from "./lib/team.ts";
import { bindings } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

const frame = (subgroup: number, names: readonly string[], type: string, body: string): string => `
enable subgroups;
${bindings(...names.map((name): [string, string] => [name, type]))}
${params(batchNormFields, names.length)}
@compute @workgroup_size(${subgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let ROWS = p.rows; let QUADS = p.quads;
  let quad = group.x;
${body}
}`;

/** Adds a variable over all lanes. */
const addLanes = (name: string, subgroup: number): string => addTeams(name, { subgroup, team: 1 });

/**
 * x [M,C] -> stats [3,C]; running mean and variance [C] move by MOMENTUM. Bindings x, running_mean, running_var, stats. The shift
 * is the mean of S evenly spread rows.
 */
export const batchNormStatisticsSubgroup = (subgroup: number, lanes: Lanes, eps: number, momentum: number): string => {
  const type = vec(lanes);
  return wgsl`
${frame(
  subgroup,
  ["x", "running_mean", "running_var", "stats"],
  type,
  `
  var shift = x[min(lane * (ROWS / ${subgroup}u), ROWS - 1u) * QUADS + quad];
${addLanes("shift", subgroup)}
  shift /= ${subgroup}.0;
  var sum = ${type}();
  var squares = ${type}();
  for (var r = lane; r < ROWS; r += ${subgroup}u) {
    let d = x[r * QUADS + quad] - shift;
    sum += d;
    squares += d * d;
  }
${addLanes("sum", subgroup)}
${addLanes("squares", subgroup)}
  if (lane > 0u) { return; }
  let n = f32(ROWS);
  let delta = sum / n;
  // Squares that overflow shall be seen as a variance that is not finite, not as one that is not a number.
  let deviation = select(max(squares - sum * delta, ${type}()), squares, squares > ${type}(3e38));
  stats[quad] = shift;
  stats[QUADS + quad] = delta;
  stats[2u * QUADS + quad] = 1.0 / sqrt(deviation / n + f32(${eps}));
  let m = f32(${momentum});
  running_mean[quad] = (1.0 - m) * running_mean[quad] + m * (shift + delta);
  running_var[quad] = (1.0 - m) * running_var[quad] + m * (deviation / (n - 1.0));`,
)}`;
};

/** Bindings x, dy [M,C], stats [3,C], (y [M,C] with ReLU,) sums [2,C] = dgamma, dbeta, and each on its own. */
export const batchNormGradSumsSubgroup = (subgroup: number, lanes: Lanes, relu: boolean): string => {
  const type = vec(lanes);
  return wgsl`
${frame(
  subgroup,
  ["x", "dy", "stats", ...(relu ? ["y"] : []), "sums", "dgamma", "dbeta"],
  type,
  `
  let shift = stats[quad];
  let delta = stats[QUADS + quad];
  let invstd = stats[2u * QUADS + quad];
  var gamma = ${type}();
  var beta = ${type}();
  for (var r = lane; r < ROWS; r += ${subgroup}u) {
    let at = r * QUADS + quad;
    let g = ${gradientAt(relu, type, "at")};
    beta += g;
    gamma += g * (((x[at] - shift) - delta) * invstd);
  }
${addLanes("gamma", subgroup)}
${addLanes("beta", subgroup)}
  if (lane > 0u) { return; }
  sums[quad] = gamma;
  sums[QUADS + quad] = beta;
  dgamma[quad] = gamma;
  dbeta[quad] = beta;`,
)}`;
};
