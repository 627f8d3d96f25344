/**
 * Layer normalisation of rows x [R,C], in two passes over a row, and its gradients.
 *
 *   y[r,c]   = (x[r,c] - mean[r]) rstd[r] gamma[c] + beta[c],   rstd = 1 / sqrt(variance + EPS), biased variance
 *   dx[r,c]  = rstd[r] (g - mean over c of g - xhat mean over c of g xhat),   g = dy gamma, xhat = (x - mean) rstd
 *   dgamma   = sum over r of dy xhat,   dbeta = sum over r of dy
 *
 * Rows as vectors of `lanes` channels, shared out as lib/rows.ts says.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { rowsByTeam, rowsByThread, type RowForm, type RowTeams } from "./lib/rows.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { horizontalSum, vec, type Lanes } from "./lib/vec.ts";

/** Uniform: rows, vectors per row, and EPS; rows of a run in the sums over rows. */
export const layerNormFields = ["rows", "quads", "eps", "run"] as const;

const count = (lanes: Lanes): string => `f32(p.quads * ${lanes}u)`;

const forward = (form: RowForm, lanes: Lanes): string => {
  const type = vec(lanes);
  return form.main(
    [
      ["x", type],
      ["gamma", type],
      ["beta", type],
      ["y", type],
      ["means", "f32"],
      ["rstds", "f32"],
    ],
    `
  var total = ${type}();
${form.each("    total += x[at];")}
  var sum = ${horizontalSum("total", lanes)};
${form.add("sum")}
  let mean = sum / ${count(lanes)};
  var squares = ${type}();
${form.each(`    let d = x[at] - mean;\n    squares += d * d;`)}
  var square = ${horizontalSum("squares", lanes)};
${form.add("square")}
  let rstd = inverseSqrt(square / ${count(lanes)} + bitcast<f32>(p.eps));
${form.each("    y[at] = (x[at] - mean) * rstd * gamma[k] + beta[k];")}
  means[row] = mean;
  rstds[row] = rstd;`,
  );
};

const inputGrad = (form: RowForm, lanes: Lanes): string => {
  const type = vec(lanes);
  return form.main(
    [
      ["dy", type],
      ["x", type],
      ["gamma", type],
      ["means", "f32"],
      ["rstds", "f32"],
      ["dx", type],
    ],
    `
  let mean = means[row];
  let rstd = rstds[row];
  var first = ${type}();
  var second = ${type}();
${form.each(`    let g = dy[at] * gamma[k];\n    first += g;\n    second += g * (x[at] - mean);`)}
  var a = ${horizontalSum("first", lanes)};
${form.add("a")}
  var b = ${horizontalSum("second", lanes)};
${form.add("b")}
  a /= ${count(lanes)};
  b *= rstd * rstd / ${count(lanes)};
${form.each("    dx[at] = rstd * (dy[at] * gamma[k] - a - (x[at] - mean) * b);")}`,
  );
};

/** Bindings x, gamma, beta, y, mean [R], rstd [R]. Dispatch: one thread per row. */
export const layerNorm = (threads: number, lanes: Lanes): string =>
  forward(rowsByThread(layerNormFields, threads), lanes);

/** The same. Dispatch: ceil(R team / subgroup) groups folded over x and y. */
export const layerNormSubgroup = (teams: RowTeams, lanes: Lanes): string =>
  forward(rowsByTeam(layerNormFields, teams), lanes);

/** Bindings dy, x, gamma, mean, rstd, dx. Dispatch: one thread per row. */
export const layerNormInputGrad = (threads: number, lanes: Lanes): string =>
  inputGrad(rowsByThread(layerNormFields, threads), lanes);

/** The same. Dispatch: ceil(R team / subgroup) groups folded over x and y. */
export const layerNormInputGradSubgroup = (teams: RowTeams, lanes: Lanes): string =>
  inputGrad(rowsByTeam(layerNormFields, teams), lanes);

/** Sums over each run of p.run rows: dgamma, dbeta [RUNS,C]. Bindings dy, x, mean, rstd, dgamma, dbeta. One thread per run and vector. */
export const layerNormParameterGrads = (threads: number, lanes: Lanes): string => {
  const type = vec(lanes);
  return wgsl`
${bindings(["dy", type], ["x", type], ["means", "f32"], ["rstds", "f32"], ["dgamma", type], ["dbeta", type])}
${params(layerNormFields, 6)}
${threadMain(
  { items: "arrayLength(&dgamma)", threads },
  `  let c = i % p.quads;
  let run = i / p.quads;
  let end = min((run + 1u) * p.run, p.rows);
  var scaled = ${type}();
  var plain = ${type}();
  for (var row = run * p.run; row < end; row++) {
    let g = dy[row * p.quads + c];
    scaled += g * ((x[row * p.quads + c] - means[row]) * rstds[row]);
    plain += g;
  }
  dgamma[i] = scaled;
  dbeta[i] = plain;`,
)}`;
};
