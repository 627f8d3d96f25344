/**
 * Batch normalisation over x [M,C] (M = N H W rows), with an optional residual and ReLU in the same pass.
 *
 *   mean[c], var[c]   over the M rows (biased variance)
 *   y   = relu?((x - mean) invstd gamma + beta + residual?),   invstd = 1 / sqrt(var + EPS)
 *   g   = dy where y > 0 (with ReLU), else dy
 *   dbeta = sum g,  dgamma = sum g xhat,  xhat = (x - mean) invstd
 *   dx  = gamma invstd (g - dbeta / M - xhat dgamma / M)        training
 *   dx  = gamma invstd g                                         inference
 *
 * Statistics are kept as three vectors, stats [3,C] = shift, delta, invstd, with mean = shift + delta: x - shift is
 * exact where x is close to its mean, so that a mean a thousand times the deviation costs no digits. Each run of rows
 * is summed about its own shift; the runs are merged in order by the pairwise formula of Chan, Golub and LeVeque.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { bindings, threadMain, type ThreadGrid } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

export interface BatchNormSize {
  rows: number;
  /** Vectors a row. */
  quads: number;
  lanes: Lanes;
  /** Runs of rows; each thread of the first pass takes one run of one vector of channels. */
  runs: number;
}

const constants = ({ rows, quads, runs }: BatchNormSize): string => `
const ROWS = ${rows}u; const QUADS = ${quads}u; const RUNS = ${runs}u; const RUN = ${Math.ceil(rows / runs)}u;`;

/** x [M,C] -> part [3,RUNS,C]: shift, mean - shift, sum of squared deviations of each run. One thread a run and vector. */
export const batchNormStatistics = (size: BatchNormSize, grid: ThreadGrid): string => {
  const type = vec(size.lanes);
  return wgsl`
${bindings(["x", type], ["part", type])}
${constants(size)}
${threadMain(
  grid,
  `  let quad = i % QUADS;
  let begin = (i / QUADS) * RUN;
  let end = min(begin + RUN, ROWS);
  // A few rows' mean is a better shift than one row, which may be an outlier.
  let few = min(end, begin + 8u);
  var shift = ${type}();
  for (var r = begin; r < few; r++) { shift += x[r * QUADS + quad]; }
  shift /= f32(max(few - begin, 1u));
  var sum = ${type}();
  var squares = ${type}();
  for (var r = begin; r < end; r++) {
    let d = x[r * QUADS + quad] - shift;
    sum += d;
    squares += d * d;
  }
  let n = f32(end - begin);
  part[i] = shift;
  part[i + RUNS * QUADS] = sum / n;
  part[i + 2u * RUNS * QUADS] = max(squares - sum * sum / n, ${type}());`,
)}`;
};

/**
 * part [3,RUNS,C] -> stats [3,C]; running mean and variance [C] move by MOMENTUM towards the batch's mean and unbiased
 * variance. One thread a vector of channels.
 */
export const batchNormMerge = (size: BatchNormSize, grid: ThreadGrid, eps: number, momentum: number): string => {
  const type = vec(size.lanes);
  return wgsl`
${bindings(["part", type], ["running_mean", type], ["running_var", type], ["stats", type])}
${constants(size)}
${threadMain(
  grid,
  `  let shift = part[i];
  var n = f32(min(RUN, ROWS));
  var delta = part[RUNS * QUADS + i];
  var squares = part[2u * RUNS * QUADS + i];
  for (var k = 1u; k < RUNS; k++) {
    let at = k * QUADS + i;
    let nk = f32(min(RUN, ROWS - k * RUN));
    let d = (part[at] - shift) + part[at + RUNS * QUADS] - delta;
    let total = n + nk;
    delta += d * (nk / total);
    squares += part[at + 2u * RUNS * QUADS] + d * d * (n * nk / total);
    n = total;
  }
  stats[i] = shift;
  stats[QUADS + i] = delta;
  stats[2u * QUADS + i] = 1.0 / sqrt(squares / f32(ROWS) + f32(${eps}));
  let m = f32(${momentum});
  running_mean[i] = (1.0 - m) * running_mean[i] + m * (shift + delta);
  running_var[i] = (1.0 - m) * running_var[i] + m * (squares / f32(ROWS - 1u));`,
)}`;
};

/** Running mean and variance [C] -> stats [3,C]. One thread a vector of channels. */
export const batchNormRunning = (size: BatchNormSize, grid: ThreadGrid, eps: number): string => {
  const type = vec(size.lanes);
  return wgsl`
${bindings(["running_mean", type], ["running_var", type], ["stats", type])}
${constants(size)}
${threadMain(
  grid,
  `  stats[i] = running_mean[i];
  stats[QUADS + i] = ${type}();
  stats[2u * QUADS + i] = 1.0 / sqrt(running_var[i] + f32(${eps}));`,
)}`;
};

