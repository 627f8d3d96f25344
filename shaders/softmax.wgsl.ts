/**
 * The softmax of rows x [R,K], scaled, with a bias that repeats every p.period rows:
 *
 *   y[r,k]  = exp(z[r,k] - max z[r]) / sum over k of the same,   z[r,k] = SCALE x[r,k] + bias[r mod PERIOD,k]
 *   dz[r,k] = y (dy - sum over k of y dy),   dx = SCALE dz
 *
 * Rows as vectors of `lanes` elements, shared out as lib/rows.ts says.
 */
import { rowsByTeam, rowsByThread, type RowForm, type RowTeams } from "./lib/rows.ts";
import { horizontalSum, vec, type Lanes } from "./lib/vec.ts";

/** Uniform: rows, vectors per row, SCALE, and rows after which the bias repeats. */
export const softmaxFields = ["rows", "quads", "scale", "period"] as const;

const horizontalMax = (name: string, lanes: Lanes): string =>
  lanes === 1 ? name : `max(max(${name}.x, ${name}.y), max(${name}.z, ${name}.w))`;

const forward = (form: RowForm, lanes: Lanes, biased: boolean): string => {
  const type = vec(lanes);
  const z = `x[at] * scale${biased ? " + bias[(row % p.period) * p.quads + k]" : ""}`;
  const bias: [string, string][] = biased ? [["bias", type]] : [];
  return form.main(
    [["x", type], ...bias, ["y", type]],
    `
  let scale = bitcast<f32>(p.scale);
  var tops = ${type}(-3e38);
${form.each(`    tops = max(tops, ${z});`)}
  var top = ${horizontalMax("tops", lanes)};
${form.greatest("top")}
  var sums = ${type}();
${form.each(`    let e = exp(${z} - top);\n    y[at] = e;\n    sums += e;`)}
  var sum = ${horizontalSum("sums", lanes)};
${form.add("sum")}
  let share = 1.0 / sum;
${form.each("    y[at] = y[at] * share;")}`,
  );
};

const inputGrad = (form: RowForm, lanes: Lanes): string => {
  const type = vec(lanes);
  return form.main(
    [
      ["y", type],
      ["dy", type],
      ["dx", type],
    ],
    `
  var sums = ${type}();
${form.each("    sums += y[at] * dy[at];")}
  var sum = ${horizontalSum("sums", lanes)};
${form.add("sum")}
${form.each("    dx[at] = bitcast<f32>(p.scale) * y[at] * (dy[at] - sum);")}`,
  );
};

/** Bindings x, (bias,) y. */
export const softmax = (threads: number, lanes: Lanes, biased: boolean): string =>
  forward(rowsByThread(softmaxFields, threads), lanes, biased);
export const softmaxSubgroup = (teams: RowTeams, lanes: Lanes, biased: boolean): string =>
  forward(rowsByTeam(softmaxFields, teams), lanes, biased);

/** Bindings y, dy, dx. */
export const softmaxInputGrad = (threads: number, lanes: Lanes): string =>
  inputGrad(rowsByThread(softmaxFields, threads), lanes);
export const softmaxInputGradSubgroup = (teams: RowTeams, lanes: Lanes): string =>
  inputGrad(rowsByTeam(softmaxFields, teams), lanes);
