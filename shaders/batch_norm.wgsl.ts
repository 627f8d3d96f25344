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
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { rectified, vec, type Lanes } from "./lib/vec.ts";

/**
 * Uniform: rows M; vectors per row; number of runs and rows per run, in kernels that sum over rows; rows that the statistics
 * cover, where x is bound in parts; first run and number of runs of the statistics kernel's part.
 */
export const batchNormFields = ["rows", "quads", "runs", "run", "total", "first", "count"] as const;

/** Rows that a thread of the elementwise kernels takes for one vector of channels, to load the channels' data only once. */
export const ROWS_PER_THREAD = 8;

const sizes = `
  let ROWS = p.rows; let QUADS = p.quads; let RUNS = p.runs; let RUN = p.run;`;

const declare = (names: readonly string[], type: string): string => `
${bindings(...names.map((name): [string, string] => [name, type]))}
${params(batchNormFields, names.length)}`;

/**
 * x, starting at the first row of run p.first -> part [3,RUNS,C]: shift, mean - shift, sum of squared deviations of each
 * run. One thread per run and vector. The shift is a few rows' mean: one row may be an outlier.
 */
export const batchNormStatistics = (threads: number, lanes: Lanes): string => {
  const type = vec(lanes);
  return wgsl`
${declare(["x", "part"], type)}
${threadMain(
  { items: "p.count * p.quads", threads },
  `${sizes}
  let quad = i % QUADS;
  let begin = (i / QUADS) * RUN;
  let end = min(begin + RUN, ROWS - p.first * RUN);
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
  let at = i + p.first * QUADS;
  part[at] = shift;
  part[at + RUNS * QUADS] = sum / n;
  part[at + 2u * RUNS * QUADS] = max(squares - sum * sum / n, ${type}());`,
)}`;
};

/**
 * part [3,RUNS,C] -> stats [3,C]; running mean and variance [C] move by MOMENTUM towards the batch's mean and unbiased
 * variance. One thread per vector of channels.
 */
export const batchNormMerge = (threads: number, lanes: Lanes, eps: number, momentum: number): string => {
  const type = vec(lanes);
  return wgsl`
${declare(["part", "running_mean", "running_var", "stats"], type)}
${threadMain(
  { items: "p.quads", threads },
  `${sizes}
  let shift = part[i];
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

/** Running mean and variance [C] -> stats [3,C]. One thread per vector of channels. */
export const batchNormRunning = (threads: number, lanes: Lanes, eps: number): string => {
  const type = vec(lanes);
  return wgsl`
${declare(["running_mean", "running_var", "stats"], type)}
${threadMain(
  { items: "p.quads", threads },
  `  let QUADS = p.quads;
  stats[i] = running_mean[i];
  stats[QUADS + i] = ${type}();
  stats[2u * QUADS + i] = 1.0 / sqrt(running_var[i] + f32(${eps}));`,
)}`;
};

export interface BatchNormFusion {
  relu: boolean;
  residual: boolean;
}

/** `main` of the elementwise kernels: `setup` once per thread with the vector of channels in `c`, `each` once per row at `at`. */
const rowsMain = (threads: number, setup: string, each: string): string =>
  threadMain(
    { items: `p.quads * ((p.rows + ${ROWS_PER_THREAD - 1}u) / ${ROWS_PER_THREAD}u)`, threads },
    `  let QUADS = p.quads;
  let c = i % QUADS;
  let begin = i / QUADS * ${ROWS_PER_THREAD}u;
  let end = min(begin + ${ROWS_PER_THREAD}u, p.rows);
${setup}
  for (var r = begin; r < end; r++) {
    let at = r * QUADS + c;
${each}
  }`,
  );

/** Bindings x [M,C], stats [3,C], gamma [C], beta [C], (residual [M,C],) y [M,C]. */
export const batchNormApply = (threads: number, lanes: Lanes, { relu, residual }: BatchNormFusion): string => {
  const type = vec(lanes);
  return wgsl`
${declare(["x", "stats", "gamma", "beta", ...(residual ? ["residual"] : []), "y"], type)}
${rowsMain(
  threads,
  `  let shift = stats[c];
  let delta = stats[QUADS + c];
  let factor = stats[2u * QUADS + c] * gamma[c];
  let offset = beta[c];`,
  wgsl`
    var v = ((x[at] - shift) - delta) * factor + offset;
#if ${residual}
    v += residual[at];
#endif
#if ${relu}
    v = ${rectified("v", type)};
#endif
    y[at] = v;`,
)}`;
};

/** The gradient that reaches the normalised value at `at`. */
export const gradientAt = (relu: boolean, type: string, at: string): string =>
  relu ? `select(${type}(), dy[${at}], y[${at}] > ${type}())` : `dy[${at}]`;

/**
 * Bindings x, dy [M,C], stats [3,C], (y [M,C] with ReLU,) part [RUNS,2,C] = sum g xhat, sum g. One thread per run and
 * vector.
 */
export const batchNormGradSums = (threads: number, lanes: Lanes, relu: boolean): string => {
  const type = vec(lanes);
  return wgsl`
${declare(["x", "dy", "stats", ...(relu ? ["y"] : []), "part"], type)}
${threadMain(
  { items: "p.runs * p.quads", threads },
  `${sizes}
  let quad = i % QUADS;
  let run = i / QUADS;
  let end = min((run + 1u) * RUN, ROWS);
  let shift = stats[quad];
  let delta = stats[QUADS + quad];
  let invstd = stats[2u * QUADS + quad];
  var dgamma = ${type}();
  var dbeta = ${type}();
  for (var r = run * RUN; r < end; r++) {
    let at = r * QUADS + quad;
    let g = ${gradientAt(relu, type, "at")};
    dbeta += g;
    dgamma += g * (((x[at] - shift) - delta) * invstd);
  }
  part[2u * run * QUADS + quad] = dgamma;
  part[(2u * run + 1u) * QUADS + quad] = dbeta;`,
)}`;
};

/** part [RUNS,2,C] -> sums [2,C] = dgamma, dbeta; and each on its own. One thread per vector of channels. */
export const batchNormGradMerge = (threads: number, lanes: Lanes): string => {
  const type = vec(lanes);
  return wgsl`
${declare(["part", "sums", "dgamma", "dbeta"], type)}
${threadMain(
  { items: "p.quads", threads },
  `  let QUADS = p.quads; let RUNS = p.runs;
  var gamma = ${type}();
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
 * (dresidual [M,C]).
 */
export const batchNormInputGrad = (
  threads: number,
  lanes: Lanes,
  { relu, residual, training }: BatchNormFusion & { training: boolean },
): string => {
  const type = vec(lanes);
  const names = ["x", "dy", "stats", "gamma"];
  if (training) names.push("sums");
  if (relu) names.push("y");
  names.push("dx");
  if (residual) names.push("dresidual");
  return wgsl`
${declare(names, type)}
${rowsMain(
  threads,
  wgsl`
  let invstd = stats[2u * QUADS + c];
  let factor = gamma[c] * invstd;
#if ${training}
  let shift = stats[c];
  let delta = stats[QUADS + c];
  let meanG = sums[QUADS + c] / f32(p.total);
  let slope = sums[c] / f32(p.total) * invstd;
#endif`,
  wgsl`
    let g = ${gradientAt(relu, type, "at")};
#if ${training}
    dx[at] = factor * (g - meanG - ((x[at] - shift) - delta) * slope);
#else
    dx[at] = factor * g;
#endif
#if ${residual}
    dresidual[at] = g;
#endif`,
)}`;
};