export interface BatchNormFusion {
  relu: boolean;
  residual: boolean;
}

/** Bindings x [M,C], stats [3,C], gamma [C], beta [C], (residual [M,C],) y [M,C]. One thread a vector. */
export const batchNormApply = (size: BatchNormSize, grid: ThreadGrid, { relu, residual }: BatchNormFusion): string => {
  const type = vec(size.lanes);
  const arrays: [string, string][] = ["x", "stats", "gamma", "beta", ...(residual ? ["residual"] : []), "y"].map(
    (name) => [name, type],
  );
  return wgsl`
${bindings(...arrays)}
${constants(size)}
${threadMain(
  grid,
  wgsl`
  let c = i % QUADS;
  var v = ((x[i] - stats[c]) - stats[QUADS + c]) * (stats[2u * QUADS + c] * gamma[c]) + beta[c];
#if ${residual}
  v += residual[i];
#endif
#if ${relu}
  v = max(v, ${type}());
#endif
  y[i] = v;`,
)}`;
};

const gradient = (relu: boolean, type: string, at: string): string =>
  relu ? `select(${type}(), dy[${at}], y[${at}] > ${type}())` : `dy[${at}]`;

/**
 * Bindings x, dy [M,C], stats [3,C], (y [M,C] with ReLU,) part [RUNS,2,C] = sum g xhat, sum g. One thread a run and
 * vector.
 */
export const batchNormGradSums = (size: BatchNormSize, grid: ThreadGrid, relu: boolean): string => {
  const type = vec(size.lanes);
  const arrays = ["x", "dy", "stats", ...(relu ? ["y"] : []), "part"].map((n): [string, string] => [n, type]);
  return wgsl`
${bindings(...arrays)}
${constants(size)}
${threadMain(
  grid,
  `  let quad = i % QUADS;
  let run = i / QUADS;
  let end = min((run + 1u) * RUN, ROWS);
  let shift = stats[quad];
  let delta = stats[QUADS + quad];
  let invstd = stats[2u * QUADS + quad];
  var dgamma = ${type}();
  var dbeta = ${type}();
  for (var r = run * RUN; r < end; r++) {
    let at = r * QUADS + quad;
    let g = ${gradient(relu, type, "at")};
    dbeta += g;
    dgamma += g * (((x[at] - shift) - delta) * invstd);
  }
  part[2u * run * QUADS + quad] = dgamma;
  part[(2u * run + 1u) * QUADS + quad] = dbeta;`,
)}`;
};

/** part [RUNS,2,C] -> sums [2,C] = dgamma, dbeta; and each for itself. One thread a vector of channels. */
export const batchNormGradMerge = (size: BatchNormSize, grid: ThreadGrid): string => {
  const type = vec(size.lanes);
  return wgsl`
${bindings(["part", type], ["sums", type], ["dgamma", type], ["dbeta", type])}
${constants(size)}
${threadMain(
  grid,
  `  var gamma = ${type}();
  var beta = ${type}();
  for (var k = 0u; k < RUNS; k++) {
    gamma += part[2u * k * QUADS + i];
    beta += part[(2u * k + 1u) * QUADS + i];
  }
  sums[i] = gamma;
  sums[QUADS + i] = beta;
  dgamma[i] = gamma;
  dbeta[i] = beta;`,
)}`;
};

/**
 * Bindings x, dy [M,C], stats [3,C], gamma [C], (sums [2,C] in training,) (y [M,C] with ReLU,) dx [M,C],
 * (dresidual [M,C]). One thread a vector.
 */
export const batchNormInputGrad = (
  size: BatchNormSize,
  grid: ThreadGrid,
  { relu, residual, training }: BatchNormFusion & { training: boolean },
): string => {
  const type = vec(size.lanes);
  const names = ["x", "dy", "stats", "gamma"];
  if (training) names.push("sums");
  if (relu) names.push("y");
  names.push("dx");
  if (residual) names.push("dresidual");
  return wgsl`
${bindings(...names.map((n): [string, string] => [n, type]))}
${constants(size)}
${threadMain(
  grid,
  wgsl`
  let c = i % QUADS;
  let g = ${gradient(relu, type, "i")};
  let invstd = stats[2u * QUADS + c];
#if ${training}
  let xhat = ((x[i] - stats[c]) - stats[QUADS + c]) * invstd;
  let scale = f32(${1 / size.rows});
  dx[i] = gamma[c] * invstd * (g - sums[QUADS + c] * scale - xhat * (sums[c] * scale));
#else
  dx[i] = gamma[c] * invstd * g;
#endif
#if ${residual}
  dresidual[i] = g;
#endif`,
)}`;
};
