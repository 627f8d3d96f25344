/**
 * Class activation: the channels of features f [N,P,C] summed with per-sample weights a [N,C].
 *
 *   s[n,p] = sum_c a[n,c] f[n,p,c],   y = max(s, 0) or s
 *
 *   g = dy where y > 0, else 0 (without ReLU dy),   df[n,p,c] = a[n,c] g[n,p],   da[n,c] = sum_p g f   (da: spatial_sum)
 *
 * f, a and df in vectors of `lanes` channels; y, dy and g [N,P]. A uniform holds P, the vectors per pixel and N. One thread per pixel.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { horizontalSum, vec, type Lanes } from "./lib/vec.ts";

export const classActivationFields = ["pixels", "quads", "samples"] as const;

const main = (threads: number, body: string): string =>
  threadMain({ items: "p.samples * p.pixels", threads }, `  let QUADS = p.quads;\n  let n = i / p.pixels;\n${body}`);

/** Bindings f, a, y. */
export const classActivation = (threads: number, lanes: Lanes, relu: boolean): string => {
  const type = vec(lanes);
  const sum = horizontalSum("sum", lanes);
  return wgsl`
${bindings(["f", type], ["a", type], ["y", "f32"])}
${params(classActivationFields, 3)}
${main(
  threads,
  `  var sum = ${type}();
  for (var q = 0u; q < QUADS; q++) { sum += a[n * QUADS + q] * f[i * QUADS + q]; }
  y[i] = ${relu ? `max(${sum}, 0.0)` : sum};`,
)}`;
};

/** Bindings a, dy, (y,) df, (g): y and g only with ReLU; without it g is dy. */
export const classActivationGrad = (threads: number, lanes: Lanes, relu: boolean): string => {
  const type = vec(lanes);
  const optional = (name: string): [string, string][] => (relu ? [[name, "f32"]] : []);
  const arrays: [string, string][] = [["a", type], ["dy", "f32"], ...optional("y"), ["df", type], ...optional("g")];
  return wgsl`
${bindings(...arrays)}
${params(classActivationFields, arrays.length)}
${main(
  threads,
  `  let slope = ${relu ? "select(0.0, dy[i], y[i] > 0.0)" : "dy[i]"};
${relu ? "  g[i] = slope;" : ""}
  for (var q = 0u; q < QUADS; q++) { df[i * QUADS + q] = a[n * QUADS + q] * slope; }`,
)}`;
};
